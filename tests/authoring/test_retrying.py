"""`retrying` asks a branch or a child again, by a policy."""

import pytest

from tests.core.harness import begun
from tests.core.programs import child
from tests.rulings.steps import Declined, a_charge
from yieldflow import FatalError, Retry, gather, retrying
from yieldflow.errors import Cancelled


def branch():
    yield a_charge("one")
    return (yield a_charge("two"))


def test_a_branch_is_asked_again_until_it_does_not_fail():
    def program():
        return (yield gather(retrying(branch, Retry(attempts=3, delay="2s", max_delay="3s"))))

    life = begun(program)
    life.answer("1.1.1", 1)
    life.commit()
    life.fail("1.1.2", Declined("no"))
    life.ring()
    life.commit()
    assert life.now == 1_002_000
    life.fail("1.1.4", Declined("no"))
    life.ring()
    life.commit()
    assert life.now == 1_005_000
    life.answer("1.1.6", 1)
    life.commit()
    life.answer("1.1.7", 7)
    life.commit()
    assert life.result == (7,)


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        (1, Declined("no")),
        (5, FatalError("never")),
        (Retry(give_up_on=Declined), Declined("no")),
        (Retry(retry_on=ValueError), Declined("no")),
    ],
)
def test_what_is_not_worth_it_is_raised_at_once(policy, error):
    def program():
        yield from retrying(lambda: child(1, ""), policy)

    life = begun(program)
    life.fail("1", error)
    life.commit()
    assert life.outcome.failure.message == str(error)


def test_the_last_failure_is_raised_when_the_attempts_are_used_up():
    def program():
        yield from retrying(lambda: child(1, ""), 2)

    life = begun(program)
    life.fail("1", Declined("first"))
    life.ring()
    life.commit()
    life.fail("3", Declined("last"))
    life.commit()
    assert life.outcome.failure.message == "last"


def test_a_cancellation_is_not_tried_again():
    def program():
        try:
            yield from retrying(a_charge)
        except Cancelled:
            return "cancelled"

    life = begun(program)
    life.cancel()
    life.commit()
    assert life.result == "cancelled"
