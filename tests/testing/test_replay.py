"""`replay` and `assert_replays`: histories that were kept, against the code at hand."""

from pathlib import Path

import pytest

from yieldflow import App, Flow, NonDeterminism, hook, sleep, step, workflow
from yieldflow.authoring.registry import DEFAULT
from yieldflow.checking import FailsAtOnce
from yieldflow.codec.packing import pack
from yieldflow.errors import UnknownWorkflow, UnreadableLog, UsageError
from yieldflow.testing import assert_replays, outcomes, replay, simulate

GO = hook("go", str)


@step
def charge(cents: int) -> str:
    return f"paid {cents}"


@step
def pack_up(cents: int) -> str:
    return f"parcel {cents}"


@workflow(name="replayed pays")
def pays(cents: int) -> Flow[str]:
    word = yield from GO
    receipt = yield from charge(cents)
    return f"{word}, {receipt}"


def other_first(cents: int):
    yield pack_up(cents)
    word = yield from GO
    return word


def other_end(cents: int):
    word = yield from GO
    receipt = yield from charge(cents)
    return f"{receipt}, {word}"


def broken(cents: int):
    yield sleep(cents / 0)


@pytest.fixture
def deploy(monkeypatch):
    """Replace the program of `pays`."""

    def put(fn):
        monkeypatch.setattr(DEFAULT, "_workflows", {**DEFAULT._workflows})
        del DEFAULT._workflows["replayed pays"]
        return workflow(name="replayed pays")(fn)

    return put


@pytest.fixture
def ended():
    return simulate(pays(5), steps={charge: outcomes("paid")}).send(GO, "yes").run()


def test_what_the_code_has_done_it_does_again(ended):
    replay(pays, ended.history)
    replay("replayed pays", ended.history)
    replay(pays, ended.history, end=True)
    replay(pays, ended.history[:1])


def test_a_history_may_be_lines_or_a_file(ended, tmp_path: Path):
    lines = [pack(event) for event in ended.history]
    file = tmp_path / "o.jsonl"
    file.write_bytes(b"\n".join(lines))
    for history in (lines, [line.decode() for line in lines], file, str(file)):
        replay(pays, history)
    with pytest.raises(UnreadableLog, match="not both"):
        replay(pays, [lines[0], *ended.history])
    with pytest.raises(UnreadableLog, match="event 1"):
        replay(pays, ["nonsense"])
    with pytest.raises(FileNotFoundError):
        replay(pays, tmp_path / "nothing.jsonl")


def test_the_history_of_a_real_run_is_one():
    app = App("memory:")
    run = app.start(pays(5))
    run.send(GO, "yes")
    run.result(timeout=10)
    replay(pays, run.history(), end=True)
    app.close()


def test_another_program_is_told(ended, deploy):
    with pytest.raises(NonDeterminism, match="has changed under a running run"):
        replay(deploy(other_first), ended.history)


def test_a_program_that_raises_at_once_is_told(ended, deploy):
    with pytest.raises(FailsAtOnce, match="ZeroDivisionError"):
        replay(deploy(broken), ended.history[:1])


def test_another_end_counts_only_if_it_is_asked_for(ended, deploy):
    program = deploy(other_end)
    replay(program, ended.history)
    with pytest.raises(AssertionError, match='answers "yes, paid", and when its log is replayed it answers'):
        replay(program, ended.history, end=True)
    replay(program, ended.history[:-1], end=False)


def test_a_name_that_nobody_has_is_refused(ended):
    with pytest.raises(UnknownWorkflow, match="nobody"):
        replay("nobody", ended.history)


@pytest.fixture
def kept(ended, tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_bytes(b"\n".join(map(pack, ended.history)))
    return tmp_path


def test_a_corpus_replays_as_a_whole(kept: Path):
    assert assert_replays(kept) == 2
    assert assert_replays(kept / "a.jsonl", str(kept), modules=__name__, end=True) == 3


def test_a_corpus_that_does_not_fit_names_each_file(kept: Path, deploy):
    (kept / "c.jsonl").write_text("nonsense")
    deploy(other_first)
    with pytest.raises(AssertionError, match="3 histories of 3 do not fit") as told:
        assert_replays(kept)
    said = str(told.value)
    assert (
        said.index("a.jsonl\n  NonDeterminism: ") < said.index("b.jsonl\n  Non") < said.index("c.jsonl\n  Unreadable")
    )
    (kept / "c.jsonl").unlink()
    deploy(other_end)
    assert assert_replays(kept) == 2
    with pytest.raises(AssertionError, match="2 histories of 2 do not fit"):
        assert_replays(kept, end=True)


def test_an_empty_corpus_is_a_mistake(tmp_path: Path):
    with pytest.raises(UsageError, match="there is no history in "):
        assert_replays(tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        assert_replays()
    with pytest.raises(UsageError, match="there is no file or folder "):
        assert_replays(tmp_path / "nothing")
