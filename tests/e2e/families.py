"""Workflows of several runs: parents and children, chains, senders; and those that let go and hold on."""

from __future__ import annotations

import time

from tests.e2e.flows import APPROVAL, NEVER, QUICK, Declined, add, body, decline, echo, mark, reach, undo
from yieldflow import (
    Cancelled,
    Flow,
    TimedOut,
    UnknownRun,
    continue_as_new,
    detach,
    gather,
    get_data,
    hook,
    run_info,
    send,
    set_data,
    shield,
    sleep,
    spawn,
    step,
    timeout,
    until,
    workflow,
)

TICK = hook("tick", int)

# --- children ---------------------------------------------------------------------------------------------------


@workflow
def digits(n: int) -> Flow[int]:
    """A child each digit, one below the other."""
    below = (yield from digits(n - 1)) if n > 1 else 0
    return (yield from add(10 * below, n))


@workflow
def failing_below(name: str, depth: int) -> Flow[str]:
    if depth:
        return (yield from failing_below(name, depth - 1))
    return (yield from decline(name, 1))


@workflow
def alone(text: str) -> Flow[str]:
    yield sleep("20ms")
    return (yield from echo(text))


@workflow
def family(name: str) -> Flow[list[object]]:
    tasks = []
    for n in (1, 2, 3):
        tasks.append((yield from spawn(digits(n))))
    numbers = []
    for task in tasks:
        numbers.append((yield task))
    try:
        yield failing_below(name, 1)
    except Declined as error:
        failed = [*error.args, type(error.__cause__).__name__]
    yield detach(alone("on its own").options(run_id="detached"))
    said = yield from alone("on its own")
    return [name, numbers, failed, said]


# --- chains, and what is sent between runs ----------------------------------------------------------------------


@workflow
def chained(n: int, last: int) -> Flow[list[object]]:
    total = (yield from get_data("total", int, 0)) + (yield from add(n, 0))
    yield set_data("total", total)
    if n < last:
        return (yield from continue_as_new(chained(n + 1, last)))
    return [n, (yield from run_info()).run_id, total]


@workflow
def receiver(count: int) -> Flow[list[int]]:
    got = []
    for _ in range(count):
        got.append((yield from TICK))
    return got


@workflow
def sender(to: str) -> Flow[list[object]]:
    positions = []
    for n in range(3):
        positions.append("accepted" if (yield send(to, TICK, 10 * n)) > 0 else "lost")
        yield sleep("5ms")
    try:
        yield send("nobody", TICK, 1)
    except Exception as error:
        return [positions, type(error).__name__]
    return []


# --- letting go and holding on ------------------------------------------------------------------------------------


@workflow
def bounded(name: str) -> Flow[list[object]]:
    def careful() -> Flow[None]:
        try:
            yield NEVER
        finally:
            cleaned.append((yield from undo("hotel")))

    def branch(n: int) -> Flow[None]:
        yield add(n, n)
        done.append(n)

    cleaned: list[str] = []
    done: list[int] = []
    first = yield from timeout(add(1, 2), "1 hour")
    late = yield from timeout(NEVER, "30ms", default="late")
    try:
        yield timeout(careful(), "30ms")
    except TimedOut as error:
        told = [type(error).__name__, *cleaned]
    for n in (1, 2):
        yield spawn(branch(n))
    yield until(lambda: len(done) == 2)
    return [name, first, late, told, len(done)]


@workflow
def shielded(name: str) -> Flow[str]:
    booked = None
    try:
        booked = yield from shield(APPROVAL)
        yield NEVER
    finally:
        yield undo(f"{booked} {name}")
    return name


# --- under fire ---------------------------------------------------------------------------------------------------


@step(retry=QUICK)
def labour(n: int, seconds: float) -> int:
    with body():
        time.sleep(seconds / 2)
        reach("in a body")
        time.sleep(seconds / 2)
        return n


@step(retry=QUICK)
def book(what: str) -> str:
    with body():
        mark(f"booked {what}")
        reach("in a body")
        return what


@step(retry=QUICK)
def unbook(what: str) -> str:
    with body():
        mark(f"unbooked {what}")
        return what


@workflow
def worker_child(n: int, seconds: float) -> Flow[int]:
    first = yield from labour(n, seconds)
    ticked = yield from TICK
    second = yield from labour(first, seconds)
    return second + ticked


@workflow
def parent_under_fire(children: int, seconds: float) -> Flow[int]:
    """Each child is sent one payload by its parent; one that lost it would wait for ever."""
    own = (yield from run_info()).run_id
    tasks = []
    for n in range(children):
        child = f"{own}-child-{n}"
        tasks.append((yield from spawn(worker_child(n, seconds).options(run_id=child))))
    yield sleep("10ms")
    for n in range(children):
        yield from send_until_it_is_there(f"{own}-child-{n}", 100 * n)
    total = 0
    for task in tasks:
        total += yield task
    return total + sum((yield from gather(*[labour(n, seconds) for n in range(children)])))


def send_until_it_is_there(child: str, payload: int) -> Flow[int]:
    while True:
        try:
            return (yield from send(child, TICK, payload))
        except UnknownRun:
            yield sleep("10ms")


def result_of_the_parent(children: int) -> int:
    return sum(n + 100 * n for n in range(children)) + sum(range(children))


@workflow
def saga_under_fire(bookings: int, seconds: float) -> Flow[str]:
    """Cancelled at some moment: whatever was booked is unbooked."""
    own = (yield from run_info()).run_id
    undo_list: list[str] = []
    try:
        for n in range(bookings):
            ref = yield from shield(book(f"{own} {n}"))  # its receipt is not lost
            undo_list.append(ref)
            yield labour(n, seconds)
    except Cancelled:
        for ref in reversed(undo_list):
            yield unbook(ref)
        raise
    return "travelled"
