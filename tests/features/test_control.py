"""What operators do: pause, resume, cancel, terminate, limit the time, list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.features.moments import SOON, eventually, failure, fold_of, until_it_is, until_it_waits
from tests.features.shop import GO, add, listening, note
from yieldflow import (
    App,
    Cancelled,
    Flow,
    RunCancelled,
    RunTimeout,
    UnknownRun,
    gather,
    hook,
    set_data,
    sleep,
    spawn,
    workflow,
)
from yieldflow.core.events import CancelRequested, RunPaused, RunResumed
from yieldflow.core.outcome import Cancelled as CancelledOutcome
from yieldflow.errors import RunEnded

NEVER = hook("never")


@workflow
def tidy() -> Flow[str]:
    try:
        yield NEVER
    finally:
        yield set_data("cleaned", (yield from note("up")))
    return "never"


def count(handle, kind: type) -> int:
    return sum(isinstance(event, kind) for event in handle.history())


# --- pause ----------------------------------------------------------------------------------------------------


@workflow
def stepwise() -> Flow[list[object]]:
    told = [(yield GO)]
    yield sleep("1ms")
    told.append((yield add(1, 1)))
    told.append((yield hook("end")))
    return told


def test_what_comes_in_a_pause_is_kept_and_told_afterwards(app: App):
    handle = app.start(stepwise())
    until_it_waits(handle, "go")
    handle.pause("lunch")
    handle.pause("again")
    assert handle.status() == "paused"
    handle.send(GO, "early")
    app.runtime.tend(handle.run_id)
    assert len(fold_of(handle).open) == 1  # it has not been told
    handle.resume()
    handle.resume()
    handle.send("end", None)
    assert handle.result(timeout=SOON) == ["early", 2, None]
    assert (count(handle, RunPaused), count(handle, RunResumed)) == (1, 1)


def test_a_timer_that_comes_due_in_a_pause_waits_for_its_end(app: App):
    @workflow
    def sleeps() -> Flow[str]:
        yield gather(sleep("20ms"), GO)
        return "awake"

    handle = app.start(sleeps())
    until_it_waits(handle, "go")
    handle.pause()
    handle.send(GO, "on")
    app.runtime.tend(handle.run_id)
    assert app.store.read(handle.run_id).alarm is None
    assert handle.status() == "paused"
    handle.resume()
    assert handle.result(timeout=SOON) == "awake"


def test_a_paused_run_that_is_cancelled_goes_on_to_clean_up(app: App):
    handle = app.start(tidy())
    until_it_waits(handle, "never")
    handle.pause()
    handle.cancel("no longer wanted")
    with pytest.raises(RunCancelled, match="no longer wanted"):
        handle.result(timeout=SOON)
    assert handle.data() == {"cleaned": "up"}


# --- cancel and terminate -------------------------------------------------------------------------------------


def test_a_cancelled_run_cleans_up_where_it_waits(app: App):
    handle = app.start(tidy())
    until_it_waits(handle, "never")
    handle.cancel("no longer wanted")
    with pytest.raises(RunCancelled) as cancelled:
        handle.result(timeout=SOON)
    assert cancelled.value.reason == "no longer wanted"
    assert handle.status() == "cancelled"
    assert handle.data() == {"cleaned": "up"}


@workflow
def stubborn() -> Flow[list[int]]:
    told = []
    for n in range(2):
        try:
            yield NEVER
        except Cancelled:
            told.append((yield from add(n, 1)))
            yield set_data("told", told)
    return told


def test_a_run_is_cancelled_once_and_again_only_if_that_is_asked(app: App):
    handle = app.start(stubborn())
    until_it_waits(handle, "never")
    handle.cancel()
    handle.data("told", timeout=SOON)
    handle.cancel()
    assert count(handle, CancelRequested) == 1
    until_it_waits(handle, "never")
    handle.cancel(again=True)
    assert handle.result(timeout=SOON) == [1, 2]  # whoever swallows it goes on


def test_a_cancellation_before_the_first_step_is_thrown_at_the_first_ask(idle: App):
    handle = idle.start(tidy())
    handle.cancel("at once")
    with idle.worker(), pytest.raises(RunCancelled, match="at once"):
        handle.result(timeout=SOON)
    assert handle.data() == {"cleaned": "up"}


def test_a_terminated_run_is_asked_nothing(app: App):
    handle = app.start(tidy())
    until_it_waits(handle, "never")
    handle.terminate("enough")
    assert handle.status() == "cancelled"
    with pytest.raises(RunCancelled, match="enough"):
        handle.result(timeout=SOON)
    assert handle.data() == {}
    assert handle.history()[-1].outcome == CancelledOutcome("enough", forced=True)
    assert app.store.work(handle.run_id) == ()


@workflow
def quick() -> Flow[int]:
    return (yield from add(1, 1))


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "terminate", "send"])
def test_a_run_that_has_ended_takes_nothing_any_more(app: App, verb):
    handle = app.start(quick())
    handle.result(timeout=SOON)
    log = handle.history()
    arguments = ("go", "x") if verb == "send" else ()
    with pytest.raises(RunEnded, match="has ended"):
        getattr(handle, verb)(*arguments)
    assert handle.history() == log


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "terminate", "send", "retry", "fork", "get"])
def test_a_run_that_is_not_there_is_unknown(app: App, verb):
    arguments = ("go", "x") if verb == "send" else ()
    with pytest.raises(UnknownRun, match="nobody"):
        getattr(app, verb)("nobody", *arguments)


# --- the time of a run ----------------------------------------------------------------------------------------


def test_past_its_timeout_a_run_is_cancelled_and_fails(app: App):
    handle = app.start(tidy(), timeout="30ms")
    error = failure(handle)
    assert isinstance(error, RunTimeout)
    assert isinstance(error, TimeoutError)
    assert handle.status() == "failed"
    assert handle.data() == {"cleaned": "up"}


@workflow
def carries_on() -> Flow[str]:
    try:
        yield NEVER
    except Cancelled:
        return (yield from note("late, but done"))


def test_a_run_that_goes_on_past_its_timeout_completes(app: App):
    assert app.start(carries_on(), timeout="10ms").result(timeout=SOON) == "late, but done"
    assert app.start(quick(), timeout=timedelta(hours=1)).result(timeout=SOON) == 2
    assert app.start(carries_on().options(timeout=0.01)).result(timeout=SOON) == "late, but done"


# --- lists ----------------------------------------------------------------------------------------------------


def test_runs_are_listed_by_what_they_are(app: App):
    before = datetime.now(UTC) - timedelta(seconds=5)
    done = [app.start(quick(), tags={"shop": "a", "n": str(n)}) for n in range(3)]
    waiting = app.start(listening(), tags={"shop": "b"})
    for handle in done:
        handle.result(timeout=SOON)
    until_it_waits(waiting, "go")

    def listed(**wanted) -> set[str]:
        return {run.run_id for run in app.runs(**wanted).runs}

    everything = {handle.run_id for handle in (*done, waiting)}
    assert listed() == listed(since=before) == everything
    assert listed(status="running") == listed(tag=("shop", "b")) == {waiting.run_id}
    assert listed(workflow=quick.definition.name) == listed(status="completed") == listed(tag=("shop", "a"))
    assert listed(status="completed", tag=("n", "1")) == {done[1].run_id}
    assert listed(until=before) == listed(status="failed") == set()
    first = app.runs(limit=3)
    rest = app.runs(limit=3, cursor=first.cursor)
    assert (len(first.runs), len(rest.runs)) == (3, 1)
    assert {run.run_id for run in (*first.runs, *rest.runs)} == everything
    assert rest.cursor is None


def test_tags_are_inherited_by_children(app: App):
    @workflow
    def parent() -> Flow[str]:
        yield spawn(listening().options(tags={"kind": "child"}))
        yield from GO
        return "done"

    handle = app.start(parent().options(tags={"shop": "a"}), tags={"by": "me"})
    eventually(lambda: len(app.runs().runs) == 2)
    tags = {run.parent is None: dict(run.tags) for run in app.runs().runs}
    assert tags[True] == {"shop": "a", "by": "me"}
    assert tags[False] == {"shop": "a", "by": "me", "kind": "child"}
    handle.send(GO, "on")
    handle.result(timeout=SOON)


def test_a_blocked_run_says_why(app: App):
    @workflow
    def strange() -> Flow[None]:
        yield 42

    handle = app.start(strange())
    until_it_is(handle, "blocked")
    assert "42 (int), which is not a command" in handle.summary().note.reason
    assert "not a command" in handle.inspect().why
