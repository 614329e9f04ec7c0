"""Rulings 28 and 29: pauses keep facts for later; a deadline is a cancellation; a forced end is not asked."""

import pytest

from tests.core.harness import Life, begun
from tests.rulings.steps import a_charge, a_refund
from yieldflow import RunTimeout, gather, hook, now, race, sleep
from yieldflow.core.agenda import DEADLINE, due, wakes_at
from yieldflow.core.events import CancelRequested, RunPaused, RunResumed
from yieldflow.core.outcome import Cancelled as WasCancelled
from yieldflow.core.outcome import Ok
from yieldflow.core.times import moment
from yieldflow.errors import Cancelled


def pause(life):
    life.append(RunPaused(life.now))


def resume(life):
    life.append(RunResumed(life.now))


def test_28_facts_of_a_pause_are_kept_and_told_in_their_order_with_the_time_of_the_resume():
    seen = []

    def told(ask, name):
        yield ask
        seen.append((name, (yield now())))

    def program():
        yield gather(told(a_charge(), "charge"), told(hook("h"), "hook"))

    life = begun(program)
    pause(life)
    for step in (lambda: life.send("h"), lambda: life.answer("1.1.1", 7)):
        life.now += 1_000
        step()
    assert seen == []
    assert life.execution.decide() == ()
    assert life.run.time == 1_000_000
    life.now += 5_000
    resume(life)
    assert seen == [("hook", moment(life.now)), ("charge", moment(life.now))]
    life.commit()
    assert isinstance(life.outcome, Ok)
    assert life.replay().decide() == ()


def test_28_while_paused_nothing_is_decided_and_no_timer_rings():
    def program():
        yield gather(a_charge(), sleep("1s"))

    life = Life(program).start(deadline=1_000_000 + 10_000)
    pause(life)
    assert life.execution.decide() == ()
    resume(life)
    life.commit()
    assert len(life.open()) == 2
    pause(life)
    assert wakes_at(life.run, life.now) is None
    assert due(life.run, life.now + 10**6) == ()
    resume(life)
    assert wakes_at(life.run, life.now) == life.now + 1_000


def test_28_a_cancellation_resumes_and_comes_after_what_was_kept():
    def program():
        try:
            yield a_charge()
            yield a_charge("second")
        except Cancelled:
            yield a_refund()
            raise

    life = begun(program)
    pause(life)
    life.answer("1", 7)
    life.cancel("stop")
    assert not life.run.paused
    assert [one.path for one in life.execution.decide()] == [(3,)]
    life.commit()
    life.answer("3")
    life.commit()
    assert life.outcome == WasCancelled("stop")


def test_28_a_program_that_has_ended_in_a_pause_ends_when_it_is_over():
    def program():
        return (yield a_charge())

    life = begun(program)
    life.answer("1", 7)
    pause(life)
    assert life.execution.decide() == ()
    life.cancel("too late")
    life.commit()
    assert life.outcome == Ok(b"7")


def patient():
    try:
        yield a_charge()
    finally:
        yield a_refund()


def test_29_a_deadline_cancels_and_ends_failed_with_a_run_timeout():
    life = Life(patient).start(deadline=1_005_000)
    life.commit()
    assert wakes_at(life.run, life.now) == 1_005_000
    assert due(life.run, 1_004_999) == ()
    assert due(life.run, 1_005_000) == (CancelRequested(1_005_000, DEADLINE, DEADLINE),)
    life.ring()
    life.commit()
    assert life.open() == {"2": "steps:refund"}
    life.answer("2")
    life.commit()
    assert life.outcome.failure.names[0].endswith(f":{RunTimeout.__name__}")
    assert life.outcome.failure.message == "the run took longer than its timeout"


def test_29_a_program_that_goes_on_after_its_deadline_ends_as_it_ends():
    def program():
        try:
            yield a_charge()
        except Cancelled:
            return "went on"

    life = Life(program).start(deadline=1_005_000)
    life.ring()
    life.commit()
    assert life.result == "went on"


def test_29_a_deadline_does_not_interrupt_the_clean_up_of_a_cancelled_run():
    life = Life(patient).start(deadline=1_005_000)
    life.commit()
    life.cancel("by hand")
    life.commit()
    assert wakes_at(life.run, life.now) is None
    assert due(life.run, 2_000_000) == ()
    life.answer("2")
    life.commit()
    assert life.outcome == WasCancelled("by hand")


def test_29_timers_and_the_deadline_come_by_their_ends_the_deadline_first():
    def program():
        yield race(sleep("5s"), sleep("4s"), sleep("6s"))

    life = Life(program).start(deadline=1_005_000)
    life.commit()
    assert [getattr(fact, "path", ()) for fact in due(life.run, 1_005_000)] == [(1, 2), (), (1, 1)]


@pytest.mark.parametrize("order", [("user", "deadline"), ("deadline", "user")])
def test_29_how_it_ends_is_said_by_the_cancellation_that_ended_it(order):
    def stubborn():
        try:
            yield a_charge()
        except Cancelled:
            yield a_refund()

    life = begun(stubborn)
    for who in order:
        life.append(CancelRequested(life.now, who, who))
    life.commit()
    assert (life.outcome == WasCancelled("user")) == (order[1] == "user")
