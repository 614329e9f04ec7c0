"""What is done twice, or done although nobody counts on it any more: payments, votes, answers that come late."""

from typing import Any

from tests.testing.corpus import (
    FAKES,
    Pair,
    charge,
    charge_order,
    charge_with_key,
    give_back_order,
    mail,
    mails,
    pair,
    world,
)
from yieldflow import (
    Cancelled,
    Flow,
    Retry,
    StepFailed,
    StepTimeout,
    TimedOut,
    WorkerLost,
    compensations,
    gather,
    hook,
    retrying,
    shield,
    sleep,
    step,
    timeout,
    workflow,
)
from yieldflow.testing import Simulation, outcomes


class Declined(Exception):
    """The bank says no."""


PAYS: dict[str, Any] = {"steps": world.fakes, "cancel": False}


def paid_once(_: Simulation[Any]) -> None:
    assert world.total <= 5, f"{world.total} cents are paid, of 5"


# --- a retry repeats an effect that has no key ------------------------------------------------------------------------


@workflow
def pays_without_key() -> Flow[str]:
    return (yield charge(5))


@workflow
def pays_with_key() -> Flow[str]:
    return (yield charge_with_key(5))


# --- a second try by hand has another key -----------------------------------------------------------------------------


@workflow
def charges_again_after_a_timeout() -> Flow[str]:
    try:
        return (yield charge_with_key(5).options(retry=1))
    except StepTimeout:
        return (yield charge_with_key(5))


@workflow
def charges_the_same_order_again() -> Flow[str]:
    try:
        return (yield charge_order("order-1", 5))
    except StepTimeout:
        return (yield charge_order("order-1", 5))


@step(retry=1)
def order_goods(order: str) -> str: ...


def pays_and_orders(order: str) -> Flow[str]:
    yield charge_with_key(5)
    return (yield order_goods(order))


def pays_for_the_order(order: str) -> Flow[str]:
    yield charge_order(order, 5).options(retry=Retry(attempts=3, delay="1s"))
    return (yield order_goods(order))


@workflow
def tries_the_branch_again() -> Flow[str]:
    return (yield from retrying(lambda: pays_and_orders("order-1"), Retry(attempts=2, delay="1s")))


@workflow
def tries_the_branch_again_with_a_key() -> Flow[str]:
    return (yield from retrying(lambda: pays_for_the_order("order-1"), Retry(attempts=2, delay="1s")))


def unreliable_shop() -> dict[Any, Any]:
    return {**world.fakes(), order_goods: outcomes("ordered", ConnectionError("busy"))}


# --- a time-out, and the answer comes all the same --------------------------------------------------------------------


@workflow
def forgets_a_late_payment() -> Flow[str]:
    try:
        return (yield timeout(charge_order("order-1", 5), "5s"))
    except (TimedOut, StepTimeout, WorkerLost):
        return "unpaid"


@workflow
def gives_a_late_payment_back() -> Flow[str]:
    saga = compensations()
    saga.add(give_back_order("order-1"))
    try:
        return (yield timeout(shield(charge_order("order-1", 5)), "5s"))
    except (TimedOut, StepTimeout, WorkerLost):
        yield from saga.undo()
        return "unpaid"


def unpaid_is_unpaid(sim: Simulation[Any]) -> None:
    if sim.status == "completed" and sim.result == "unpaid":
        assert world.total == 0, "told unpaid, and paid"


# --- an except that takes "nobody knows" for "no" ---------------------------------------------------------------------


@workflow
def takes_any_error_for_no() -> Flow[str]:
    try:
        return (yield charge_order("order-1", 5))
    except Exception:
        return "unpaid"


@workflow
def takes_no_for_no() -> Flow[str]:
    try:
        return (yield charge_order("order-1", 5))
    except Declined:
        return "unpaid"


# --- a payload that comes twice ---------------------------------------------------------------------------------------

VOTE = hook("vote", str)
VOTES = [(VOTE, "ann"), (VOTE, "ben")]


@workflow
def counts_payloads() -> Flow[int]:
    votes = 0
    while votes < 2:
        yield VOTE
        votes += 1
    return votes


@workflow
def counts_voters() -> Flow[int]:
    voters: set[str] = set()
    while len(voters) < 2:
        voters.add((yield VOTE))
    yield mail(" and ".join(sorted(voters)))
    return len(voters)


def two_people(sim: Simulation[Any]) -> None:
    if sim.status == "completed":
        came = {event.payload for event in sim.history if type(event).__name__ == "HookReceived"}
        assert len(came) == 2, "one person has voted twice"


# --- a late answer is taken for that to the next question -------------------------------------------------------------


@workflow
def asks_under_one_name() -> Flow[list[str]]:
    approved = []
    for document in ("first", "second"):
        if (yield hook("approval", bool, timeout="1d", default=False)):
            approved.append(document)
    return approved


@workflow
def asks_under_names_of_their_own() -> Flow[list[str]]:
    approved = []
    for document in ("first", "second"):
        if (yield hook(f"approval {document}", bool, timeout="1d", default=False)):
            approved.append(document)
    return approved


def only_the_first(sim: Simulation[Any]) -> None:
    if sim.status == "completed":
        assert "second" not in sim.result, "nobody has approved the second"


# --- a mail before it is sure -----------------------------------------------------------------------------------------


@workflow
def tells_before_it_is_paid() -> Flow[str]:
    _, paid = yield gather(mail("paid"), charge_order("order-1", 5))
    return paid


@workflow
def tells_when_it_is_paid() -> Flow[str]:
    paid = yield charge_order("order-1", 5)
    yield mail("paid")
    return paid


def told_is_paid(sim: Simulation[Any]) -> None:
    if mails(sim):
        assert any(call.state == "answered" for call in sim.calls(charge_order)), "told, and not known to be paid"


# --- a cancellation is swallowed --------------------------------------------------------------------------------------


@workflow
def goes_on_after_a_cancellation() -> Flow[None]:
    for _ in range(3):
        try:
            yield sleep("1d")
            yield charge(5)
        except (Exception, Cancelled):
            yield mail("something went wrong")


@workflow
def ends_after_a_cancellation() -> Flow[None]:
    for _ in range(3):
        try:
            yield sleep("1d")
            yield charge(5)
        except (StepTimeout, StepFailed):
            yield mail("something went wrong")


def cancelled_is_over(sim: Simulation[Any]) -> None:
    if any(type(event).__name__ == "CancelRequested" for event in sim.history):
        assert sim.status == "cancelled", "it was cancelled, and went on"


# --- a child that is let go -------------------------------------------------------------------------------------------


@workflow
def delivery() -> Flow[None]:
    yield sleep("1d")
    yield mail("delivered")


@workflow
def leaves_its_child_alone() -> Flow[str]:
    yield delivery().options(on_parent_close="abandon")
    return "done"


@workflow
def takes_its_child_along() -> Flow[str]:
    yield delivery()
    return "done"


def no_delivery_after_all(sim: Simulation[Any]) -> None:
    for event in sim.history:
        if type(event).__name__ == "CancelRequested":
            assert all(call.at <= event.at for call in sim.calls(mail)), "delivered after it was cancelled"


PAIRS: list[Pair] = [
    pair(
        "a retry repeats an effect without a key",
        pays_without_key(),
        pays_with_key(),
        says="10 cents are paid",
        at_end=paid_once,
        **PAYS,
    ),
    pair(
        "double charge after a timeout",
        charges_again_after_a_timeout(),
        charges_the_same_order_again(),
        says="10 cents are paid",
        at_end=paid_once,
        **PAYS,
    ),
    pair(
        "a branch that is tried again has other keys",
        tries_the_branch_again(),
        tries_the_branch_again_with_a_key(),
        says="10 cents are paid",
        at_end=paid_once,
        steps=unreliable_shop,
    ),
    pair(
        "a timeout against a late answer",
        forgets_a_late_payment(),
        gives_a_late_payment_back(),
        says="told unpaid, and paid",
        at_end=unpaid_is_unpaid,
        **PAYS,
    ),
    pair(
        "an except that is too wide",
        takes_any_error_for_no(),
        takes_no_for_no(),
        says="told unpaid, and paid",
        at_end=unpaid_is_unpaid,
        **PAYS,
    ),
    pair(
        "a payload that comes twice is counted twice",
        counts_payloads(),
        counts_voters(),
        says="one person has voted twice",
        steps=FAKES,
        sends=VOTES,
        cancel=False,
        at_end=two_people,
    ),
    pair(
        "a late answer is taken for the next one",
        asks_under_one_name(),
        asks_under_names_of_their_own(),
        says="nobody has approved the second",
        sends=[("approval", True), ("approval first", True)],
        again=False,
        at_end=only_the_first,
    ),
    pair(
        "told before it is sure",
        tells_before_it_is_paid(),
        tells_when_it_is_paid(),
        says="told, and not known to be paid",
        steps=world.fakes,
        always=told_is_paid,
    ),
    pair(
        "a cancellation is swallowed",
        goes_on_after_a_cancellation(),
        ends_after_a_cancellation(),
        says="it was cancelled, and went on",
        steps=world.fakes,
        at_end=cancelled_is_over,
    ),
    pair(
        "a child is let go",
        leaves_its_child_alone(),
        takes_its_child_along(),
        says="delivered after it was cancelled",
        steps=FAKES,
        at_end=no_delivery_after_all,
    ),
]
