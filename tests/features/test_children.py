"""Child runs: called, spawned, detached; their failures, their cancelling, and what becomes of them at the end."""

from __future__ import annotations

import pytest

from tests.features.moments import (
    SOON,
    eventually,
    failure,
    fold_of,
    pending,
    until_it_has_children,
    until_it_is,
    until_it_waits,
)
from tests.features.shop import GO, PaymentDeclined, Receipt, add, declined, listening, note, ordered
from yieldflow import (
    App,
    Cancelled,
    Flow,
    Handle,
    RunCancelled,
    RunFailed,
    RunTimeout,
    StepFailed,
    UnknownRun,
    detach,
    gather,
    hook,
    race,
    run_info,
    set_data,
    spawn,
    timeout,
    workflow,
)
from yieldflow.core.commands import StartChild

NEVER = hook("never")


@workflow
def tidy() -> Flow[str]:
    """Cleans up after itself when it is cancelled, and that takes two steps."""
    try:
        yield set_data("waits", True)
        return (yield from GO)
    except Cancelled:
        yield note("one")
        yield set_data("cleaned", (yield from note("up")))
        raise


@workflow
def who_am_i() -> Flow[list[object]]:
    info = yield from run_info()
    return [info.run_id, info.parent, dict(sorted(info.tags.items()))]


def the_child(app: App) -> Handle:
    return eventually(lambda: next((app.get(run.run_id) for run in app.runs().runs if run.parent), None))


# --- called ---------------------------------------------------------------------------------------------------


@workflow
def calls() -> Flow[list[str]]:
    one = yield ordered("a", 1)
    two = yield from ordered("a", 1)  # the same call is another child
    return [repr(one), repr(two)]


def test_a_workflow_that_is_yielded_runs_as_a_child_and_answers_its_result(app: App):
    handle = app.start(calls())
    assert handle.result(timeout=SOON) == [repr(Receipt("a", 1))] * 2
    assert {run.parent for run in app.runs().runs} == {None, handle.run_id}
    assert len(app.runs().runs) == 3


@workflow
def named() -> Flow[list[object]]:
    own = yield who_am_i()
    named = yield who_am_i().options(run_id="the-child", tags={"shop": "b", "more": "tags"})
    return [own, named]


def test_a_child_has_an_id_of_its_place_or_a_given_one_and_its_parents_tags(app: App):
    own, named_ = app.start(named(), run_id="p", tags={"shop": "a", "by": "me"}).result(timeout=SOON)
    assert own == ["p~1.1", "p", {"by": "me", "shop": "a"}]
    assert named_ == ["the-child", "p", {"by": "me", "more": "tags", "shop": "b"}]


def test_a_child_is_found_and_talked_to_by_its_id(app: App):
    @workflow
    def parent() -> Flow[str]:
        return (yield from listening())

    handle = app.start(parent(), run_id="p")
    child = the_child(app)
    assert child.run_id == "p~1.1"
    assert child.status() == "running"
    until_it_waits(child, "go")
    app.send("p~1.1", GO, "hello")
    assert handle.result(timeout=SOON) == child.result(timeout=SOON) == "hello"


@workflow
def many() -> Flow[list[object]]:
    tasks = []
    for n in range(4):
        tasks.append((yield from spawn(ordered(f"spawned {n}", n))))
    gathered = yield from gather(*[ordered(f"gathered {n}", n) for n in range(3)])
    total = sum(receipt.cents for receipt in gathered)
    for task in tasks:
        total += (yield task).cents
    return [total, (yield from race(ordered("raced", 50), listening()))[0]]


def test_children_run_at_the_same_time(app: App):
    handle = app.start(many())
    assert handle.result(timeout=SOON) == [0 + 1 + 2 + 3 + 0 + 1 + 2, 0]
    eventually(lambda: all(run.finished_at for run in app.runs().runs))
    assert sorted(run.status for run in app.runs().runs) == ["cancelled", *["completed"] * 9]


# --- failures -------------------------------------------------------------------------------------------------


@workflow
def catches() -> Flow[list[object]]:
    try:
        yield declined("o", 5)
    except PaymentDeclined as error:
        cause = error.__cause__
        assert isinstance(cause, RunFailed)
        return [*error.args, error.code, type(cause).__name__, cause.run_id, type(cause.__cause__).__name__]
    return []


def test_a_failed_child_raises_its_own_exception_with_run_failed_as_its_cause(app: App):
    assert app.start(catches(), run_id="p").result(timeout=SOON)[:5] == ["o", 5, "too-poor", "RunFailed", "p~1.1"]


@workflow
def generations(depth: int) -> Flow[str]:
    if depth:
        return (yield from generations(depth - 1))
    return repr((yield from declined("o", 5)))


def test_a_failure_reaches_all_ancestors(app: App):
    error = failure(app.start(generations(2), run_id="p"))
    assert isinstance(error, PaymentDeclined)
    assert error.code == "too-poor"
    assert isinstance(error.__cause__, RunFailed)
    assert error.__cause__.run_id == "p~1.1"
    assert {run.status for run in app.runs().runs} == {"failed"}
    assert len(app.runs().runs) == 4


@workflow
def waits_for_the_lost() -> Flow[str]:
    try:
        return (yield from listening())
    except RunCancelled as error:
        return f"{error.run_id}: {error.reason}"


@pytest.mark.parametrize("how", ["cancel", "terminate"])
def test_a_cancelled_child_is_no_cancelled_parent(app: App, how):
    handle = app.start(waits_for_the_lost(), run_id="p")
    until_it_has_children(handle)
    child = the_child(app)
    getattr(child, how)("no longer wanted")
    assert handle.result(timeout=SOON) == "p~1.1: no longer wanted"


@workflow
def bounded() -> Flow[list[object]]:
    try:
        yield listening().options(timeout="20ms")
    except RunTimeout as error:
        return [type(error).__name__, isinstance(error, TimeoutError), type(error.__cause__).__name__]
    return []


def test_a_child_that_takes_longer_than_its_timeout_fails_with_run_timeout(app: App):
    assert app.start(bounded()).result(timeout=SOON) == ["RunTimeout", True, "RunFailed"]


# --- let go ---------------------------------------------------------------------------------------------------


@workflow
def times_out() -> Flow[str]:
    return (yield from timeout(tidy(), "50ms", default="late"))


def test_a_child_that_is_let_go_is_cancelled_and_its_clean_up_waited_for(app: App):
    handle = app.start(times_out(), run_id="p")
    assert handle.result(timeout=SOON) == "late"
    child = app.get("p~1.1.1")
    assert child.status() == "cancelled"
    assert child.data().get("cleaned", "up") == "up"


@workflow
def tidy_parent() -> Flow[str]:
    return (yield from tidy())


def test_cancelling_a_parent_cancels_its_child_and_waits_for_its_clean_up(app: App):
    handle = app.start(tidy_parent(), run_id="p")
    until_it_has_children(handle)
    child = the_child(app)
    until_it_waits(child, "go")
    handle.cancel("closing time")
    with pytest.raises(RunCancelled, match="closing time"):
        handle.result(timeout=SOON)
    assert child.status() == "cancelled"
    assert child.data() == {"waits": True, "cleaned": "up"}


def test_terminating_a_parent_cancels_its_children(app: App):
    handle = app.start(tidy_parent(), run_id="p")
    child = the_child(app)
    until_it_waits(child, "go")
    handle.terminate("enough")
    assert handle.status() == "cancelled"
    until_it_is(child, "cancelled")
    assert child.data()["cleaned"] == "up"


@workflow
def abandons() -> Flow[str]:
    yield spawn(listening().options(on_parent_close="abandon"))
    yield hook("end")
    return "done"


def test_an_abandoned_child_goes_on_when_its_parent_ends(app: App):
    handle = app.start(abandons())
    child = the_child(app)
    handle.send("end", None)
    assert handle.result(timeout=SOON) == "done"
    until_it_waits(child, "go")
    child.send(GO, "on my own")
    assert child.result(timeout=SOON) == "on my own"


@workflow
def ends_at_once() -> Flow[list[str]]:
    yield spawn(listening().options(run_id="spawned", on_parent_close="abandon"))
    return [(yield detach(listening().options(run_id="detached")))]


@workflow
def ends_at_once_without_a_fact() -> Flow[str]:
    yield spawn(listening().options(run_id="never", on_parent_close="abandon"))
    return "done"


def test_a_child_that_is_let_go_before_it_was_written_never_starts_but_a_detached_run_does(app: App):
    assert app.start(ends_at_once_without_a_fact()).result(timeout=SOON) == "done"
    assert app.start(ends_at_once()).result(timeout=SOON) == ["detached"]
    assert app.get("detached").status() == "running"
    with pytest.raises(UnknownRun):
        app.get("never")


@workflow
def detaches() -> Flow[list[str]]:
    ids = [(yield detach(listening())), (yield from detach(listening().options(run_id="mine")))]
    yield detach(declined("o", 5))  # whose failure is its own
    return ids


def test_a_detached_run_is_one_of_its_own(app: App):
    own, mine = app.start(detaches(), run_id="p").result(timeout=SOON)
    assert (own, mine) == ("p~1.1", "mine")
    for run_id in (own, mine):
        assert app.get(run_id).status() == "running"
        app.send(run_id, GO, "on")
        assert app.get(run_id).result(timeout=SOON) == "on"
    assert isinstance(failure(app.get("p~1.3")), PaymentDeclined)


@workflow
def spawns_and_ends() -> Flow[str]:
    yield from spawn(tidy())
    yield hook("end")
    return "done"


def test_a_child_of_a_task_is_cancelled_at_the_end_of_its_branch(app: App):
    handle = app.start(spawns_and_ends(), run_id="p")
    child = the_child(app)
    until_it_waits(child, "go")
    handle.send("end", None)
    assert handle.result(timeout=SOON) == "done"
    assert child.status() == "cancelled"
    assert not fold_of(handle).open


# --- ids ------------------------------------------------------------------------------------------------------


@workflow
def takes_the_id_of_another() -> Flow[str]:
    try:
        yield ordered("o", 5).options(run_id="taken")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "adopted"


def test_the_run_of_somebody_else_is_not_adopted_as_a_child(app: App):
    app.start(listening(), run_id="taken")
    said = app.start(takes_the_id_of_another()).result(timeout=SOON)
    assert said.startswith("RunExists: run 'taken' exists already")
    assert app.get("taken").status() == "running"


def test_a_step_of_a_child_says_which_step_it_was(app: App):
    @workflow
    def digs() -> Flow[list[object]]:
        try:
            yield declined("o", 5)
        except PaymentDeclined as error:
            own = error.__cause__
            found = []
            while own is not None:
                found.append(type(own).__name__)
                own = own.__cause__
            return found
        return []

    assert app.start(digs()).result(timeout=SOON) == [RunFailed.__name__, StepFailed.__name__]
    assert isinstance(failure(the_child(app)).__cause__, StepFailed)


def test_a_child_is_in_the_log_as_a_command_that_is_open_until_its_end(app: App):
    handle = app.start(tidy_parent())
    until_it_has_children(handle)
    (command,) = pending(handle, StartChild)
    assert command.workflow == f"{__name__}:tidy"
    handle.cancel()
    with pytest.raises(RunCancelled):
        handle.result(timeout=SOON)


def test_a_parent_goes_on_with_its_own_work_while_a_child_waits(app: App):

    @workflow
    def busy() -> Flow[list[object]]:
        task = yield from spawn(listening())
        total = 0
        for n in range(5):
            total += yield from add(n, n)
        yield set_data("total", total)
        return [total, (yield task)]

    handle = app.start(busy(), run_id="p")
    assert handle.data("total", int, timeout=SOON) == 20
    child = the_child(app)
    child.send(GO, "at last")
    assert handle.result(timeout=SOON) == [20, "at last"]
