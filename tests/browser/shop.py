"""The workflows that the browser looks at, in whatever process they are worked on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from yieldflow import FatalError, Flow, Retry, gather, hook, open_hook, set_data, sleep, step, workflow

QUICK = Retry(attempts=3, delay="20ms", jitter=0)
APPROVAL = hook("approval", bool)


@dataclass
class Verdict:
    approved: bool
    comment: str = ""


@dataclass
class Order:
    """Its fields are called as what a form of HTML has itself."""

    action: Literal["keep", "drop"]
    method: str
    id: str
    submit: str = ""


@step(retry=QUICK)
def charge(order: str, cents: int) -> str:
    return f"receipt of {order} for {cents}"


@step
def pack(order: str) -> str:
    return f"box of {order}"


@step
def label(order: str) -> str:
    return f"label of {order}"


@step(retry=1)
def deliver(order: str, van: str) -> str:
    if not Path(van).exists():
        raise FatalError(f"the van of {order} is broken")
    return f"{order} is there"


@step
def complain(text: str) -> str:
    raise FatalError(text)


@workflow
def checkout(order: str, cents: int = 500) -> Flow[str]:
    yield set_data("order", order)
    receipt = yield from charge(order, cents)
    box, _ = yield from gather(pack(order), label(order))
    approved = yield from APPROVAL
    return f"{receipt}, {box}" if approved else "declined"


@workflow
def judged(order: str) -> Flow[str]:
    the_hook = yield from open_hook("verdict", Verdict)
    verdict = yield from the_hook
    return f"{verdict.approved}: {verdict.comment}"


@workflow
def ordered() -> Flow[str]:
    the_hook = yield from open_hook("order", Order)
    order = yield from the_hook
    return f"{order.action} {order.method} {order.id} {order.submit}"


@workflow
def shipped(order: str, van: str) -> Flow[str]:
    receipt = yield from charge(order, 700)
    there = yield from deliver(order, van)
    return f"{receipt}, {there}"


@workflow
def patient() -> Flow[None]:
    yield sleep("3 days")


@workflow
def family(order: str) -> Flow[str]:
    done = yield from checkout(order).options(run_id=f"{order}-child")
    return f"child: {done}"


@workflow
def hostile(text: str) -> Flow[str]:
    """Whatever a user may write, everywhere he may write it."""
    local = [text, {text: text}]
    yield set_data(text[:40], text)
    try:
        yield from complain(text)
    except FatalError:
        yield from pack(text)
    kept = yield from hook("question", str)
    return f"{kept} {local}"


@step(retry=Retry(attempts=5, delay="1h", jitter=0))
def reserve(order: str) -> str:
    raise ConnectionError(f"no stock service for {order}")


@workflow
def reserved(order: str) -> Flow[str]:
    return (yield from reserve(order))


@step(queue="gpu")
def train(model: str, rounds: int) -> str:
    return f"{model} after {rounds}"


@workflow
def training(model: str) -> Flow[str]:
    yield set_data("model", {"name": model, "layers": [64, 64, 10], "notes": "warm start " * 20})
    first, second = yield from gather(train(model, 10), train(f"{model}-b", 20))
    return f"{first}, {second}"


@workflow
def stocktaking(shelves: int) -> Flow[int]:
    boxes = list[str]()
    for number in range(shelves):
        boxes.append((yield from pack(f"shelf-{number}")))
    yield from hook("signed", bool)
    return len(boxes)
