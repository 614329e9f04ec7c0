"""What is done to many runs: those that fit a filter, all or those of a page; and what a crash in the middle leaves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.features.moments import SOON, eventually, until_it_is, until_it_waits
from tests.features.shop import GO, listening
from yieldflow import App, Flow, RunCancelled, RunFailed, continue_as_new, hook, mending, step, workflow
from yieldflow.core.events import CancelRequested, RunFinished, RunPaused
from yieldflow.errors import (
    InsideWorkflow,
    NotFailed,
    ReplyLost,
    RunEnded,
    StoreError,
    StoreUnreachable,
    UnknownRun,
    UsageError,
)

DECLINED: list[bool] = []


@step(retry=1)
def pay() -> str:
    if DECLINED:
        raise ValueError("declined")
    return "paid"


@workflow
def paying() -> Flow[str]:
    return (yield from pay())


@workflow
def goes_on(again: bool) -> Flow[str]:
    if again:
        return (yield from continue_as_new(goes_on(again=False)))
    return (yield from hook("end", str))


@pytest.fixture
def declined():
    DECLINED.append(True)
    yield DECLINED
    DECLINED.clear()


class Watched:
    """A store that counts its calls, and raises *error* when a certain one of its commits has been applied."""

    def __init__(self, store: Any, dies_after: int = 0, error: StoreError | None = None) -> None:
        self.store, self.dies_after, self.calls, self.commits = store, dies_after, 0, 0
        self.error = error or StoreUnreachable("here:", "it died")

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.store, name)
        if not callable(found):
            return found

        def called(*args: Any, **options: Any) -> Any:
            self.calls += 1
            answer = found(*args, **options)
            if name == "begin" and args[0]:
                self.commits += 1
                answer = answer()
                if self.commits == self.dies_after:
                    raise self.error
                return lambda: answer
            return answer

        return called


def start(app: App, count: int, prefix: str = "r", **options: Any) -> list[str]:
    calls = [listening().options(run_id=f"{prefix}-{n}", **options) for n in range(count)]
    return [handle.run_id for handle in app.start_many(calls)]


def status(app: App, run_ids: list[str]) -> set[str]:
    return {app.get(run_id).status() for run_id in run_ids}


# --- which runs ---------------------------------------------------------------------------------------------------


def test_all_that_fit_are_meant_and_not_the_first_page_alone(idle: App, monkeypatch):
    monkeypatch.setattr(mending, "LISTED", 7)
    monkeypatch.setattr(mending, "AT_ONCE", 6)
    mine, others = start(idle, 120, tags={"team": "a"}), start(idle, 3, "other", tags={"team": "b"})
    found = idle.runs(tag=("team", "a"))
    assert len(found.runs) == 100
    assert set(found.terminate("enough").run_ids) == set(mine)
    assert status(idle, mine) == {"cancelled"}
    assert status(idle, others) == {"running"}


def test_with_a_limit_or_a_cursor_only_the_runs_of_that_page_are_meant(idle: App):
    mine = start(idle, 9)
    first = idle.runs(limit=4)
    rest = idle.runs(cursor=first.cursor)
    assert first.pause().run_ids == tuple(run.run_id for run in first.runs)
    assert rest.cancel(dry_run=True).run_ids == tuple(run.run_id for run in rest.runs)
    assert len(idle.runs(status="paused").runs) == 4
    assert set(idle.runs(status="paused", limit=3).resume().run_ids) < {run.run_id for run in first.runs}
    assert sorted(idle.runs().cancel(dry_run=True).run_ids) == mine


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "terminate", "retry"])
def test_a_dry_run_names_those_that_it_would_be_done_to_and_changes_nothing(idle: App, verb):
    start(idle, 3)
    idle.pause("r-1")
    before = {run.run_id: (run, idle.get(run.run_id).history()) for run in idle.runs().runs}
    would = {"pause": ["r-0", "r-2"], "resume": ["r-1"], "retry": []}.get(verb, ["r-0", "r-1", "r-2"])
    mended = getattr(idle.runs(), verb)(dry_run=True)
    assert (sorted(mended.run_ids), mended.refused) == (would, {})
    assert {run.run_id: (run, idle.get(run.run_id).history()) for run in idle.runs().runs} == before


def test_a_status_that_the_verb_does_nothing_to_names_nobody(idle: App):
    start(idle, 2)
    assert idle.runs(status="completed").cancel().run_ids == ()
    assert idle.runs(status="running").retry().run_ids == ()
    assert idle.runs(status=("running", "completed")).cancel(dry_run=True).run_ids == ("r-1", "r-0")


# --- what is done ---------------------------------------------------------------------------------------------------


def test_many_are_paused_and_go_on_again(app: App):
    handles = [app.start(listening(), run_id=f"r-{n}") for n in range(5)]
    for handle in handles:
        until_it_waits(handle, "go")
    assert len(app.runs().pause("lunch").run_ids) == 5
    for handle in handles:
        handle.send(GO, "x")
    assert {handle.status() for handle in handles} == {"paused"}
    assert app.runs(status="running").pause().run_ids == ()
    assert len(app.runs(status="paused").resume().run_ids) == 5
    assert [handle.result(timeout=SOON) for handle in handles] == ["x"] * 5


def test_many_are_cancelled_where_they_wait(app: App):
    handles = [app.start(listening(), run_id=f"r-{n}") for n in range(5)]
    for handle in handles:
        until_it_waits(handle, "go")
    assert len(app.runs().cancel("no more").run_ids) == 5
    for handle in handles:
        with pytest.raises(RunCancelled, match="no more"):
            handle.result(timeout=SOON)
    assert app.runs().cancel().run_ids == ()


def test_the_failed_runs_of_a_bad_hour_are_retried_and_each_once(app: App, declined):
    handles = [app.start(paying(), run_id=f"p-{n}") for n in range(4)]
    for handle in handles:
        with pytest.raises(RunFailed):
            handle.result(timeout=SOON)
    app.retry("p-0")
    until_it_is(app.get("p-0"), "failed")  # so its first generation is one that has been retried
    failed = app.runs(status="failed", workflow=paying.definition.name)
    assert len(failed.runs) == 5
    declined.clear()
    assert sorted(failed.retry(dry_run=True).run_ids) == ["p-0~2", "p-1", "p-2", "p-3"]
    assert sorted(failed.retry().run_ids) == ["p-0~2", "p-1", "p-2", "p-3"]
    assert [handle.result(timeout=SOON) for handle in handles] == ["paid"] * 4
    assert app.runs(status="failed").retry().run_ids == ()


def test_of_a_run_that_was_continued_the_last_generation_is_meant(app: App):
    handle = app.start(goes_on(again=True), run_id="c")
    eventually(lambda: handle.summary().run_id == "c~2")
    until_it_waits(handle, "end")
    assert app.runs().cancel().run_ids == ("c~2",)
    with pytest.raises(RunCancelled):
        handle.result(timeout=SOON)


def test_a_run_that_has_ended_since_it_was_listed_stops_no_other(idle: App):
    start(idle, 3)
    page = idle.runs(limit=3)
    idle.terminate("r-1")
    mended = page.cancel()
    assert sorted(mended.run_ids) == ["r-0", "r-2"]
    assert list(mended.refused) == ["r-1"]
    assert isinstance(mended.refused["r-1"], RunEnded)


def test_named_runs_are_done_together_and_a_bad_id_stops_no_other(idle: App):
    start(idle, 2)
    idle.terminate("r-1")
    names = ["r-0", "r-1", "nobody", "no\nbody", "r-0"]
    verb = mending.terminating(None)
    would, mended = idle.mender.would_mend(verb, names), idle.mender.mend(verb, names)
    for found in (would, mended):
        assert found.run_ids == ("r-0",)
        refused = {run_id: type(error) for run_id, error in found.refused.items()}
        assert refused == {"r-1": RunEnded, "nobody": UnknownRun, "no\nbody": UnknownRun}
    assert isinstance(idle.mender.would_mend(mending.retrying(), ["r-0"]).refused["r-0"], NotFailed)


def test_a_reason_that_cannot_be_kept_is_refused_before_anything_is_done(idle: App):
    start(idle, 1)
    for verb in (idle.runs().cancel, idle.runs().pause, idle.runs().terminate):
        with pytest.raises(UsageError, match="cannot be a reason"):
            verb("x" * 1_001)
    assert status(idle, ["r-0"]) == {"running"}


# --- how --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["cancel", "pause", "terminate"])
def test_sixty_runs_take_a_few_calls_of_the_store(idle: App, verb):
    start(idle, 60)
    found = idle.runs()
    idle.store = watched = Watched(idle.store)
    assert len(getattr(found, verb)().run_ids) == 60
    assert watched.calls <= 8


@pytest.mark.parametrize("verb", ["cancel", "pause", "terminate", "retry"])
def test_what_stops_in_the_middle_may_be_done_again(app: App, verb, monkeypatch, declined):
    monkeypatch.setattr(mending, "AT_ONCE", 3)
    call, before = (paying(), "failed") if verb == "retry" else (listening(), "running")
    handles = [app.start(call, run_id=f"r-{n}") for n in range(8)]
    for handle in handles:
        until_it_is(handle, "failed") if verb == "retry" else until_it_waits(handle, "go")
    other = App(app.settings.url)
    other.store = Watched(app.store, dies_after=2)
    declined.clear()
    with pytest.raises(StoreUnreachable):
        getattr(other.runs(status=before), verb)()
    again = getattr(app.runs(status=before), verb)()
    assert not again.refused
    ends = {"cancel": "cancelled", "pause": "paused", "terminate": "cancelled", "retry": "completed"}
    for handle in handles:
        until_it_is(handle, ends[verb])
        kinds = [type(event) for event in handle.history()]
        assert all(kinds.count(kind) <= 1 for kind in (CancelRequested, RunPaused, RunFinished))
        assert handle.summary().run_id == (f"{handle.run_id}~2" if verb == "retry" else handle.run_id)


@pytest.mark.parametrize("verb", ["cancel", "pause", "terminate", "retry"])
def test_replies_that_are_lost_are_found_out(app: App, verb, declined):
    call, before = (paying(), "failed") if verb == "retry" else (listening(), "running")
    handles = [app.start(call, run_id=f"r-{n}") for n in range(4)]
    for handle in handles:
        until_it_is(handle, "failed") if verb == "retry" else until_it_waits(handle, "go")
    other = App(app.settings.url)
    other.store = Watched(app.store, dies_after=1, error=ReplyLost("cut off"))
    mended = getattr(other.runs(status=before), verb)()
    assert (len(mended.run_ids), mended.refused) == (4, {})
    for handle in handles:
        kinds = [type(event) for event in handle.history()]
        assert all(kinds.count(kind) <= 1 for kind in (CancelRequested, RunPaused))


def test_a_workflow_that_mends_others_is_told_what_to_yield(app: App):
    refused = []

    @workflow
    def meddles() -> Flow[str]:
        try:
            found.cancel()
        except InsideWorkflow as error:
            refused.append(str(error))
        return (yield from pay())

    found = app.runs(status="running", limit=10)
    assert app.start(meddles()).result(timeout=SOON) == "paid"
    assert refused
    assert "cancel() was called in a workflow" in refused[0]
