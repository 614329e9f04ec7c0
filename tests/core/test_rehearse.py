"""`rehearse`: scripts that fit, and what it says of those that do not."""

from datetime import UTC, datetime

import pytest

from tests.core.programs import Declined, Receipt
from yieldflow import Flow, HookTokenTaken, TimedOut, gather, hook, now, open_hook, race, sleep, step, workflow
from yieldflow.authoring.scope import inside
from yieldflow.testing import rehearse

APPROVAL = hook("approval", bool)


def charge(order: str, cents: int) -> Receipt: ...
def refund(order: str) -> None: ...
def pack(order: str) -> str: ...


PAID = Receipt(1, datetime(2026, 1, 1, tzinfo=UTC))


@workflow
def checkout(order: str) -> Flow[Receipt]:
    receipt = yield from step(charge, order, 5)
    yield sleep("3d")
    if not (yield from APPROVAL.options(timeout="2d", default=False)):
        yield step(refund, order)
    return receipt


def test_the_plan_of_a_program_is_its_test():
    script = [(step(charge, "o", 5), PAID), (sleep("3d"), None), (APPROVAL, True)]
    assert rehearse(checkout("o"), script) == PAID


def test_time_runs_out_where_the_script_says_so():
    script = [(step(charge, "o", 5), PAID), (sleep("3d"), None), (APPROVAL, TimedOut()), (step(refund, "o"), None)]
    assert rehearse(checkout("o"), script) == PAID


def test_an_exception_is_thrown_as_that_of_a_failed_step():
    with pytest.raises(Declined) as caught:
        rehearse(checkout("o"), [(step(charge, "o", 5), Declined(code=3))])
    assert caught.value.code == 3
    assert "step tests.core.test_rehearse:charge failed" in str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ([(step(charge, "o", 6), PAID)], [r"> 1. charge\('o', 6\) -> ", r"charge\('o', 6\); expected next: charge"]),
        ([(step(charge, "o", 5), PAID)], [r"end of the script; expected next: sleep\('3d'\) \(.*rehearse.py:"]),
        ([(step(charge, "o", 5), PAID), (sleep("3d"), 1)], ["> 2.", "found 1: a sleep answers None"]),
        ([(step(charge, "o", 5), PAID), (sleep("3d"), None), (APPROVAL, KeyError())], ["a hook answers, or raises"]),
        ([(step(charge, "o", 5), ValueError("no")), (sleep("3d"), None)], [r"sleep\('3d'\); expected next: nothing"]),
    ],
)  # fmt: skip
def test_a_script_that_does_not_fit_is_shown(script, said):
    with pytest.raises(AssertionError) as caught:
        rehearse(checkout("o"), script)
    for pattern in ["the script does not fit", *said]:
        caught.match(pattern)


def test_an_entry_too_many_is_told_with_what_ended_the_run():
    with pytest.raises(AssertionError) as caught:
        rehearse(checkout("o"), [(step(charge, "o", 5), ValueError("no")), (sleep("3d"), None)])
    assert isinstance(caught.value.__cause__, ValueError)


@workflow
def shop(order: str) -> Flow[tuple[int, str, datetime]]:
    yield open_hook("later", int)
    packed, _ = yield from gather(step(pack, order), step(charge, order, 1))
    yield race(step(pack, "first"), sleep("1h"))
    _, number = yield from race(hook("later", int), hook("other", int))
    assert inside.get() == "workflow"
    return number, packed, (yield from now())


def test_the_script_says_who_is_first():
    script = [
        (step(charge, "o", 1), PAID),
        (step(pack, "o"), "packed"),
        (sleep("1h"), None),
        (hook("other", int), 7),
    ]
    assert rehearse(shop("o"), script) == (7, "packed", datetime(2026, 1, 1, 1, tzinfo=UTC))
    assert inside.get() is None


@workflow
def listens() -> Flow[bool]:
    channel = yield from open_hook("approval", bool)
    return (yield from channel)


def test_the_entry_of_an_open_hook_is_the_hook_by_name():
    assert rehearse(listens(), [(APPROVAL, True)]) is True


@workflow
def listens_at_its_own(token: str) -> Flow[object]:
    try:
        channel = yield from open_hook("approval", bool, token=token)
    except HookTokenTaken:
        return "taken"
    return (yield from channel)


def test_a_token_of_ones_own_is_there_or_taken():
    own = open_hook("approval", bool, token="o-1")
    assert rehearse(listens_at_its_own("o-1"), [(own, None), (APPROVAL, True)]) is True
    assert rehearse(listens_at_its_own("o-1"), [(own, HookTokenTaken("approval"))]) == "taken"
    with pytest.raises(AssertionError, match="a token of one's own is there"):
        rehearse(listens_at_its_own("o-1"), [(own, True)])
