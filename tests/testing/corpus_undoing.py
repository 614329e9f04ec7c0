"""Sagas: what is left behind, undone twice, undone in the wrong order, or undone although it was never done."""

from typing import Any

from tests.testing.corpus import FAKES, Pair, book, charge, mail, mails, nothing_is_left, pair, release, reserve
from yieldflow import Cancelled, FatalError, Flow, compensations, current_step, race, shield, step, workflow
from yieldflow.testing import Simulation, outcomes

SAGA: dict[str, Any] = {"steps": FAKES, "at_end": nothing_is_left}


# --- what is under way when it is cancelled is forgotten --------------------------------------------------------------


@workflow
def forgets_what_is_under_way() -> Flow[str]:
    done = []
    try:
        for what in ("hotel", "car"):
            done.append((yield reserve(what)))
        return (yield book("flight"))
    except (Exception, Cancelled):
        for reservation in reversed(done):
            yield shield(release(reservation))
        raise


@workflow
def saga() -> Flow[str]:
    saga = compensations()
    try:
        for what in ("hotel", "car"):
            yield from saga.do(reserve(what), undo=release)
        return (yield book("flight"))
    except (Exception, Cancelled):
        yield from saga.undo()
        raise


# --- a cancellation is no Exception -----------------------------------------------------------------------------------


@workflow
def undoes_failures_only() -> Flow[str]:
    saga = compensations()
    try:
        yield from saga.do(reserve("hotel"), undo=release)
        return (yield book("flight"))
    except Exception:
        yield from saga.undo()
        raise


# --- clean-up that is cut off -----------------------------------------------------------------------------------------


@workflow
def cleans_up_in_the_open() -> Flow[str]:
    done = []
    try:
        for what in ("hotel", "car"):
            done.append((yield shield(reserve(what))))
        return (yield book("flight"))
    except (Exception, Cancelled):
        for reservation in reversed(done):
            yield release(reservation)  # after a failure, a cancellation may still come
        raise


# --- the first undo that fails keeps the others from being asked ------------------------------------------------------


@step(retry=1)
def release_or_not(reservation: str) -> None: ...


@workflow
def stops_at_the_first_undo_that_fails() -> Flow[str]:
    undos = []
    try:
        for what in ("hotel", "car"):
            undos.append(release_or_not((yield shield(reserve(what)))))
        return (yield book("flight"))
    except (Exception, Cancelled):
        for undo in reversed(undos):
            yield shield(undo)
        raise


@workflow
def tries_each_undo() -> Flow[str]:
    saga = compensations()
    try:
        for what in ("hotel", "car"):
            yield from saga.do(reserve(what), undo=release_or_not)
        return (yield book("flight"))
    except (Exception, Cancelled):
        yield from saga.undo()
        raise


def each_was_tried(sim: Simulation[Any]) -> None:
    if sim.status != "completed":
        tried = {call.args for call in sim.calls(release_or_not)}
        assert {call.args for call in sim.effects(reserve)} <= tried, "never tried to release"


# --- the wrong order --------------------------------------------------------------------------------------------------


@workflow
def closes_what_is_still_needed() -> Flow[str]:
    done = []
    try:
        for what in ("account", "mailbox"):
            done.append((yield shield(reserve(what))))
        return (yield book("domain"))
    except (Exception, Cancelled):
        for reservation in done:
            yield shield(release(reservation))
        raise


@workflow
def closes_the_last_first() -> Flow[str]:
    saga = compensations()
    try:
        for what in ("account", "mailbox"):
            yield from saga.do(reserve(what), undo=release)
        return (yield book("domain"))
    except (Exception, Cancelled):
        yield from saga.undo()
        raise


def mailbox_before_account(sim: Simulation[Any]) -> None:
    """A mailbox is deleted by somebody who is logged in."""
    deleted = [call.args[0] for call in sim.effects(release)]
    assert deleted != ["account", "mailbox"], "the mailbox can no longer be deleted"


# --- something is asked between the deed and the note of how to undo it -----------------------------------------------


@workflow
def notes_it_too_late() -> Flow[str]:
    saga = compensations()
    try:
        reservation = yield shield(reserve("hotel"))
        yield mail("reserved")
        saga.add(release(reservation))
        return (yield book("flight"))
    except (Exception, Cancelled):
        yield from saga.undo()
        raise


@workflow
def notes_it_at_once() -> Flow[str]:
    saga = compensations()
    try:
        yield from saga.do(reserve("hotel"), undo=release)
        yield mail("reserved")
        return (yield book("flight"))
    except (Exception, Cancelled):
        yield from saga.undo()
        raise


# --- the loser of a race has reserved, too ----------------------------------------------------------------------------


@workflow
def keeps_two_hotels() -> Flow[str]:
    _, hotel = yield from race(reserve("ritz"), reserve("savoy"))
    return hotel


@workflow
def gives_the_other_back() -> Flow[str]:
    reserved: list[str] = []

    def hotel(name: str) -> Flow[None]:
        reserved.append((yield from shield(reserve(name))))

    try:
        yield race(hotel("ritz"), hotel("savoy"))
    finally:
        for reservation in reserved[1:]:
            yield shield(release(reservation))
    return reserved[0]


def one_hotel(sim: Simulation[Any]) -> None:
    if sim.status == "completed":
        kept = {call.args[0] for call in sim.effects(reserve)} - {call.args[0] for call in sim.effects(release)}
        assert kept == {sim.result}, f"kept: {sorted(kept)}"


# --- what was never done is undone ------------------------------------------------------------------------------------


@workflow
def refunds_what_was_never_paid() -> Flow[str]:
    saga = compensations()
    try:
        saga.add(mail("a refund"))
        return (yield from shield(book("flight")))
    except (Exception, Cancelled):
        yield from saga.undo()
        raise


@workflow
def refunds_what_was_paid() -> Flow[str]:
    saga = compensations()
    try:
        booked = yield from saga.do(book("flight"), undo=lambda _: mail("a refund"))
        yield mail("a ticket")
        return booked
    except (Exception, Cancelled):
        yield from saga.undo()
        raise


def no_gift(sim: Simulation[Any]) -> None:
    if mails(sim)[-1:] == ["a refund"]:
        assert any(call.outcome == "booked" for call in sim.effects(book)), "refunded, and never paid"


# --- an undo that is done twice ---------------------------------------------------------------------------------------

stock: dict[str, int] = {}
seen: set[str] = set()


@step
def take(item: str) -> str: ...


@step
def put_back(item: str) -> None: ...


@step
def put_back_once(item: str) -> None: ...


def shelves() -> dict[Any, Any]:
    stock["book"] = 10
    seen.clear()

    def takes_one(item: str) -> str:
        if f"take {current_step().idempotency_key}" not in seen:
            seen.add(f"take {current_step().idempotency_key}")
            stock[item] -= 1
        return item

    def adds(item: str) -> None:
        stock[item] += 1

    def adds_once(item: str) -> None:
        if current_step().idempotency_key not in seen:
            seen.add(current_step().idempotency_key)
            stock[item] += 1

    return {take: takes_one, put_back: adds, put_back_once: adds_once, charge: outcomes("paid", FatalError("no"))}


@workflow
def sells(blindly: bool) -> Flow[str]:
    saga = compensations()
    try:
        yield from saga.do(take("book"), undo=put_back if blindly else put_back_once)
        return (yield charge(5))
    except (Exception, Cancelled):
        yield from saga.undo()
        raise


def nothing_out_of_nothing(_: Simulation[Any]) -> None:
    assert stock["book"] <= 10, "more books than there were"


# --- success is undone ------------------------------------------------------------------------------------------------


@workflow
def undoes_in_finally() -> Flow[str]:
    saga = compensations()
    done = False
    try:
        yield from saga.do(reserve("hotel"), undo=release)
        done = True
        yield mail("reserved")
        return "reserved"
    finally:
        if not done:
            yield from saga.undo()


@workflow
def is_done_at_the_very_end() -> Flow[str]:
    saga = compensations()
    try:
        yield from saga.do(reserve("hotel"), undo=release)
        yield mail("reserved")
        return "reserved"
    except (Exception, Cancelled):
        yield from saga.undo()
        raise


PAIRS: list[Pair] = [
    pair("what is under way is forgotten", forgets_what_is_under_way(), saga(), says="left behind", **SAGA),
    pair("only failures are undone", undoes_failures_only(), saga(), says="left behind", **SAGA),
    pair("clean-up can be cancelled", cleans_up_in_the_open(), saga(), says="left behind", **SAGA),
    pair(
        "an undo that fails stops the others",
        stops_at_the_first_undo_that_fails(),
        tries_each_undo(),
        says="never tried to release",
        steps={**FAKES, release_or_not: outcomes(None, ConnectionError("closed"))},
        at_end=each_was_tried,
    ),
    pair(
        "compensation in the wrong order",
        closes_what_is_still_needed(),
        closes_the_last_first(),
        says="the mailbox can no longer be deleted",
        steps=FAKES,
        at_end=mailbox_before_account,
    ),
    pair("an undo is noted too late", notes_it_too_late(), notes_it_at_once(), says="left behind", **SAGA),
    pair(
        "the loser of a race is not undone",
        keeps_two_hotels(),
        gives_the_other_back(),
        says="kept: ['ritz', 'savoy']",
        steps=FAKES,
        at_end=one_hotel,
    ),
    pair(
        "what was never done is undone",
        refunds_what_was_never_paid(),
        refunds_what_was_paid(),
        says="refunded, and never paid",
        steps=FAKES,
        at_end=no_gift,
    ),
    pair(
        "a compensation is not idempotent",
        sells(blindly=True),
        sells(blindly=False),
        says="more books than there were",
        steps=shelves,
        at_end=nothing_out_of_nothing,
    ),
    pair(
        "it is called done before the end", undoes_in_finally(), is_done_at_the_very_end(), says="left behind", **SAGA
    ),
]
