"""Rulings 20, 21 and 72: what is shielded is carried out, what takes too long is cancelled and cleaned up."""

import pytest

from tests.core.harness import begun
from tests.rulings.steps import Declined, a_charge, a_refund
from yieldflow import TimedOut, gather, race, shield, sleep, timeout
from yieldflow.core.events import CommandIssued, stamped
from yieldflow.core.outcome import Cancelled as WasCancelled
from yieldflow.core.outcome import Ok
from yieldflow.errors import Cancelled


def careful(then=None):
    try:
        yield a_charge()
    finally:
        yield a_refund()
        if then is not None:
            raise then


def saga():
    undo = []
    try:
        undo.append((yield shield(a_charge())))
        yield a_charge("not asked any more")
    finally:
        for receipt in undo:
            yield a_refund(f"of {receipt}")


def test_21_a_shield_keeps_the_receipt_and_the_cancellation_comes_at_the_next_ask():
    life = begun(saga)
    life.cancel("stop")
    assert life.execution.decide() == ()
    life.answer("1.1", 7)
    life.commit()
    (refund,) = life.run.open.values()
    assert refund.issued.command.arguments == b'[["of 7"],{}]'
    life.answer(next(iter(life.open())))
    life.commit()
    assert life.outcome == WasCancelled("stop")


def test_21_a_saga_that_is_cancelled_at_any_moment_leaves_no_booking_behind():
    for moment in range(2):
        life = begun(saga)
        for number in range(4):
            if number == moment:
                life.cancel()
            life.commit()
            for path, name in life.open().items():
                life.answer(path, 7 if name.endswith("charge") else None)
        life.commit()
        asked = [event.command for event in life.log if isinstance(event, CommandIssued)]
        refunds = [command for command in asked if command.name.endswith("refund")]
        assert len(refunds) == 1, moment


def test_21_b_a_shielded_failure_under_a_cancellation_is_one_unwinding():
    heard = []

    def program():
        try:
            yield shield(a_charge())
        except Cancelled as cancelled:
            heard.append(cancelled.__cause__)
            yield a_refund()
            raise

    life = begun(program)
    life.cancel("stop")
    life.fail("1.1", Declined("no"))
    life.commit()
    assert [type(error) for error in heard] == [Declined]
    assert life.open() == {"2": "steps:refund"}
    life.answer("2")
    life.commit()
    assert life.outcome == WasCancelled("stop")


def test_21_c_what_is_asked_in_a_shield_is_carried_out_while_the_cancellation_is_held():
    def program():
        yield shield(a_charge("one"))
        yield shield(a_charge("two"))
        yield a_charge("three")

    life = begun(program)
    life.cancel("stop")
    life.answer("1.1", 1)
    life.commit()
    assert life.open() == {"2.1": "steps:charge"}
    life.answer("2.1", 2)
    life.commit()
    assert life.outcome == WasCancelled("stop")


def test_21_who_ends_after_a_shield_just_ends():
    def program():
        return (yield shield(a_charge()))

    life = begun(program)
    life.cancel()
    life.answer("1.1", 7)
    life.commit()
    assert life.outcome == Ok(b"7")


def test_21_a_race_with_a_shield_in_it_waits_for_the_shield():
    def program():
        yield race(shield(a_charge()), sleep("5s"))

    life = begun(program)
    life.cancel("stop")
    life.commit()
    assert life.open() == {"1.1.1": "steps:charge"}
    life.answer("1.1.1", 7)
    life.commit()
    assert life.outcome == WasCancelled("stop")


def test_21_a_failure_in_a_shield_that_nobody_cancels_is_raised_as_it_is():
    def program():
        try:
            yield shield(a_charge())
        except Declined:
            return "declined"

    life = begun(program)
    life.fail("1.1", Declined("no"))
    life.commit()
    assert life.result == "declined"


def test_72_what_answers_in_time_is_answered_and_its_timer_is_let_go():
    def program():
        yield timeout(a_charge(), "1h")
        return (yield timeout(a_charge(), "1h", default=None))

    life = begun(program)
    assert life.open() == {"1.1": "steps:charge", "1.2": "sleep"}
    life.answer("1.1", 7)
    life.commit()
    assert life.open() == {"2.1": "steps:charge", "2.2": "sleep"}
    life.answer("2.1", 8)
    life.commit()
    assert life.result == 8


def test_72_past_the_time_it_is_timed_out_when_the_clean_up_is_over():
    def program():
        try:
            yield timeout(careful(), "1s")
        except TimedOut as error:
            return str(error)

    life = begun(program)
    life.ring()
    life.commit()
    assert life.open() == {"1.1.2": "steps:refund"}
    life.answer("1.1.2")
    life.commit()
    assert life.result == "careful took longer than 1s"
    assert issubclass(TimedOut, TimeoutError)


def test_72_the_default_of_a_timeout_is_fresh_each_time_and_answered_after_the_clean_up():
    late = timeout(sleep("1h"), "1s", default=[])

    def program():
        one = yield late
        one.append("mine")
        return [one, (yield late), (yield timeout(careful(), "1s", default="after"))]

    life = begun(program)
    for _ in range(3):
        life.ring()
        life.commit()
    assert life.outcome is None
    life.answer("3.1.2")
    life.commit()
    assert life.result == [["mine"], [], "after"]


@pytest.mark.parametrize("swallows", [True, False])
def test_20_after_the_time_it_is_timed_out_whatever_the_branch_returned(swallows):
    def branch():
        try:
            yield a_charge()
        except Cancelled:
            if swallows:
                return (yield a_refund())
            raise

    def program():
        yield timeout(branch(), "1s")

    life = begun(program)
    life.ring()
    life.commit()
    for path in life.open():
        life.answer(path)
        life.commit()
    assert life.outcome.failure.names[0].endswith(":TimedOut")


@pytest.mark.parametrize(("default", "message"), [({"default": 1}, "no refund"), ({}, "careful took longer than 1s")])
def test_20_an_error_in_clean_up_replaces_a_default_and_is_noted_on_a_time_out(default, message):
    def program():
        yield timeout(careful(then=Declined("no refund")), "1s", **default)

    life = begun(program)
    life.ring()
    life.commit()
    life.answer("1.1.2")
    life.commit()
    assert life.outcome.failure.message == message
    assert default or "no refund" in life.outcome.failure.state.decode()


def test_a_timeout_that_is_cancelled_from_outside_cleans_up_and_is_no_time_out():
    def program():
        yield timeout(gather(careful(), a_charge()), "1h", default=None)

    life = begun(program)
    life.cancel("stop")
    life.commit()
    assert life.open() == {"1.1.1.2": "steps:refund"}
    life.answer("1.1.1.2")
    assert [stamped(one, 0).outcome for one in life.commit()] == [WasCancelled("stop")]
