"""Workflows with all that is told of: attempts, waits, children, generations; for this process and for others."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta

from yieldflow import (
    FatalError,
    Flow,
    Retry,
    continue_as_new,
    current_step,
    detach,
    gather,
    hook,
    race,
    sleep,
    step,
    workflow,
)

QUICK = Retry(attempts=3, delay=0.005)
SECRET = "hunter2"


@step(retry=QUICK)
def add(a: int, b: int) -> int:
    return a + b


@step(retry=QUICK)
def flaky(n: int) -> int:
    if current_step().attempt < n:
        raise ConnectionError(SECRET)
    return n


@step(retry=1)
def broken(password: str) -> str:
    raise FatalError(password)


@step(retry=QUICK)
async def fetch(n: int) -> int:
    return n


@step(retry=QUICK)
def work(n: int, seconds: float) -> int:
    time.sleep(seconds)
    return n


@step(retry=1, timeout="50ms")
def too_long() -> None:
    time.sleep(5)


@workflow
def plain(n: int) -> Flow[int]:
    total = 0
    for number in range(n):
        total = yield from add(total, number)
    return total


@workflow
def several() -> Flow[list[int]]:
    first = yield from add(1, 2)
    second, third = yield from gather(flaky(2), fetch(7))
    fourth = yield from step(lambda: 9).options(local=True)()
    with suppress(FatalError):
        yield from broken(SECRET)
    return [first, second, third, fourth]


@workflow
def waits() -> Flow[list[object]]:
    got = yield from hook("first", str)
    late = yield from hook("second", str, timeout=timedelta(milliseconds=20), default="nobody")
    won, _ = yield from race(sleep(0.01), hook("third", str))
    return [got, late, won]


@workflow
def parent(n: int) -> Flow[int]:
    counts = yield from gather(*(plain(number) for number in range(n)))
    yield detach(plain(1))
    return sum(counts)


@workflow
def generations(left: int) -> Flow[int]:
    yield from add(left, 0)
    if left:
        return (yield from continue_as_new(generations(left - 1)))
    return left


@workflow
def fails(n: int) -> Flow[int]:
    yield from add(n, 1)
    yield from broken(SECRET)
    return n


@workflow
def slow(steps: int, seconds: float) -> Flow[int]:
    total = 0
    for number in range(steps):
        total += yield from work(number, seconds)
    return total


@workflow
def wide(branches: int, seconds: float) -> Flow[int]:
    return sum((yield from gather(*(work(number, seconds) for number in range(branches)))))


@workflow
def timed_out() -> Flow[str]:
    try:
        yield from too_long()
    except TimeoutError:
        return "late"
    return "in time"
