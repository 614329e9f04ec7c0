"""Rulings 24 and 26: a task belongs to the branch that spawned it, and its failure is not silent."""

import pytest

from tests.core.harness import begun
from tests.rulings.steps import Declined, a_charge, a_refund
from yieldflow import Task, TaskCancelled, gather, hook, race, sleep, spawn, timeout
from yieldflow.core.outcome import Cancelled as WasCancelled
from yieldflow.core.outcome import Ok
from yieldflow.core.path import ROOT
from yieldflow.errors import Cancelled, NotACommand


def careful(error=None):
    try:
        return (yield a_charge())
    except Cancelled:
        yield a_refund()
        if error is not None:
            raise error from None
        raise


def failing():
    yield a_charge()
    raise Declined("in the task")


def test_24_a_cancelled_task_is_not_my_cancellation():
    """Nor is a `Cancelled` that the task raised itself."""

    def raises():
        yield sleep("1s")
        raise Cancelled

    def program():
        found = []
        for task in ((yield spawn(careful())), (yield spawn(raises()))):
            yield sleep("2s")
            yield task.cancel()
            try:
                yield task
            except TaskCancelled as error:
                found.append(str(error))
        return found

    life = begun(program)
    for _ in range(2):
        life.ring()
        life.commit()
    life.answer("1.1.2")
    life.ring()
    life.commit()
    assert life.result == ["task(1) was cancelled", "task(2) was cancelled"]
    assert issubclass(TaskCancelled, Exception)


def test_24_an_await_that_is_cancelled_does_not_cancel_its_task():
    def program():
        task = yield spawn(a_charge())
        won = yield race(sleep("1s"), task)
        return won[0], (yield task)

    life = begun(program)
    life.ring()
    assert life.open() == {"1.1": "steps:charge"}
    life.answer("1.1", 7)
    life.commit()
    assert life.result == (0, 7)


def test_26_a_task_begins_at_once_below_the_path_of_its_spawn():
    order = []

    def branch():
        order.append("the task")
        yield a_charge()

    def program():
        task = yield spawn(branch())
        order.append("its branch")
        assert task == Task((1,))
        yield sleep("1h")

    assert begun(program).open() == {"2": "sleep", "1.1.1": "steps:charge"}
    assert order == ["its branch", "the task"]


def test_26_open_tasks_are_cancelled_and_waited_for_when_their_branch_ends():
    def branch():
        yield spawn(careful())
        yield spawn(a_charge("a command as well"))
        yield sleep("1s")
        return "the branch"

    def program():
        answer = yield gather(branch())
        yield sleep("1h")
        return answer

    life = begun(program)
    life.ring()
    life.commit()
    assert life.open() == {"1.1.1.1.2": "steps:refund"}
    life.answer("1.1.1.1.2")
    life.commit()
    assert life.open() == {"2": "sleep"}


@pytest.mark.parametrize("then", [None, "sleeps"])
def test_26_a_failure_that_nobody_heard_of_fails_the_branch_when_it_returns(then):
    """Not before: until then somebody may still ask."""

    def program():
        yield spawn(failing())
        yield sleep("1h")
        return "fine"

    life = begun(program)
    life.answer("1.1.1", 1)
    assert life.execution.decide() == ()
    life.ring()
    life.commit()
    assert life.outcome.failure.message == "in the task"


def test_26_a_failure_that_was_awaited_or_cancelled_is_not_raised_again():
    def program():
        awaited, cancelled = (yield spawn(failing())), (yield spawn(careful(error=Declined("too late"))))
        yield sleep("1s")
        yield cancelled.cancel()
        try:
            yield awaited
        except Declined as error:
            yield sleep("1s")
            return str(error)

    life = begun(program)
    life.ring()
    life.commit()
    life.answer("2.1.2")
    life.answer("1.1.1", 1)
    life.ring()
    life.commit()
    assert life.result == "in the task"


def test_26_the_first_of_two_silent_failures_is_raised_and_the_other_noted():
    def program():
        yield gather(spawn(failing()), spawn(a_charge()))
        yield sleep("1h")

    life = begun(program)
    life.fail("1.2.1", Declined("the first"))
    life.answer("1.1.1.1", 1)
    life.ring()
    life.commit()
    assert life.outcome.failure.message == "the first"
    assert "in the task" in life.outcome.failure.state.decode()


def test_26_a_task_that_fails_in_its_clean_up_replaces_the_answer_of_its_branch():
    def program():
        yield spawn(careful(error=Declined("no refund")))
        yield sleep("1s")
        return "fine"

    life = begun(program)
    life.ring()
    life.commit()
    life.answer("1.1.2")
    life.commit()
    assert life.outcome.failure.message == "no refund"


def test_26_the_clean_up_of_a_task_is_not_interrupted_when_its_branch_ends():
    """Nor by a second `cancel()`: a cancellation is thrown once."""

    def program():
        task = yield spawn(careful())
        yield sleep("1s")
        yield task.cancel()
        yield sleep("1s")
        yield task.cancel()

    life = begun(program)
    for _ in range(2):
        life.ring()
        life.commit()
    assert life.open() == {"1.1.2": "steps:refund"}
    life.answer("1.1.2")
    life.commit()
    assert life.outcome == Ok(b"null")


def test_26_a_task_that_fails_in_its_clean_up_is_noted_on_the_error_of_its_branch():
    def program():
        yield spawn(careful(error=Declined("no refund")))
        yield sleep("1s")
        raise ValueError("first")

    life = begun(program)
    life.ring()
    life.commit()
    life.answer("1.1.2")
    life.commit()
    assert life.outcome.failure.message == "first"
    assert "no refund" in life.outcome.failure.state.decode()


def test_26_two_branches_may_await_one_task():
    def waiting(task):
        return (yield task)

    def program():
        task = yield spawn(a_charge())
        both = yield gather(waiting(task), task, timeout(task, "1h"))
        return both, (yield task)

    life = begun(program)
    life.answer("1.1", 7)
    life.commit()
    assert life.result == ((7, 7, 7), 7)


def test_26_cancelling_does_not_wait_and_later_nothing_happens():
    def program():
        task = yield spawn(careful())
        yield sleep("1s")
        yield task.cancel()
        yield gather(task.cancel(), sleep("1s"))
        yield hook("h")
        return (yield task.cancel())

    life = begun(program)
    life.ring()
    life.commit()
    assert life.open() == {"1.1.2": "steps:refund", "3.2": "sleep"}
    life.answer("1.1.2")
    life.ring()
    life.send("h")
    life.commit()
    assert life.outcome == Ok(b"null")


def test_26_a_task_may_cancel_itself_and_hears_of_it_at_its_next_ask():
    heard = []

    def itself(tasks):
        yield tasks[0].cancel()
        heard.append("goes on")
        try:
            yield a_charge("never asked")
        except Cancelled:
            heard.append("cancelled")
            raise

    def program():
        tasks = []
        tasks.append((yield spawn(itself(tasks))))
        yield sleep("1s")

    life = begun(program)
    assert heard == ["goes on", "cancelled"]
    assert life.open() == {"2": "sleep"}


def test_26_a_cancelled_run_cancels_its_tasks_when_its_own_clean_up_is_over():
    def program():
        yield spawn(careful())
        yield from careful()

    life = begun(program)
    life.cancel("stop")
    life.commit()
    assert life.open() == {"1.1.1": "steps:charge", "3": "steps:refund"}
    life.answer("3")
    life.commit()
    assert life.open() == {"1.1.2": "steps:refund"}
    life.cancel("again: it is over, and the clean-up of the task goes on")
    life.answer("1.1.2")
    life.commit()
    assert life.outcome == WasCancelled("again: it is over, and the clean-up of the task goes on")


@pytest.mark.parametrize("ask", [Task((7,)), gather(Task((7,))), Task((7,)).cancel()])
def test_26_a_task_of_another_run_is_refused(ask):
    def program():
        yield ask

    with pytest.raises(NotACommand, match=r"test_tasks.py:\d+.*a task of another run.*spawn it in this run"):
        begun(program)


def test_26_a_race_against_a_task_that_waits_for_it_is_no_knot():
    def inner():
        yield a_charge()
        return "inner"

    def outer(task):
        return (yield task)

    def program():
        first = yield spawn(inner())
        second = yield spawn(outer(first))
        return (yield race(second, sleep("1h")))

    life = begun(program)
    life.answer("1.1.1", 1)
    life.commit()
    assert life.result == (0, "inner")
    assert life.execution.tree.waiting.get(ROOT) is None
