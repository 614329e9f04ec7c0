"""The workflows of the tests over HTTP."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date
from typing import Literal

from yieldflow import FatalError, Flow, gather, hook, open_hook, set_data, step, workflow


class Urgency(enum.Enum):
    LOW = "low"
    HIGH = "high"


@dataclass
class Answer:
    approved: bool
    comment: str = ""


@dataclass
class Everything:
    decision: Literal["accept", "later"]
    name: str
    count: int
    share: float
    day: date
    urgency: Urgency
    sure: bool
    note: str | None = None
    parts: list[str] | None = None


APPROVAL = hook("approval", bool)


@step
def pack(order: str, cents: int = 1) -> str:
    return f"{order} for {cents}"


@step
def refuse(order: str) -> None:
    raise FatalError(f"{order} is refused")


@workflow
def approval() -> Flow[str]:
    yield open_hook("approval", bool)
    ok = yield from APPROVAL
    return "yes" if ok else "no"


@workflow
def answered() -> Flow[str]:
    the_hook = yield from open_hook("answer", Answer)
    got = yield from the_hook
    return f"{got.approved} {got.comment}"


@workflow
def everything() -> Flow[Everything]:
    the_hook = yield from open_hook("everything", Everything)
    return (yield from the_hook)


@workflow
def untyped(count: int = 1) -> Flow[list[object]]:
    the_hook = yield from open_hook("anything")
    got = []
    for _ in range(count):
        got.append((yield from the_hook))
    return got


@workflow
def raw() -> Flow[int]:
    the_hook = yield from open_hook("raw", bytes)
    return len((yield from the_hook))


@workflow
def worded() -> Flow[str]:
    the_hook = yield from open_hook("words", str)
    return (yield from the_hook)


@workflow
def checkout(order: str, cents: int = 500) -> Flow[str]:
    yield set_data("order", order)
    packed, _ = yield from gather(pack(order, cents), pack("box"))
    return packed


@workflow
def refused(order: str) -> Flow[None]:
    yield from refuse(order)


@workflow
def later() -> Flow[int]:
    late = yield from open_hook("late", int)
    yield hook("first", bool)
    return (yield from late)


@workflow
def two() -> Flow[list[object]]:
    one = yield from open_hook("one")
    other = yield from open_hook("other")
    return [(yield from one), (yield from other)]
