"""What a process keeps beside the logs: enough to tell all once, no more, and no trouble for who works."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.observing import flows
from tests.observing.account import expect_exactly, histories
from tests.observing.test_metrics import Figures, parsed
from tests.observing.test_spans import scope
from yieldflow import App, Flow, Handle, hook, race, sleep, workflow
from yieldflow.codec.packing import pack
from yieldflow.core.commands import Receive
from yieldflow.core.events import CommandAbandoned, CommandIssued, HookReceived, RunFinished, RunPaused, RunStarted
from yieldflow.core.outcome import Ok
from yieldflow.engine.outside import delivery, opening
from yieldflow.errors import ReplyLost, StoreUnreachable, TimedOut
from yieldflow.histories import import_histories, kept
from yieldflow.metrics import Metrics
from yieldflow.observing.store import ObservedStore
from yieldflow.observing.told import Told
from yieldflow.ports import NO_EVENTS, Commit, Done, Head, Log, Mark, Open, Reply, Store, Summary
from yieldflow.stores.memory import MemoryStore


class Between:
    """*store*, where what is looked up in logs is counted, and whose commits *lost* may leave unanswered: after they
    were applied, or before.
    """

    def __init__(self, store: Store) -> None:
        self.store, self.lookups, self.events = store, 0, 0
        self.lost: Callable[[Commit], str | None] = lambda _: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def read(self, run_id: str, after: Mark | None = None, *, replaying: Sequence[str] | None = ()) -> Log | None:
        log = self.store.read(run_id, after, replaying=replaying)
        if log is not None and after is not None and not after.commit and 0 <= after.length < NO_EVENTS.length:
            self.lookups += 1
            self.events += len(log.events)
        return log

    def commit(self, commits: Sequence[Commit]) -> tuple[Reply, ...]:
        fates = {self.lost(commit) for commit in commits}
        if "before" in fates:
            raise ReplyLost("it was never sent")
        replies = self.store.commit(commits)
        if "after" in fates:
            raise ReplyLost("it was applied")
        return replies


def over(store: Any, *observers: Any) -> App:
    app = App("memory:", observe=observers)
    app.store = store
    return app


def observed(app: App) -> ObservedStore:
    assert isinstance(app.store, ObservedStore)
    return app.store


def go_on(handle: Handle[Any], seconds: float = 0.05) -> None:
    with suppress(TimedOut):
        handle.result(timeout=seconds)


def delivered(metrics: Metrics) -> float:
    return parsed(metrics.text()).get(("yieldflow_payloads_delivered_total", ()), 0)


# --- what is open -------------------------------------------------------------------------------------------------


@workflow
def racing(n: int) -> Flow[int]:
    for at in range(n):
        yield race(flows.add(at, 1), sleep("1h"))
    return n


@workflow
def racing_hooks(n: int) -> Flow[int]:
    for at in range(n):
        yield race(hook(f"won-{at}", int), hook(f"lost-{at}", int))
    return n


@workflow
def listening() -> Flow[int]:
    total = 0
    while True:
        total += yield from hook("x", int)


def read_for(n: int, *observers: Any) -> tuple[int, int]:
    between = Between(MemoryStore())
    app = over(between, *observers)
    app.run(racing(n), run_id="r")
    app.close()
    return between.lookups, between.events


def test_what_is_abandoned_is_not_looked_up_in_the_whole_log_each_time():
    assert read_for(60) == (0, 0)
    lookups, events = read_for(60, scope().tracing)
    assert lookups < 20
    assert events < 600


def test_figures_read_no_log_for_waits():
    between = Between(MemoryStore())
    app = over(between, Metrics())
    handle = app.start(listening(), run_id="A")
    go_on(handle)
    for at in range(10):
        app.send("A", "x", at)
    go_on(handle)
    app.close()
    assert between.lookups == 0


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_wait_that_another_process_began_is_told_of_when_it_is_abandoned_here(kind: str, tmp_path: Path):
    here = scope()
    store = MemoryStore() if kind == "memory" else App(f"sqlite:///{tmp_path}/runs.db").store
    apps = [over(store, here.tracing) for _ in range(2)]
    apps[0].start(racing_hooks(6), run_id="A")
    for at in range(6):
        go_on(apps[at % 2].get("A"), 0.03)  # begins two waits
        apps[0].send("A", f"won-{at}", at)
    assert apps[1].get("A").result(timeout=10) == 6
    expect_exactly(here.spans, histories(apps[0]))


def test_a_wait_is_found_when_others_have_read_on_or_nobody_knows_how_far():
    _, store, _ = watched()
    wait = CommandIssued(2, (1,), Receive("x"))
    store.store.commit((begin("A", (pack(wait), pack(CommandAbandoned(3, (1,))), pack(RunPaused(4)))),))
    assert store.books.waited("A", 4, (1,)) is None
    assert store.books.waited("A", 2, (1,)) == wait
    assert store.books.waited("A", None, (1,)) == wait
    assert store.books.waited("A", None, (2,)) is None


# --- ids that are used again ----------------------------------------------------------------------------------------


def test_a_run_id_that_another_process_used_again_is_another_trace():
    here, store = scope(), MemoryStore()
    app, other = over(store, here.tracing), over(store)
    go_on(app.start(listing(), run_id="A"))
    (first,) = here.spans
    other.terminate("A")
    other.store.delete("A")
    other.start(listing(), run_id="A")
    go_on(app.get("A"), 0.3)
    second = here.spans[-1]
    assert first["name"] == second["name"]
    assert first["trace"] != second["trace"]


@workflow
def listing() -> Flow[int]:
    yield flows.add(1, 1)
    return (yield from hook("x", int))


def test_what_is_deleted_is_forgotten():
    app = over(MemoryStore(), scope().tracing)
    go_on(app.start(listing(), run_id="A"))
    assert observed(app).books.born("A") is not None
    app.store.delete("A")
    assert observed(app).books.born("A") is None


# --- what is in doubt -----------------------------------------------------------------------------------------------


def once(fate: str, kind: type, then: Callable[[], object] = lambda: None) -> Callable[[Commit], str | None]:
    """The first commit on such a condition is not answered."""
    left = [fate]

    def lost(commit: Commit) -> str | None:
        if not left or not isinstance(commit.on, kind):
            return None
        then()
        return left.pop()

    return lost


def test_a_send_whose_reply_was_lost_is_counted_when_it_is_tried_again():
    between, metrics = Between(MemoryStore()), Metrics()
    app = over(between, metrics)
    go_on(app.start(listening(), run_id="A"))
    between.lost = once("after", Open)
    assert app.send("A", "x", 1, key="k") > 0
    assert delivered(metrics) == 1
    go_on(app.get("A"))
    assert delivered(metrics) == 1


def test_a_send_that_somebody_else_made_with_the_same_key_is_not_counted_here():
    between, metrics = Between(MemoryStore()), Metrics()
    app, other = over(between, metrics), over(between.store)
    go_on(app.start(listening(), run_id="A"))
    between.lost = once("before", Open, lambda: other.send("A", "x", 2, key="k"))
    assert app.send("A", "x", 1, key="k") > 0
    go_on(app.get("A"))
    assert delivered(metrics) == 0


def test_no_doubt_is_left_when_runs_have_ended():
    between, metrics = Between(MemoryStore()), Metrics()
    app = over(between, metrics)
    for name in ("A", "B", "C"):
        app.start(listening(), run_id=name)
        between.lost = lambda _: "before"
        with pytest.raises(StoreUnreachable):
            app.send(name, "x", 1, key="k")
        between.lost = lambda _: None
        app.send(name, "x", 1, key="k")
        go_on(app.get(name))
        app.terminate(name)
    assert delivered(metrics) == 3
    assert not observed(app).books.doubts


def test_what_was_in_doubt_is_told_before_its_run_is_forgotten():
    told, store, between = watched()
    between.lost = once("after", Open)
    seen = store.commit((begin("A"),))
    with pytest.raises(ReplyLost):
        store.commit((send("A", 1),))
    log = between.read("A")
    assert log is not None
    end = Commit("A", "e", Head(log.head), events=(pack(RunFinished(9, Ok(b"1"))),), summary=ended("A"), done=True)
    store.commit((end,))
    assert isinstance(seen[0], Done)
    assert [commit.payloads for commit, _ in told.commits] == [0, 1, None]
    assert not store.books.doubts


def test_a_start_of_many_events_whose_reply_was_lost_is_seen_in_the_log_and_told_once():
    told, store, between = watched()
    copied = tuple(pack(HookReceived(at, "x", b"1", str(at))) for at in range(2_500))
    between.lost = once("after", Head)
    with pytest.raises(ReplyLost):
        store.commit((begin("A", copied),))
    first = store.read("A")
    assert first is not None
    assert len(first.events) < len(copied)
    assert told.kinds() == ["RunBegan"]
    store.read("A", Mark(len(first.events), ""))
    store.read("A")
    assert told.kinds() == ["RunBegan"]


# --- what is not told -----------------------------------------------------------------------------------------------


def test_an_imported_run_that_has_ended_is_not_counted_as_started():
    source, metrics = over(MemoryStore()), Metrics()
    source.run(flows.plain(1), run_id="A")
    go_on(source.start(listening(), run_id="B"))
    histories = [one for name in ("A", "B") if (one := kept(source.store, name)) is not None]
    app = over(MemoryStore(), metrics)
    import_histories(app, histories)
    names = {dict(labels).get("workflow"): count for (name, labels), count in begun(metrics).items()}
    assert names == {f"{__name__}:listening": 1}


def begun(metrics: Metrics) -> Figures:
    return {key: count for key, count in parsed(metrics.text()).items() if key[0] == "yieldflow_runs_started_total"}


# --- nobody is kept from working ------------------------------------------------------------------------------------


class Watch:
    """An observer that keeps what it is told."""

    follows = True

    def __init__(self) -> None:
        self.commits: list[tuple[Commit, list[Told]]] = []

    def committed(self, commit: Commit, reply: Reply, told: Sequence[Told], births: Any) -> None:
        if isinstance(reply, Done):
            self.commits.append((commit, list(told)))

    def called(self, call: str, seconds: float, answered: bool) -> None: ...

    def kinds(self) -> list[str]:
        return [type(one).__name__ for _, told in self.commits for one in told]


def watched() -> tuple[Watch, ObservedStore, Between]:
    told, between = Watch(), Between(MemoryStore())
    return told, ObservedStore(between, (told,)), between  # type: ignore[arg-type] - what tests call is there


def begin(run_id: str, copied: Sequence[bytes] = ()) -> Commit:
    return opening(RunStarted(1, run_id, "shop:order", b"[[],{}]", b"s" * 16), f"{run_id}-1", copied)


def send(run_id: str, at: int) -> Commit:
    return delivery(run_id, f"{run_id}-s{at}", "x", b"1", key=str(at), by=None, inbox=10, at=at)


def ended(run_id: str) -> Summary:
    return Summary(run_id, "shop:order", "yieldflow", "completed", 1, 9)


BROKEN = b'{"e":"resolved","at":'


def test_an_event_that_cannot_be_read_is_no_error_of_who_commits_or_reads_it(caplog: pytest.LogCaptureFixture):
    told, store, between = watched()
    store.commit((begin("A"),))
    log = between.read("A")
    assert log is not None
    with caplog.at_level(logging.CRITICAL):
        (reply,) = store.commit((Commit("A", "c", Head(log.head), events=(BROKEN,)),))
        assert isinstance(reply, Done)
        between.lost = once("after", Head)
        with pytest.raises(ReplyLost):
            store.commit((Commit("A", "d", Head(reply.head), events=(BROKEN + b"1",)),))
        assert store.read("A") is not None
    assert [commit.commit for commit, _ in told.commits] == ["A-1", "c", "d"]


def test_no_error_of_the_books_reaches_who_works(caplog: pytest.LogCaptureFixture):
    def stands_still() -> float:
        raise OSError

    _, store, between = watched()
    store.commit((begin("A"),))
    between.lost = once("before", Open)
    with pytest.raises(ReplyLost):
        store.commit((send("A", 1),))
    store.books.doubts.clock = stands_still
    with caplog.at_level(logging.CRITICAL):
        (reply,) = store.commit((send("A", 2),))
        assert isinstance(reply, Done)
        assert store.read("A") is not None
        between.lost = once("before", Open)
        with pytest.raises(ReplyLost):
            store.commit((send("A", 3),))
