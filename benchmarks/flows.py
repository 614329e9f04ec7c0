"""The workflows that are measured; their steps do nothing."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

from yieldflow import Flow, gather, hook, sleep, step, workflow

PING = hook("ping", float)
DONE = hook("done", int)


@step
def nothing(number: int) -> int:
    return number


@step
def stamp() -> float:
    """When it ran: seconds of a clock that all processes of a machine share."""
    return time.monotonic()


@step
def lag(sent: float) -> float:
    """Seconds since then."""
    return time.monotonic() - sent


@step
def hang_once(mark: str) -> int:
    """The first attempt says which process it is in, and stays there."""
    try:
        with Path(mark).open("x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return os.getpid()
    time.sleep(60)
    return 0


@workflow
def chain(steps: int) -> Flow[int]:
    """One step after the other."""
    last = 0
    for number in range(steps):
        last = yield from nothing(number)
    return last


@workflow
def stamped(steps: int) -> Flow[list[float]]:
    """Likewise; answers when each of them ran."""
    times = list[float]()
    for _ in range(steps):
        times.append((yield from stamp()))
    return times


@workflow
def growing(steps: int, tenth: int) -> Flow[tuple[float, float]]:
    """Likewise; answers how many seconds the first so many took, and the last."""
    times = list[float]()
    for _ in range(steps):
        times.append((yield from stamp()))
    return times[tenth] - times[0], times[-1] - times[-1 - tenth]


@workflow
def remembering(steps: int) -> Flow[int]:
    """A history, and then a wait."""
    for number in range(steps):
        yield from nothing(number)
    return (yield from DONE)


@workflow
def spread(steps: int) -> Flow[int]:
    """All at once."""
    return len((yield from gather(*map(nothing, range(steps)))))


@workflow
def nap(due: datetime) -> Flow[None]:
    yield sleep(due)


@workflow
def listen(times: int) -> Flow[list[float]]:
    """Answers after how many seconds it reacted to each delivery, with a step."""
    lags = list[float]()
    for _ in range(times):
        sent = yield from PING
        lags.append((yield from lag(sent)))
    return lags


@workflow
def survive(mark: str) -> Flow[int]:
    return (yield from hang_once(mark))
