"""Runs that begin again: retried, forked, started twice; and runs that are deleted."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.features.moments import SOON, eventually, failure, until_it_waits
from tests.features.shop import GO, PaymentDeclined, add, listening, note
from yieldflow import (
    App,
    Flow,
    Retry,
    RunCancelled,
    RunExists,
    RunTimeout,
    UnknownRun,
    continue_as_new,
    current_step,
    hook,
    open_hook,
    set_data,
    spawn,
    step,
    uuid4,
    workflow,
)
from yieldflow.core.events import ForkOf, RetryOf
from yieldflow.errors import BadRunId, InsideWorkflow, NotFailed, TimedOut, UsageError
from yieldflow.ports import Commit, Head

WORLD: Counter[str] = Counter()
KEYS: list[str] = []


@pytest.fixture(autouse=True)
def _another_world():
    WORLD.clear()
    KEYS.clear()


@step
def counted(what: str) -> int:
    WORLD[what] += 1
    return WORLD[what]


@step(retry=Retry(attempts=2, delay="1ms"))
def needs_money(order: str) -> str:
    WORLD[order] += 1
    KEYS.append(current_step().idempotency_key)
    if not WORLD["money"]:
        raise PaymentDeclined(order, 5)
    return f"{order} paid on attempt {current_step().attempt}"


@workflow
def checkout(order: str) -> Flow[list[object]]:
    first = yield from counted("before")
    drawn = yield from uuid4()
    yield set_data("drawn", str(drawn))
    paid = yield from needs_money(order)
    return [first, paid, str(drawn)]


# --- retry ----------------------------------------------------------------------------------------------------


def test_a_retried_run_goes_on_from_the_step_that_failed_with_the_same_keys(app: App):
    handle = app.start(checkout("o"), run_id="r")
    assert isinstance(failure(handle), PaymentDeclined)
    drawn = handle.data("drawn")
    WORLD["money"] += 1
    again = app.retry("r")
    assert again.run_id == "r"
    assert again.result(timeout=SOON) == handle.result(timeout=SOON) == [1, "o paid on attempt 1", drawn]
    assert WORLD["before"] == 1
    assert len(set(KEYS)) == 1
    assert isinstance(handle.history()[0].cause, RetryOf)
    assert {run.run_id: run.status for run in app.runs().runs} == {"r": "failed", "r~2": "completed"}


def test_a_run_may_fail_and_be_retried_as_often_as_it_takes(app: App):
    handle = app.start(checkout("o"), run_id="r")
    for _ in range(2):
        failure(handle)
        app.retry("r")
    failure(handle)
    WORLD["money"] += 1
    app.retry("r")
    assert handle.result(timeout=SOON)[1] == "o paid on attempt 1"
    assert WORLD["before"] == 1
    assert len(set(KEYS)) == 1


@workflow
def fails_by_itself() -> Flow[str]:
    yield from counted("before")
    if WORLD["money"] == 0:  # as a bug that is mended by the next deploy
        raise LookupError("a bug")
    return "mended"


def test_a_run_that_failed_by_itself_goes_on_from_its_last_fact(app: App):
    handle = app.start(fails_by_itself())
    assert isinstance(failure(handle), LookupError)
    WORLD["money"] += 1
    assert app.retry(handle.run_id).result(timeout=SOON) == "mended"
    assert WORLD["before"] == 1


def test_a_run_that_took_too_long_goes_on_without_a_limit(app: App):
    handle = app.start(listening(), timeout="20ms")
    assert isinstance(failure(handle), RunTimeout)
    app.retry(handle.run_id)
    handle.send(GO, "at last")
    assert handle.result(timeout=SOON) == "at last"


@workflow
def parent() -> Flow[list[object]]:
    return (yield from checkout("of a child"))


def test_a_parent_whose_child_failed_is_retried_with_another_child(app: App):
    handle = app.start(parent(), run_id="p")
    assert isinstance(failure(handle), PaymentDeclined)
    WORLD["money"] += 1
    assert app.retry("p").result(timeout=SOON)[1] == "of a child paid on attempt 1"


@pytest.mark.parametrize("how", ["running", "completed", "cancelled"])
def test_only_what_has_failed_can_be_retried(app: App, how):
    handle = app.start(listening(), run_id="r")
    until_it_waits(handle, "go")
    if how == "completed":
        handle.send(GO, "x")
        handle.result(timeout=SOON)
    if how == "cancelled":
        handle.terminate()
    log = handle.history()
    with pytest.raises(NotFailed, match="has not failed"):
        app.retry("r")
    assert handle.history() == log


# --- fork -----------------------------------------------------------------------------------------------------


@workflow
def three_steps() -> Flow[list[object]]:
    told = []
    for what in ("one", "two", "three"):
        told.append([what, (yield from counted(what)), str((yield from uuid4()))])
    return told


def test_a_fork_shares_the_past_and_does_again_what_comes_after(app: App):
    handle = app.start(three_steps(), run_id="r")
    old = handle.result(timeout=SOON)
    fork = app.fork("r", at=3, new_run_id="fork")  # started, asked, answered
    new = fork.result(timeout=SOON)
    assert new[0][:2] == old[0][:2] == ["one", 1]
    assert [told[:2] for told in new[1:]] == [["two", 2], ["three", 2]]
    assert not {told[2] for told in new[1:]} & {told[2] for told in old}
    assert isinstance(fork.history()[0].cause, ForkOf)
    assert fork.history()[1:3] == handle.history()[1:3]
    assert app.get("r").result(timeout=SOON) == old


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_run_is_forked_at_any_position(app: App, at):
    app.start(three_steps(), run_id="r").result(timeout=SOON)
    assert [told[0] for told in app.fork("r", at=at).result(timeout=SOON)] == ["one", "two", "three"]
    assert WORLD["one"] == (2 if at < 3 else 1)


@pytest.mark.parametrize("at", [0, -1, 9, 10_000])
def test_there_is_no_fork_before_the_beginning_or_beyond_the_end(app: App, at):
    app.start(three_steps(), run_id="r").result(timeout=SOON)
    with pytest.raises(UsageError, match="has 8 events; fork it at one from 1 to 7"):
        app.fork("r", at=at)
    assert len(app.runs().runs) == 1


@workflow
def waits_with_a_link() -> Flow[list[object]]:
    mine = yield from open_hook("mine", str)
    yield set_data("link", mine.token)
    return [(yield mine), mine.token]


def test_a_fork_of_a_run_that_waits_waits_for_itself_with_a_link_of_its_own(app: App):
    handle = app.start(waits_with_a_link(), run_id="r")
    until_it_waits(handle, "mine")
    fork = app.fork("r")
    old = handle.data("link")
    app.resume_hook(old, "for the first")
    assert handle.result(timeout=SOON) == ["for the first", old]
    assert fork.status() == "running"
    fork.send("mine", "for the fork")
    said, token = fork.result(timeout=SOON)
    assert said == "for the fork"
    assert token != old


def test_a_fork_takes_no_id_that_is_taken_or_cannot_be(app: App):
    app.start(three_steps(), run_id="r").result(timeout=SOON)
    app.start(three_steps(), run_id="other").result(timeout=SOON)
    with pytest.raises(RunExists, match="other"):
        app.fork("r", at=3, new_run_id="other")
    with pytest.raises(BadRunId):
        app.fork("r", at=3, new_run_id="r~7")


# --- started twice --------------------------------------------------------------------------------------------


def test_many_starts_at_once_are_one_run(app: App):
    with ThreadPoolExecutor(8) as threads:
        handles = list(threads.map(lambda _: app.start(checkout("o"), run_id="r"), range(24)))
    WORLD["money"] += 1
    assert {handle.run_id for handle in handles} == {"r"}
    assert len(app.runs().runs) == 1


def test_the_same_start_from_another_app_is_the_same_run(app: App, url: str):
    app.start(listening(), run_id="r")
    other = app if url == "memory:" else App(url)
    other.start(listening(), run_id="r").send(GO, "hello")
    assert app.get("r").result(timeout=SOON) == "hello"
    with pytest.raises(RunExists, match="other arguments"):
        other.start(checkout("o"), run_id="x") and other.start(checkout("p"), run_id="x")
    with pytest.raises(RunExists, match="the workflow"):
        other.start(checkout("o"), run_id="r")
    if other is not app:
        other.close()


def test_start_many_run_and_get(app: App):
    handles = app.start_many([three_steps(), listening().options(run_id="mine")], tags={"shop": "a"})
    assert handles[0].result(timeout=SOON)[0][0] == "one"
    assert handles[1].run_id == "mine"
    assert app.get("mine").status() == "running"
    assert {tuple(run.tags.items()) for run in app.runs().runs} == {(("shop", "a"),)}
    handles[1].send(GO, "x")
    assert app.run(listening(), run_id="mine") == "x"  # it is the run that is there
    with pytest.raises(UnknownRun):
        app.get("yours")


def test_results_come_in_the_order_of_their_handles(app: App):
    handles = app.start_many([listening() for _ in range(5)])
    for number, handle in reversed(list(enumerate(handles))):
        handle.send(GO, f"answer {number}")
    assert app.results(handles, timeout=SOON) == [f"answer {number}" for number in range(5)]
    assert app.results(handles[::-1], timeout=0) == [f"answer {number}" for number in reversed(range(5))]
    assert app.results([]) == []


def test_results_raise_what_the_first_one_does_that_has_none(app: App):
    first, second, third = handles = app.start_many([listening() for _ in range(3)])
    first.send(GO, "x")
    second.cancel("enough")
    with pytest.raises(RunCancelled, match="enough"):
        app.results(handles, timeout=SOON)
    with pytest.raises(TimedOut):
        app.results([first, third], timeout=0.01)


@pytest.mark.parametrize("run_id", ["a~2", "~", "", "x" * 201, "line\nfeed", 5])
def test_a_run_id_that_cannot_be_is_refused(app: App, run_id):
    with pytest.raises(BadRunId, match="cannot be a run id"):
        app.start(listening(), run_id=run_id)
    assert app.runs().runs == ()


def test_a_workflow_that_calls_the_app_itself_is_told_what_to_yield(app: App):
    refused = []

    @workflow
    def meddles() -> Flow[str]:
        for meddle in (
            lambda: app.start(listening()),
            lambda: app.send("r", "go", "x"),
            lambda: app.cancel("r"),
            lambda: app.pause("r"),
            lambda: app.retry("r"),
            lambda: app.fork("r"),
            lambda: app.prune("1s"),
            lambda: app.run(listening()),
        ):
            try:
                meddle()
            except InsideWorkflow as error:
                refused.append(str(error))
        return (yield from note("done"))

    assert app.start(meddles(), run_id="r").result(timeout=SOON) == "done"
    assert len(refused) >= 8
    assert all("was called in a workflow: `yield` a command instead" in said for said in refused)
    assert len(app.runs().runs) == 1


# --- prune ----------------------------------------------------------------------------------------------------


@workflow
def has_a_live_child() -> Flow[str]:
    yield spawn(listening().options(on_parent_close="abandon"))
    yield hook("end")
    return "done"


def test_prune_deletes_what_has_ended_and_owes_nothing(app: App):
    done = app.start(three_steps(), run_id="done")
    done.result(timeout=SOON)
    app.start(listening(), run_id="live")
    assert app.prune("1h") == []
    assert eventually(lambda: app.prune("0s", dry_run=True)) == ["done"]
    assert app.get("done").status() == "completed"
    assert app.prune("0s") == ["done"]
    with pytest.raises(UnknownRun):
        app.get("done")
    assert {run.run_id for run in app.runs().runs} == {"live"}
    assert app.start(three_steps(), run_id="done").result(timeout=SOON)[0][:2] == ["one", 2]


def test_what_is_owed_something_is_not_pruned(app: App):
    """A run that has ended keeps its alarm as long as it owes another run something."""
    handle = app.start(three_steps(), run_id="done")
    handle.result(timeout=SOON)
    assert eventually(lambda: app.prune("0s", dry_run=True)) == ["done"]
    log = app.store.read("done")
    app.store.commit([Commit("done", "owes", Head(log.head), alarm=log.now + 3_600_000)])
    assert app.prune("0s") == []
    app.store.commit([Commit("done", "paid", Head(log.head))])
    assert app.prune("0s") == ["done"]


def test_a_live_child_outlives_its_pruned_parent(app: App):
    handle = app.start(has_a_live_child(), run_id="p")
    child = eventually(lambda: next((app.get(run.run_id) for run in app.runs().runs if run.parent), None))
    handle.send("end", None)
    handle.result(timeout=SOON)
    eventually(lambda: app.prune("0s") == ["p"])
    child.send(GO, "on my own")
    assert child.result(timeout=SOON) == "on my own"
    eventually(lambda: app.prune("0s") == [child.run_id])
    assert app.runs().runs == ()


@workflow
def twice(n: int) -> Flow[str]:
    yield from add(n, n)
    if n == 1:
        return (yield from continue_as_new(twice(2)))
    return (yield from GO)


def test_a_run_that_was_continued_is_deleted_as_a_whole_when_its_last_generation_has_ended(app: App):
    handle = app.start(twice(1), run_id="r")
    eventually(lambda: handle.summary().run_id == "r~2")
    until_it_waits(handle, "go")
    assert app.prune("0s") == []
    handle.send(GO, "x")
    assert handle.result(timeout=SOON) == "x"
    eventually(lambda: sorted(app.prune("0s")) == ["r", "r~2"])
    assert app.runs().runs == ()
    assert app.start(twice(2), run_id="r").status() == "running"  # the id is free


@pytest.mark.parametrize("age", ["soon", -1, None])
def test_an_age_that_cannot_be_is_refused(app: App, age):
    with pytest.raises(ValueError):
        app.prune(age)
