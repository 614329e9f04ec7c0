"""The workflows of a chaos round. Each has a result that is known beforehand, whatever happens to who works on it.

A step answers a number and the name of its own body; the next one is given the names of those it follows from.
"""

from __future__ import annotations

import time

from tests.deep.chaos_witness import body
from yieldflow import (
    Cancelled,
    Flow,
    Retry,
    UnknownRun,
    continue_as_new,
    current_step,
    gather,
    hook,
    run_info,
    send,
    shield,
    sleep,
    spawn,
    step,
    workflow,
)

HARDY = Retry(attempts=4, delay="20ms", jitter=0, lost=1_000)
TICK = hook("tick", int)
Answer = tuple[int, str]


@step(retry=HARDY)
def work(n: int, seconds: float, seen: list[str]) -> Answer:
    with body(seen) as nonce:
        time.sleep(seconds)
        return n, nonce


@step(retry=HARDY, queue="steps")
def elsewhere(n: int, seconds: float, seen: list[str]) -> Answer:
    with body(seen) as nonce:
        time.sleep(seconds)
        return n, nonce


@step(retry=HARDY)
def second_time(n: int, seen: list[str]) -> Answer:
    with body(seen) as nonce:
        if current_step().attempt == 1:
            raise ConnectionError(nonce)
        return n, nonce


@workflow
def row(count: int, seconds: float) -> Flow[int]:
    total, seen = 0, list[str]()
    for n in range(count):
        answer, nonce = yield from work(n, seconds, seen)
        total, seen = total + answer, [nonce]
    answer, nonce = yield from second_time(total, seen)
    return answer


@workflow
def fan(width: int, seconds: float) -> Flow[int]:
    def branch(k: int) -> Flow[Answer]:
        first, one = yield from elsewhere(k, seconds, [])
        second, two = yield from work(first, seconds, [one])
        return first + second, two

    parts = yield from gather(*[branch(k) for k in range(width)])
    yield sleep("30ms")
    total, _ = yield from work(sum(n for n, _ in parts), 0, [nonce for _, nonce in parts])
    return total


@workflow
def ticking(count: int, seconds: float) -> Flow[int]:
    """Adds up payloads: one that is lost makes it wait for ever, one that counts twice makes a wrong sum."""
    total, seen = 0, list[str]()
    for _ in range(count):
        total += yield from TICK
        total, nonce = yield from work(total, seconds, seen)
        seen = [nonce]
    return total


@workflow
def family(children: int, seconds: float) -> Flow[int]:
    own = (yield from run_info()).run_id
    tasks = []
    for n in range(children):
        tasks.append((yield from spawn(ticking(2, seconds).options(run_id=f"{own}-child-{n}"))))
    for n in range(children):
        for payload in (n, 100):
            yield from _send_until_it_is_there(f"{own}-child-{n}", payload)
    total = 0
    for task in tasks:
        total += yield task
    return total


def _send_until_it_is_there(child: str, payload: int) -> Flow[int]:
    while True:
        try:
            return (yield from send(child, TICK, payload))
        except UnknownRun:
            yield sleep("20ms")


@workflow
def chained(n: int, last: int, total: int, seconds: float) -> Flow[int]:
    answer, nonce = yield from work(n, seconds, [])
    answer, _ = yield from work(total + answer, 0, [nonce])
    if n < last:
        return (yield from continue_as_new(chained(n + 1, last, answer, seconds)))
    return answer


@workflow
def saga(bookings: int, seconds: float) -> Flow[str]:
    """Cancelled at some moment: whatever was booked is unbooked, once."""
    booked: list[Answer] = []
    try:
        for n in range(bookings):
            booked.append((yield from shield(work(n, seconds, []))))
            yield elsewhere(n, seconds, [])
    except Cancelled:
        for n, nonce in reversed(booked):
            yield work(-1 - n, 0, [nonce])
        raise
    return "travelled"


# --- many steps, and nothing in them ----------------------------------------------------------------------------


@step(retry=HARDY)
def quick(n: int, seen: str) -> Answer:
    with body([seen] if seen else []) as nonce:
        return n, nonce


@workflow
def long_row(count: int) -> Flow[int]:
    total, seen = 0, ""
    for n in range(count):
        answer, seen = yield from quick(n, seen)
        total += answer
    return total


@workflow
def wide(width: int) -> Flow[int]:
    return sum(n for n, _ in (yield from gather(*[quick(n, "") for n in range(width)])))
