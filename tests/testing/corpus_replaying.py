"""What a replay does otherwise: clocks, chance, and whatever is kept, or ordered, outside of the workflow."""

import os
import random
import time
import uuid
from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import Any

from tests.testing.corpus import FAKES, Pair, mail, pair, reserve
from yieldflow import Flow, gather, now, rng, sleep, uuid4, workflow

# --- a clock, read in a helper ----------------------------------------------------------------------------------------


def clock() -> float:
    return time.perf_counter()


@workflow
def reads_a_clock() -> Flow[None]:
    yield mail(f"it is {clock()}")


@workflow
def asks_for_the_time() -> Flow[None]:
    yield mail(f"it is {(yield now())}")


@workflow
def answers_how_long_it_took() -> Flow[float]:
    began = clock()
    yield mail("at work")
    return clock() - began


@workflow
def answers_how_long_the_log_says() -> Flow[float]:
    began = yield now()
    yield mail("at work")
    return ((yield now()) - began).total_seconds()


# --- chance -----------------------------------------------------------------------------------------------------------


class Dice:
    def rolled(self) -> int:
        return random.randrange(1_000_000)


DICE = Dice()


@workflow
def rolls_dice() -> Flow[None]:
    yield mail(f"number {DICE.rolled()}")


@workflow
def asks_for_dice() -> Flow[None]:
    chance = yield rng()
    yield mail(f"number {chance.randrange(1_000_000)}")


def new_id() -> str:
    return str(uuid.uuid4())


@workflow
def makes_an_id() -> Flow[None]:
    yield reserve(new_id())


@workflow
def asks_for_an_id() -> Flow[None]:
    yield reserve(str((yield uuid4())))


# --- what is kept outside ---------------------------------------------------------------------------------------------

_seen: list[str] = []


@workflow
def keeps_a_global() -> Flow[None]:
    for what in ("a", "b"):
        _seen.append((yield reserve(what)))
    yield mail(f"{len(_seen)} are reserved")


@workflow
def keeps_a_local() -> Flow[None]:
    seen = []
    for what in ("a", "b"):
        seen.append((yield reserve(what)))
    yield mail(f"{len(seen)} are reserved")


@workflow
def has_a_list_as_default(done: list[str] = []) -> Flow[None]:  # noqa: B006 - that is the mistake
    done.append((yield reserve("a")))
    yield mail(f"{len(done)} are reserved")


@workflow
def has_none_as_default(done: list[str] | None = None) -> Flow[None]:
    done = [*(done or ()), (yield reserve("a"))]
    yield mail(f"{len(done)} are reserved")


@cache
def places() -> list[str]:
    return ["paris", "rome", "oslo"]


@workflow
def empties_what_is_cached() -> Flow[None]:
    while left := places():
        yield reserve(left.pop())


@cache
def more_places() -> list[str]:
    return ["paris", "rome", "oslo"]


@workflow
def empties_a_copy() -> Flow[None]:
    left = list(more_places())
    while left:
        yield reserve(left.pop())


_numbers = count(1)


def next_number(numbers: Iterator[int]) -> int:
    return next(numbers)


@workflow
def numbers_for_all_runs() -> Flow[None]:
    yield mail(f"invoice {next_number(_numbers)}")


@workflow
def numbers_of_its_own() -> Flow[None]:
    numbers = count(1)
    yield mail(f"invoice {next_number(numbers)}")


_warm: dict[str, bool] = {}


@workflow
def does_it_the_first_time_only() -> Flow[None]:
    if not _warm.get("cache"):
        yield reserve("cache")
        _warm["cache"] = True
    yield mail("ready")


@workflow
def does_it_each_time() -> Flow[None]:
    yield reserve("cache")
    yield mail("ready")


# --- what is ordered otherwise in another process ---------------------------------------------------------------------

CITIES = ("paris", "rome", "oslo", "bern", "wien", "riga", "kiel")


@workflow
def walks_over_a_set() -> Flow[None]:
    for city in set(CITIES):
        yield reserve(city)


@workflow
def walks_over_a_sorted_set() -> Flow[None]:
    for city in sorted(set(CITIES)):
        yield reserve(city)


@workflow
def gathers_a_set() -> Flow[None]:
    yield gather(*(reserve(city) for city in {*CITIES, "oslo"}))
    yield sleep("1d")


@workflow
def gathers_a_dict() -> Flow[None]:
    yield gather(*(reserve(city) for city in dict.fromkeys((*CITIES, "oslo"))))
    yield sleep("1d")


def shard(city: str) -> int:
    return hash(city) % 1_000_003


@workflow
def hashes_a_text() -> Flow[None]:
    yield reserve(f"shard {shard('paris')}")


@workflow
def sums_a_text() -> Flow[None]:
    yield reserve(f"shard {sum(b'paris') % 16}")


class Ids:
    """As a library makes them."""

    def made(self) -> str:
        return f"{os.getpid()}-1"


@workflow
def names_its_process() -> Flow[None]:
    yield reserve(Ids().made())


@workflow
def names_itself() -> Flow[None]:
    yield reserve("job-1")


def _pair(mistake: str, faulty: Any, mended: Any, says: str = "NonDeterminism", **options: Any) -> Pair:
    return pair(mistake, faulty(), mended(), says=says, steps=FAKES, **options)


ELSEWHERE = "that is in another interpreter"

PAIRS: list[Pair] = [
    _pair("a clock is read in a helper", reads_a_clock, asks_for_the_time),
    _pair("an answer is of the clock", answers_how_long_it_took, answers_how_long_the_log_says, "a replay differs"),
    _pair("random", rolls_dice, asks_for_dice),
    _pair("an id of its own", makes_an_id, asks_for_an_id),
    _pair("a module global is changed", keeps_a_global, keeps_a_local),
    _pair("a default argument is changed", has_a_list_as_default, has_none_as_default),
    _pair("a cached list is changed", empties_what_is_cached, empties_a_copy, "has broken once"),
    _pair("a counter for all runs", numbers_for_all_runs, numbers_of_its_own),
    _pair("only the first time", does_it_the_first_time_only, does_it_each_time, "has broken once"),
    _pair("a set of strings", walks_over_a_set, walks_over_a_sorted_set, ELSEWHERE),
    _pair("a gather over a set", gathers_a_set, gathers_a_dict, ELSEWHERE),
    _pair("the hash of a string", hashes_a_text, sums_a_text, ELSEWHERE),
    _pair("the id of a process", names_its_process, names_itself, ELSEWHERE),
]
