"""Programs that have to do with other runs: children of children, sends, generations; and some for crash tests."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.engine.programs import HOOKS, POLICY, chance, plain, seen, work
from tests.engine.programs import command as lonely
from yieldflow import (
    Cancelled,
    Flow,
    continue_as_new,
    detach,
    gather,
    get_data,
    hook,
    race,
    send,
    set_data,
    shield,
    sleep,
    spawn,
    step,
    timeout,
    workflow,
)

ROOTS = ("run", "other")
SHARED = ("shared-0", "shared-1")
NOBODY = "nobody"
GENERATIONS = 4
LOCAL = step(plain).options(local=True, retry=POLICY)


@workflow(name="sim:family")
def family(seed: int, depth: int) -> Flow[int]:
    """Its children have the depth below; at its end it may go on as a new generation, or fail."""
    number = yield get_data("generation", int, 1)
    r = chance(f"{seed}/{number}")
    answers = yield from household(r, depth)
    if number < GENERATIONS and r.random() < 0.3:
        yield set_data("generation", number + 1)
        yield from continue_as_new(family(seed, depth) if r.random() < 0.7 else None)
    if r.random() < 0.2:
        raise ValueError("the family falls out")
    return seen(answers)


def household(r: Random, depth: int) -> Flow[list[Any]]:
    answers: list[Any] = []
    for _ in range(r.randint(1, 4)):
        try:
            answers.append((yield request(r, depth, answers)))
        except Exception as error:
            if r.random() < 0.3:
                raise
            answers.append(type(error).__name__)
        except Cancelled:
            mood = r.random()
            if mood < 0.4:
                answers.append((yield errand(r, depth, answers)))
            if mood < 0.9:
                raise
    return answers


def request(r: Random, depth: int, answers: list[Any]) -> Any:
    kind = r.random()
    if kind < 0.25 and depth > 0:
        return together(r, depth, answers)
    if kind < 0.75:
        return errand(r, depth, answers)
    return lonely(r, 0, answers)


def together(r: Random, depth: int, answers: list[Any]) -> Any:
    """Children that are let go: by a sibling, by the time, by the end of the branch that spawned them."""
    asks = [errand(r, depth, answers) if r.random() < 0.7 else household(chance(r.random()), depth - 1) for _ in "12"]
    match r.randrange(6):
        case 0:
            return gather(*asks)
        case 1:
            return gather(*asks, return_exceptions=True)
        case 2:
            return race(*asks, sleep(r.randint(1, 20)))
        case 3:
            return timeout(asks[0], r.randint(1, 20), default=-1)
        case 4:
            return shield(asks[0])
        case _:
            return gather(spawned(*asks))


def spawned(left: Any, awaited: Any) -> Flow[Any]:
    yield spawn(left)
    task = yield spawn(awaited)
    return (yield task)


def errand(r: Random, depth: int, answers: list[Any]) -> Any:
    """One command that needs another run, or the turn itself."""
    kind = r.random()
    if kind < 0.4 and depth > 0:
        return child(r, depth)
    if kind < 0.5 and depth > 0:
        return detach(named(r, family(r.randrange(10_000), depth - 1)))
    if kind < 0.72:
        target = r.choice([*ROOTS, *ROOTS, *SHARED, NOBODY])
        return send(target, r.choice(HOOKS), seen([*answers, r.random()]))
    if kind < 0.85:
        return LOCAL(r.randrange(100), seen(answers))
    if kind < 0.93:
        return set_data(r.choice("ab"), seen(answers))
    return get_data(r.choice("ab"), int, -1)


def child(r: Random, depth: int) -> Any:
    call = named(r, family(r.randrange(10_000), depth - 1))
    if r.random() < 0.25:
        call = call.options(timeout=r.randint(1, 40))
    return call.options(on_parent_close="abandon") if r.random() < 0.2 else call


def named(r: Random, call: Any) -> Any:
    return call.options(run_id=r.choice(SHARED)) if r.random() < 0.15 else call


# --- their end is always the same: for a crash at every call --------------------------------------------------------


@workflow
def squared(n: int) -> Flow[int]:
    return (yield work(n)) * n


@workflow
def refused() -> Flow[int]:
    return (yield work(7))


@workflow
def parent() -> Flow[list[Any]]:
    """A child in a branch, one that fails, and one that is let go while the clock decides."""
    first, second = yield gather(squared(3), work(1))
    try:
        third = yield refused()
    except ValueError as error:
        third = str(error)
    index, _ = yield race(listening(), sleep("5s"))
    return [first, second, third, index]


@workflow
def listening() -> Flow[int]:
    return (yield hook("nobody", int))


@workflow
def receiver() -> Flow[list[int]]:
    return [(yield hook("size", int)), (yield hook("size", int))]


@workflow
def sender() -> Flow[list[Any]]:
    """The second payload comes after the receiver, which is another run, has begun."""
    other = yield detach(receiver().options(run_id="receiver"))
    yield send(other, "size", 4)
    yield send(other, "size", 5)
    try:
        yield send(NOBODY, "size", 6)
    except Exception as error:
        return [other, type(error).__name__]
    return []


@workflow
def going_on(n: int = 3) -> Flow[list[Any]]:
    """Payloads and data go from one generation to the next."""
    yield set_data("n", n)
    if n > 1:
        yield work(n)
        return (yield from continue_as_new(going_on(n - 1)))
    return [(yield get_data("n", int)), (yield hook("size", int)), (yield hook("size", int))]


@workflow
def at_home() -> Flow[list[int]]:
    """Local steps: in a row, beside others, and one that fails."""
    answers = [(yield LOCAL(1))]
    answers += yield gather(LOCAL(4), work(2), LOCAL(5))
    try:
        yield LOCAL(7)
    except ValueError:
        answers.append((yield LOCAL(6)))
    return answers


@workflow
def grandparent() -> Flow[int]:
    return (yield middle())


@workflow
def middle() -> Flow[int]:
    yield gather(listening(), listening())
    return 1
