"""Rulings 2, 22 and 25: a cancellation is an edge with a place in the log."""

import pytest

from tests.core.harness import Life, begun
from tests.rulings.steps import a_charge, a_refund
from yieldflow import gather, now
from yieldflow.core.events import Abandon, CommandIssued, RunFinished
from yieldflow.core.outcome import Cancelled as WasCancelled
from yieldflow.core.outcome import Ok
from yieldflow.errors import Cancelled, ImpossibleEvent


def stubborn():
    for number in range(3):
        try:
            yield a_charge(str(number))
        except Cancelled:
            continue
    return "done"


def test_2_an_abandon_that_became_moot_is_not_written():
    """The report of a cancelled step lies before the abandon could be committed."""

    def program():
        yield gather(a_charge("one"), a_charge("two"))

    life = begun(program)
    life.cancel()
    assert Abandon((1, 2)) in life.execution.decide()
    life.answer("1.2", 2)
    assert Abandon((1, 2)) not in life.execution.decide()
    assert life.replay().decide() == life.execution.decide()
    life.commit()
    assert life.outcome == WasCancelled()


def test_2_what_was_asked_and_let_go_before_it_was_written_is_not_written_at_all():
    def program():
        yield a_charge("one")
        yield a_charge("two")

    life = begun(program)
    life.answer("1", 1)
    life.cancel()
    life.commit()
    assert [event.path for event in life.log if isinstance(event, CommandIssued)] == [(1,)]


def test_22_a_second_request_does_not_interrupt_the_clean_up_unless_it_is_a_second_request():
    """Each request is thrown once, and the same request never twice."""
    life = begun(stubborn)
    life.cancel()
    life.commit()
    assert life.open() == {"2": "steps:charge"}
    life.answer("2", 2)
    life.commit()
    assert life.open() == {"3": "steps:charge"}
    life.cancel()
    life.commit()
    assert life.result == "done"


def test_22_a_request_counts_once():
    life = begun(stubborn)
    life.cancel()
    with pytest.raises(ImpossibleEvent, match="a delivery counts once"):
        life.execution.feed([life.log[-1]])


def test_25_a_program_that_has_ended_takes_no_cancellation():
    def program():
        return (yield a_charge())

    life = begun(program)
    life.answer("1", 5)
    life.cancel()
    life.commit()
    assert life.result == 5


def test_25_a_cancellation_before_the_first_decision_is_thrown_at_the_first_ask():
    seen = []

    def program():
        seen.append((yield now()))
        try:
            yield a_charge()
        except Cancelled:
            yield a_refund()
            raise

    life = Life(program).start()
    life.cancel()
    assert seen
    assert [decision.path for decision in life.execution.decide()] == [(2,)]


def test_the_reason_of_an_end_is_that_of_the_cancellation_that_ended_it():
    def program():
        yield a_charge()

    life = begun(program)
    life.cancel("the first")
    life.cancel("too late: it has ended")
    assert life.replay().decide() == life.execution.decide()
    life.commit()
    assert life.log[-1] == RunFinished(life.now, WasCancelled("the first"))


def test_whoever_swallows_a_cancellation_goes_on():
    def program():
        try:
            yield a_charge()
        except Cancelled:
            return "went on"

    life = begun(program)
    life.cancel()
    life.commit()
    assert isinstance(life.outcome, Ok)


def test_a_program_that_cancels_itself_was_cancelled_without_a_reason():
    def program():
        yield now()
        raise Cancelled

    assert begun(program).outcome == WasCancelled(None)


def test_24_a_step_that_ended_by_cancelled_is_not_my_cancellation():
    def program():
        try:
            yield a_charge()
        except Exception as error:
            return type(error).__name__

    life = begun(program)
    life.fail("1", Cancelled())
    life.commit()
    assert life.result == "StepFailed"
