"""The workflows of the command line's tests: also copied to where a subprocess runs."""

import os
import time
from pathlib import Path

from yieldflow import FatalError, Flow, Retry, continue_as_new, gather, hook, sleep, step, workflow

APPROVAL = hook("approval", bool)


class CardTimeout(Exception):
    pass


@step
def pack(order: str) -> str:
    print(f"packing {order}\n", end="")
    return f"{order} packed"


@step(retry=Retry(attempts=3, delay="10ms", jitter=0.0))
def charge(order: str, cents: int) -> int:
    seen = Path(f"charged-{order}")
    seen.write_text(seen.read_text() + "x" if seen.exists() else "x")
    if seen.read_text() == "x":
        raise CardTimeout(f"no answer for {order}")
    return cents


@step
def refuse(order: str) -> None:
    raise FatalError(f"{order} is refused")


@step
def linger(number: int) -> int:
    Path(f"lingers-{number}-{os.getpid()}").touch()
    time.sleep(0 if Path("hurry").exists() else 60)
    return number


@workflow
def hello(name: str = "World", *, times: int = 1) -> Flow[tuple[str, ...]]:
    return tuple((yield from gather(*[pack(name) for _ in range(times)])))


@workflow
def checkout(order: str, cents: int = 500) -> Flow[dict[str, object]]:
    packed = yield from pack(order)
    paid = yield from charge(order, cents)
    return {"packed": packed, "paid": paid}


@workflow
def refused(order: str) -> Flow[None]:
    yield from refuse(order)


@workflow
def asks(order: str) -> Flow[dict[str, bool]]:
    yield from pack(order)
    ok = yield from APPROVAL
    return {order: ok}


@workflow
def naps(when: str) -> Flow[None]:
    yield from sleep(when)


@workflow
def lingers(count: int) -> Flow[int]:
    first = yield from pack("first")
    assert first
    return sum((yield from gather(*[linger(number) for number in range(count)])))


@workflow
def counts_on(number: int, last: int) -> Flow[int]:
    yield pack(str(number))
    if number < last:
        return (yield from continue_as_new(counts_on(number + 1, last)))
    return number
