"""Waits and branches: who waits for what never comes, looks too early, or counts on an order that nobody promised."""

from typing import Any

from tests.testing.corpus import FAKES, Pair, mail, pair, reserve
from yieldflow import Flow, TimedOut, gather, hook, race, set_data, sleep, spawn, step, timeout, until, workflow
from yieldflow.testing import Simulation, outcomes, takes

APPROVAL = hook("approval", bool)
EXPORTED = hook("exported", str)


@step(retry=1)
def price(item: str) -> int: ...


@step
def export() -> None: ...


@step
def fetch_export() -> str: ...


PRICES: dict[Any, Any] = {**FAKES, price: lambda item: {"book": 3, "pen": 2}[item]}


# --- nobody answers ---------------------------------------------------------------------------------------------------


@workflow
def waits_for_ever() -> Flow[bool]:
    yield mail("please approve")
    return (yield APPROVAL)


@workflow
def waits_for_a_day() -> Flow[bool]:
    yield mail("please approve")
    return (yield APPROVAL.options(timeout="1d", default=False))


# --- the hook is emptied before the wait ------------------------------------------------------------------------------


@workflow
def throws_early_answers_away() -> Flow[bool]:
    yield APPROVAL.options(timeout="1s", default=None)  # "so that nothing old is in it"
    yield mail("please approve")
    return (yield APPROVAL)


@workflow
def takes_early_answers() -> Flow[bool]:
    yield mail("please approve")
    return (yield APPROVAL)


# --- it sleeps, and hopes ---------------------------------------------------------------------------------------------


@workflow
def sleeps_until_it_should_be_there() -> Flow[str]:
    yield export()
    yield sleep("10m")
    return (yield fetch_export())


@workflow
def waits_until_it_is_there() -> Flow[str]:
    yield export()
    yield EXPORTED
    return (yield fetch_export())


def fetched_when_it_is_there(sim: Simulation[Any]) -> None:
    if sim.calls(fetch_export):
        assert any(type(event).__name__ == "HookReceived" for event in sim.history), "fetched before it was there"


# --- data that others read come too late ------------------------------------------------------------------------------


@workflow
def tells_and_then_writes() -> Flow[None]:
    reference = yield reserve("hotel")
    yield mail("see there")
    yield set_data("reference", reference)


@workflow
def writes_and_then_tells() -> Flow[None]:
    reference = yield reserve("hotel")
    yield set_data("reference", reference)
    yield mail("see there")


def can_be_read(sim: Simulation[Any]) -> None:
    if sim.calls(mail):
        assert "reference" in sim.data, "told, and nothing is there"


# --- the order of a gather is that of asking, not of ending -----------------------------------------------------------


@workflow
def takes_them_as_they_come() -> Flow[dict[str, int]]:
    found: list[int] = []

    def one(item: str) -> Flow[None]:
        found.append((yield price(item)))

    yield gather(one("book"), one("pen"))
    return dict(zip(("book", "pen"), found, strict=True))


@workflow
def takes_them_as_it_asked() -> Flow[dict[str, int]]:
    found = yield gather(price("book"), price("pen"))
    return dict(zip(("book", "pen"), found, strict=True))


def right_prices(sim: Simulation[Any]) -> None:
    if sim.status == "completed":
        assert sim.result == {"book": 3, "pen": 2}, "a price of something else"


# --- what is read before a yield is old after it ----------------------------------------------------------------------


@workflow
def adds_to_what_it_has_read() -> Flow[int]:
    total = 0

    def one(item: str) -> Flow[None]:
        nonlocal total
        total += yield price(item)  # Python reads total, then yields

    yield gather(one("book"), one("pen"))
    return total


@workflow
def reads_it_afterwards() -> Flow[int]:
    total = 0

    def one(item: str) -> Flow[None]:
        nonlocal total
        cents = yield price(item)
        total += cents

    yield gather(one("book"), one("pen"))
    return total


def all_is_counted(sim: Simulation[Any]) -> None:
    if sim.status == "completed":
        assert sim.result == 5, "a price is lost"


# --- each has what the other one needs --------------------------------------------------------------------------------


def moves(first: str, second: str, locked: set[str]) -> Flow[None]:
    for account in (first, second):
        yield until(lambda account=account: account not in locked)
        locked.add(account)
        yield mail(f"{account} is locked")
    locked.difference_update((first, second))


@workflow
def locks_in_any_order() -> Flow[None]:
    locked: set[str] = set()
    yield gather(moves("a", "b", locked), moves("b", "a", locked))


@workflow
def locks_in_one_order() -> Flow[None]:
    locked: set[str] = set()
    yield gather(moves("a", "b", locked), moves("a", "b", locked))


def it_ends_well(sim: Simulation[Any]) -> None:
    assert sim.status != "failed", repr(sim.error)


# --- a task that nobody waits for -------------------------------------------------------------------------------------


@workflow
def spawns_and_forgets() -> Flow[str]:
    yield spawn(mail("welcome"))
    yield reserve("account")
    return "ready"


@workflow
def spawns_and_waits() -> Flow[str]:
    task = yield spawn(mail("welcome"))
    yield reserve("account")
    yield task
    return "ready"


def welcome(sim: Simulation[Any]) -> None:
    if sim.status == "completed":
        assert any(call.state == "answered" for call in sim.calls(mail)), "nobody was welcomed"


# --- two look, and both find a place ----------------------------------------------------------------------------------


@workflow
def looks_and_then_takes() -> Flow[list[str]]:
    guests: list[str] = []

    def guest(name: str) -> Flow[None]:
        if len(guests) < 1:
            yield reserve(name)
            guests.append(name)

    yield gather(guest("ann"), guest("ben"))
    return guests


@workflow
def takes_when_it_looks() -> Flow[list[str]]:
    guests: list[str] = []

    def guest(name: str) -> Flow[None]:
        if len(guests) < 1:
            guests.append(name)
            yield reserve(name)

    yield gather(guest("ann"), guest("ben"))
    return guests


def one_place(sim: Simulation[Any]) -> None:
    assert len(sim.effects(reserve)) <= 1, "two guests, one place"


# --- the first answer of a race is no good ----------------------------------------------------------------------------


@workflow
def takes_the_first_failure() -> Flow[int]:
    _, cents = yield race(price("book"), price("pen"))
    return cents


@workflow
def takes_the_first_success() -> Flow[int]:
    found = yield gather(price("book"), price("pen"), return_exceptions=True)
    return min((cents for cents in found if isinstance(cents, int)), default=0)


# --- the whole takes as long as its parts together --------------------------------------------------------------------


@workflow
def bounds_each_part() -> Flow[None]:
    for _ in range(3):
        yield timeout(reserve("hotel"), "30m", default=None)


@workflow
def bounds_the_whole() -> Flow[None]:
    def parts() -> Flow[None]:
        for _ in range(3):
            yield reserve("hotel")

    try:
        yield timeout(parts(), "1h")
    except TimedOut:
        yield mail("it takes longer")


def within_an_hour(sim: Simulation[Any]) -> None:
    assert sim.elapsed.total_seconds() <= 3_600, "longer than an hour"


PAIRS: list[Pair] = [
    pair("nobody answers", waits_for_ever(), waits_for_a_day(), says="it waits for ever", steps=FAKES),
    pair(
        "an early answer is thrown away",
        throws_early_answers_away(),
        takes_early_answers(),
        says="it waits for ever",
        steps=FAKES,
        sends=[(APPROVAL, True)],
        again=False,
        cancel=False,
    ),
    pair(
        "it sleeps instead of waiting",
        sleeps_until_it_should_be_there(),
        waits_until_it_is_there(),
        says="fetched before it was there",
        steps={export: outcomes(None), fetch_export: outcomes("table")},
        sends=[(EXPORTED, "file")],
        always=fetched_when_it_is_there,
    ),
    pair(
        "data are set too late",
        tells_and_then_writes(),
        writes_and_then_tells(),
        says="told, and nothing is there",
        steps=FAKES,
        always=can_be_read,
    ),
    pair(
        "the order of a gather is assumed",
        takes_them_as_they_come(),
        takes_them_as_it_asked(),
        says="a price of something else",
        steps=PRICES,
        at_end=right_prices,
    ),
    pair(
        "a sum is read before a yield",
        adds_to_what_it_has_read(),
        reads_it_afterwards(),
        says="a price is lost",
        steps=PRICES,
        at_end=all_is_counted,
    ),
    pair(
        "locks in any order",
        locks_in_any_order(),
        locks_in_one_order(),
        says="Deadlock",
        steps=FAKES,
        at_end=it_ends_well,
    ),
    pair(
        "a task is forgotten",
        spawns_and_forgets(),
        spawns_and_waits(),
        says="nobody was welcomed",
        steps=FAKES,
        at_end=welcome,
    ),
    pair(
        "two look and both take",
        looks_and_then_takes(),
        takes_when_it_looks(),
        says="two guests, one place",
        steps=FAKES,
        always=one_place,
    ),
    pair(
        "the first of a race is a failure",
        takes_the_first_failure(),
        takes_the_first_success(),
        says="ConnectionError",
        steps={price: outcomes(3, ConnectionError("down"))},
        at_end=it_ends_well,
    ),
    pair(
        "a time for each part is none for the whole",
        bounds_each_part(),
        bounds_the_whole(),
        says="longer than an hour",
        steps={**FAKES, reserve: takes("25m", "hotel")},
        always=within_an_hour,
    ),
]
