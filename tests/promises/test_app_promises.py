"""Promises 8, 9 and 10, as users meet them: through an app, its store and its requests."""

import importlib
import pickle
import sys
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from attrs import frozen

from yieldflow import App, Flow, RunFailed, TimedOut, hook, step, workflow
from yieldflow.codec.packing import pack, unpack
from yieldflow.core.answers import hook_token, token_hash
from yieldflow.core.commands import CallStep
from yieldflow.core.events import CommandIssued, CommandResolved, RunStarted
from yieldflow.core.outcome import Err, Failure
from yieldflow.ports import Commit, Done, Head


@step
def one(n: int) -> int:
    return n


@workflow
def asks() -> Flow[str]:
    first = yield from one(1)
    return f"{first}{(yield from hook('approval', str))}"


@workflow
def counts(n: int) -> Flow[int]:
    for number in range(n):
        yield one(number)
    return n


@frozen
class Order:
    id: UUID
    lines: tuple[tuple[str, Decimal], ...]
    at: datetime


@step
def ordered() -> Order:
    return Order(UUID(int=7), (("tea", Decimal("1.50")),), datetime(2026, 1, 2, tzinfo=UTC))


@step
def unannotated():
    return {1: (2, {"three"}), "date": datetime(2026, 1, 2, tzinfo=UTC)}


SEEN: list[str] = []


@workflow
def sees() -> Flow[int]:
    for asked in (ordered(), unannotated(), hook("payload", set[int])):
        SEEN.append(repr((yield asked)))
    yield hook("end")
    return len(SEEN)


def test_first_sight_is_replay_sight_in_another_process(tmp_path: Path):
    """Whose memory is its own: it has nothing but the file."""
    url = f"sqlite:///{tmp_path}/shop.db"
    SEEN.clear()
    with closing(App(url)) as first:
        run = first.start(sees(), run_id="r")
        run.send("payload", [3, 2, 3])
        with pytest.raises(TimedOut):
            run.result(timeout=0.3)
    sights = [*SEEN]
    assert len(sights) == 3
    assert sights[0].startswith("Order(id=UUID(")
    SEEN.clear()
    with closing(App(url)) as second:
        second.send("r", "end", None)
        assert second.get("r").result(timeout=10) == 3
    assert sights == SEEN


def test_nobody_can_guess_a_hook_token(tmp_path: Path):
    app = App(f"sqlite:///{tmp_path}/shop.db")
    runs = [app.start(asks()) for _ in range(20)]
    tokens = {hook_token(run.history()[0].seed, run.run_id, "approval") for run in runs}
    assert len(tokens) == 20
    assert {len(token) for token in tokens} == {43}  # 256 bits
    (run, *_) = runs
    with pytest.raises(TimeoutError):
        run.result(timeout=0.5)
    (token,) = tokens & {hook_token(run.history()[0].seed, run.run_id, "approval")}
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert token.encode() not in kept
    assert token_hash(token).encode() in kept
    app.resume_hook(token, "!")
    assert run.result(timeout=10) == "1!"
    app.close()


def test_nothing_stored_is_ever_unpickled_or_imported_by_name(monkeypatch):
    """A log that somebody forged: its failure names a module that is not loaded, its step a function of `os`."""
    forbidden = Counter()
    for name in ("loads", "load", "Unpickler"):
        monkeypatch.setattr(pickle, name, lambda *_, **__: forbidden.update(["unpickled"]))
    monkeypatch.setattr(importlib, "import_module", lambda name, *_: forbidden.update([name]))
    sys.modules.pop("this", None)
    app = App("memory:")
    handle = app.start(asks(), run_id="r")
    store = app.store
    (started,) = map(unpack, store.read("r").events)
    assert isinstance(started, RunStarted)
    issued = CommandIssued(started.at, (1,), CallStep("tests.promises.test_app_promises:one", b"[[1],{}]"))
    failed = CommandResolved(started.at, (1,), Err(Failure(("this:Zen", "builtins:Exception"), "forged")), 1)
    (reply,) = store.commit([Commit("r", "forged", Head(store.read("r").head), (pack(issued), pack(failed)))])
    assert isinstance(reply, Done)
    with pytest.raises(RunFailed, match="forged"):
        handle.result(timeout=10)
    assert not forbidden
    assert "this" not in sys.modules
    app.close()


@pytest.mark.parametrize("history", [10, 400])
def test_the_cost_of_a_step_does_not_grow_with_the_history(history: int):
    """Ten more steps are ten more calls to the store, and nothing is read again."""
    app = App("memory:")
    store = app.store
    calls = Counter()

    def counted(name):
        real = getattr(store, name)

        def call(*args, **kwargs):
            calls[name] += 1
            return real(*args, **kwargs)

        return call

    for name in ("read", "commit", "claim", "work"):
        setattr(store, name, counted(name))
    app.run(counts(history), run_id="short")
    short = Counter(calls)
    app.run(counts(history + 10), run_id="long")
    assert calls["commit"] - 2 * short["commit"] == 10  # one a step
    assert calls["read"] == 2 * short["read"]
    assert not calls["claim"]
    assert not calls["work"]
    app.close()
