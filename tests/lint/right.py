# ruff: noqa: A001, A002, C413, PLC0208, PTH118, PTH123, SIM115, UP041
"""Programs that only look as if they had a mistake: the lint finds nothing."""

import asyncio
import os
import random
import statistics
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path

import redis

from tests.lint import elsewhere
from yieldflow import (
    Compensations,
    Flow,
    compensations,
    continue_as_new,
    gather,
    get_logger,
    hook,
    now,
    open_hook,
    race,
    rng,
    set_data,
    sleep,
    spawn,
    step,
    until,
)
from yieldflow.classes import Workflow

log = get_logger("shop")
PRICES = {"book": 5}
COLOURS = frozenset({"red", "green"})
APPROVAL = hook("approval", bool)


@step
def charge(what: str) -> int:
    print(what, time.time(), file=open(os.devnull, "w"))  # a body may
    return 1


async def fetch(url: str) -> str:
    await asyncio.sleep(0)
    return url


def measured(path: str) -> float:
    return Path(path).stat().st_size + time.time()


def what_goes_to_steps_may_do_anything():
    yield step(measured, "a")
    yield step(fetch, "a")
    yield step(lambda: time.time())
    yield gather(step(measured, "a"), step(time.time))
    pool = yield step(ThreadPoolExecutor)
    return pool


def sets_without_an_order(names: set[str], more: list[str]):
    left = set(more) - names
    for name in sorted(left | names):
        yield charge(name)
    if "red" in COLOURS and len(left) < max(len(name) for name in left):
        left.add("blue")
    yield gather(*(charge(name) for name in sorted({"a", "b"})))
    return sum(len(name) for name in left), {name.upper() for name in left}, list(sorted(names))


def a_set_that_becomes_a_list(names: set[str]):
    names = sorted(names)
    for name in names:
        yield charge(name)


def state_of_its_own(name: str):
    seen: list[str] = []
    seen.append(name)
    prices = dict(PRICES)
    prices[name] = PRICES["book"]
    undo = [charge("a")]
    while undo:
        yield undo.pop()


def commands_that_are_kept():
    first, second = charge("a"), charge("b")
    asks = {"a": charge("a")}
    task = yield spawn(charge("c"))
    third = charge("d")
    yield gather(first, second, *asks.values(), third)
    answers = yield from open_hook("answers", bool)
    if (yield APPROVAL) or (yield answers.receive()):
        yield task
    index, answer = yield from race(charge("a"), sleep("1d"))
    return index, answer


def times_that_are_given(day: date):
    moment: datetime = yield now()
    tomorrow = day + timedelta(days=1)
    yield set_data("day", time.strftime("%Y", time.gmtime(0)))
    return date(2026, 1, 1), tomorrow, moment.date(), datetime.fromisoformat("2026-01-01")


def chance_with_a_seed(seed: int):
    generator = yield from rng()
    yield charge(str(random.Random(seed).random()))
    log.info("drawn")
    return generator.random()


def names_of_files(folder: str):
    file = Path(folder) / "orders.csv"
    yield charge(str(file.with_suffix(".txt")))
    return os.path.join(folder, file.name), "a.b".replace(".", "-")


def numbers(most: int):
    yield 1
    yield most


def a_generator_that_asks_nothing():
    for number in numbers(5):
        yield charge(str(number))
    yield from elsewhere.counts_down(elsewhere.total(list(numbers(2))))


def functions_that_are_not_called():
    def later() -> float:
        return time.time()

    yield step(later)
    return sorted([3, 1], key=lambda number: number)


def calls_the_library(prices: list[float]):
    yield charge(textwrap.dedent(str(statistics.mean(prices))))


def conditions():
    done = []

    def worker() -> Flow[None]:
        done.append((yield charge("a")))

    yield spawn(worker())
    yield until(lambda: len(done) == 1)


def names_of_its_own(time: int, id: int, print: int):
    open = str
    yield charge(open(time + id + print))


def excused():
    print("begin")  # yieldflow: ok because an operator watches this terminal
    for name in {1, 2}:  # yieldflow: ok because small numbers are their own hashes
        yield charge(str(name))


def again(name: str):
    return continue_as_new(name)


def goes_on(name: str):
    yield again(name)


class Greeting(Workflow):
    def run(self, name: str):
        self.name = name
        yield from self.greet()

    def greet(self):
        yield charge(self.name)


def errors():
    try:
        yield charge("a")
    except (OSError, asyncio.TimeoutError):
        raise redis.ConnectionError("gone") from None


def sagas():
    saga = compensations()

    def books() -> Flow[None]:
        yield from saga.do(charge("a"), undo=charge)

    yield from gather(books(), saga.do(charge("b"), undo=charge))
    both = [saga.do(charge(name), undo=charge) for name in "cd"]
    yield from gather(*both)
    saga.add(charge("undone"))
    yield from saga.undo()


def one_of_two_sagas(saga: Compensations, *, fresh: bool):
    if fresh:
        saga = Another()
    saga.undo()
    yield sleep(1)


def names_that_sagas_have_too():
    undo = Another()
    undo.undo()
    undo.do(charge("a"), undo=charge)
    yield sleep(1)


class Another:
    def do(self, ask: object, *, undo: object) -> None:
        pass

    def undo(self) -> None:
        pass
