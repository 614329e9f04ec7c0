"""The workflows that these tests run, in whatever process: each is deterministic by design, not by luck."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.journal import await_mark, mark, note, reach
from yieldflow import (
    Cancelled,
    Flow,
    Retry,
    current_step,
    gather,
    hook,
    now,
    race,
    rng,
    sleep,
    step,
    uuid4,
    workflow,
)

QUICK = Retry(attempts=4, delay="50ms", jitter=0, lost=50)
APPROVAL = hook("approval", str)
NEVER = hook("never")


class Declined(Exception):
    """What a bank says."""


@contextmanager
def body() -> Iterator[None]:
    """Its start and its end are in the journal."""
    me = current_step()
    note("began", me.path, run_id=me.run_id, attempt=me.attempt)
    yield
    note("ended", me.path, run_id=me.run_id, attempt=me.attempt)


# --- steps ------------------------------------------------------------------------------------------------------


@step
def add(a: int, b: int) -> int:
    with body():
        return a + b


@step
def echo(text: str) -> str:
    with body():
        return text


@step(retry=QUICK)
def third_time(text: str) -> str:
    with body():
        if current_step().attempt < 3:
            raise ConnectionError(f"not yet: {text}")
        return text


@step(retry=1)
def decline(order: str, cents: int) -> str:
    with body():
        raise Declined(order, cents)


@step
def undo(what: str) -> str:
    with body():
        mark(f"{current_step().run_id} undone")
        return f"no {what}"


@step
def last_until_undone() -> str:
    """Longer than any sleep that it races with: it waits for the clean-up of its own race."""
    with body():
        await_mark(f"{current_step().run_id} undone", 20)
        return "too late"


@step(retry=QUICK)
def work(n: int, seconds: float) -> int:
    with body():
        time.sleep(seconds / 2)
        reach("in a body")
        time.sleep(seconds / 2)
        return 2 * n


@step(retry=QUICK)
def work_at_last(n: int) -> int:
    with body():
        reach("in a body")
        if current_step().attempt == 1:
            raise ConnectionError("not yet")
        return 2 * n


# --- one after the other ----------------------------------------------------------------------------------------


@workflow
def sequential(name: str) -> Flow[list[object]]:
    first = yield from add(1, 2)
    second = yield from add(first, 40)
    began = yield from now()
    number, other = (yield from rng()).random(), (yield from rng()).random()
    ident, another = (yield from uuid4()), (yield from uuid4())
    same = yield from echo(f"<{number} {other} {ident} {another}>")  # the same numbers when it is replayed
    ended = yield from now()
    kept = same == f"<{number} {other} {ident} {another}>"
    return [name, first, second, began <= ended, number != other, ident != another, ident.version, kept]


@workflow
def retried(name: str) -> Flow[str]:
    return (yield from third_time(name))


@workflow
def compensated(order: str) -> Flow[list[object]]:
    booked = yield from echo(f"room for {order}")
    try:
        yield decline(order, 4200)
    except Declined as error:
        first = yield from undo(booked)
        second = yield from undo("invoice")
        return [first, second, *error.args, type(error.__cause__).__name__]
    return []


@workflow
def waiting(name: str) -> Flow[list[object]]:
    yield sleep("150ms")
    answer = yield from APPROVAL
    late = yield from hook("second", str, timeout="100ms", default="nobody")
    said = yield from echo(answer)
    return [name, answer, late, said]


# --- at the same time -------------------------------------------------------------------------------------------


@workflow
def fanned(name: str) -> Flow[list[object]]:
    def branch(k: int) -> Flow[int]:
        first = yield from add(k, 1)
        yield sleep("20ms")
        second = yield from add(first, 10)
        return (yield from add(second, 100))

    sums = yield from gather(*[branch(k) for k in range(4)])
    texts = yield from gather(echo("a"), echo("b"), third_time("c"))
    return [name, *sums, *texts]


@workflow
def raced(name: str) -> Flow[list[object]]:
    def slow() -> Flow[str]:
        try:
            return (yield from last_until_undone())
        except Cancelled:
            yield undo("first")
            yield undo("second")
            raise

    lost = yield from race(slow(), sleep("100ms"))
    won = yield from race(add(20, 3), sleep("1 hour"))
    return [name, list(lost), list(won)]


@workflow
def nested(name: str) -> Flow[list[object]]:
    """The failing branch is the only one that can go on, so all others are cancelled where they wait."""

    def for_ever(what: str) -> Flow[str]:
        try:
            yield race(NEVER, sleep("1 hour"))
        except Cancelled:
            yield undo(what)
            yield undo(f"more {what}")
            raise
        return what

    def failing() -> Flow[str]:
        yield add(1, 1)
        yield gather(add(2, 2), sleep("30ms"))
        return (yield from decline(name, 1))

    try:
        yield gather(for_ever("hotel"), race(for_ever("car"), gather(for_ever("bus"), failing())))
    except Declined as error:
        return [*error.args, (yield from echo("after it all"))]
    return []


@workflow
def cancelled(name: str) -> Flow[str]:
    def branch(what: str) -> Flow[None]:
        try:
            yield NEVER
        finally:
            yield undo(what)

    yield echo(name)
    try:
        yield gather(branch("left"), branch("right"))
    finally:
        yield undo("all")
    return name


# --- under fire -------------------------------------------------------------------------------------------------


@workflow
def under_fire(steps: int, branches: int, seconds: float) -> Flow[int]:
    def branch(k: int) -> Flow[int]:
        first = yield from work(k, seconds)
        return first + (yield from work(first, seconds))

    total = 0
    for n in range(steps):
        total += yield from work(n, seconds)
        reach("in the program")
    parts = yield from gather(*[branch(k) for k in range(branches)])
    yield sleep("50ms")
    total += yield from work_at_last(100)
    for n in range(steps):
        total += yield from work(n, seconds)
        reach("in the program")
    return total + sum(parts)


def result_under_fire(steps: int, branches: int) -> int:
    return 2 * 2 * sum(range(steps)) + 200 + sum(2 * k + 4 * k for k in range(branches))


@workflow
def steps_in_a_row(count: int) -> Flow[int]:
    total = 0
    for n in range(count):
        total = yield from add(total, n)
    return total


@workflow
def steps_at_once(count: int) -> Flow[int]:
    return sum((yield from gather(*[add(n, n) for n in range(count)])))


@workflow
def worked(count: int, seconds: float) -> Flow[int]:
    total = 0
    for n in range(count):
        total += yield from work(n, seconds)
    return total


@workflow
def worked_at_once(count: int, seconds: float) -> Flow[int]:
    return sum((yield from gather(*[work(n, seconds) for n in range(count)])))


@workflow
def once_and_many(name: str, seconds: float) -> Flow[int]:
    first = yield from work(1, seconds)
    parts = yield from gather(*[work(n, seconds) for n in range(3)])
    return first + sum(parts) + len(name)


def of_another_kind(text: str) -> None:
    """A job that is none of ours."""
    mark(text)
