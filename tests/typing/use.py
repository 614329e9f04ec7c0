"""What authors write. Both type checkers accept every line, without a plug-in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, assert_type
from uuid import UUID

from yieldflow import (
    Flow,
    Hook,
    Retry,
    Step,
    StepCall,
    Workflow,
    WorkflowCall,
    gather,
    hook,
    now,
    open_hook,
    race,
    rng,
    sleep,
    step,
    uuid4,
    workflow,
)


@dataclass
class Order:
    id: str
    cents: int


@dataclass
class Receipt:
    n: int


@dataclass
class Label:
    url: str


@step
def charge(order_id: str, cents: int) -> Receipt:
    return Receipt(1)


@step(retry=5, timeout="30s", lease=20, heartbeat="5s")
def print_label(order: Order) -> Label:
    return Label("x")


@step
async def fetch(url: str, *, deep: bool = False) -> bytes:
    return b""


@step(retry=Retry(attempts=None, delay="1s"), name="shop:fetch", also_known_as=("shop:get",))
async def fetch_again(url: str) -> bytes:
    return b""


io = step(retry=5, queue="io")


@io
def upload(label: Label) -> int:
    return 1


@io
async def download(url: str) -> Label:
    return Label(url)


def send_invoice(order_id: str) -> int:
    return 1


def ping() -> float:
    return 1.0


async def async_ping(n: int) -> str:
    return ""


def with_default(a: int = 1) -> int:
    return a


APPROVAL = hook("approval", bool)


def ship(order: Order) -> Flow[str]:
    label = yield from print_label(order)
    assert_type(label, Label)
    return label.url


@workflow(name="shop:refund", version="2", also_known_as="shop:give_back")
def refund(order: Order) -> Flow[None]:
    yield sleep("3 days")


def steps(order: Order) -> Flow[None]:
    assert_type((yield from charge(order.id, order.cents)), Receipt)
    assert_type((yield from charge(order.id, cents=2)), Receipt)
    assert_type((yield from fetch("u", deep=True)), bytes)
    assert_type((yield from fetch_again("u")), bytes)
    assert_type((yield from upload(Label("u"))), int)
    assert_type((yield from download("u")), Label)
    assert_type((yield from step(send_invoice, order.id)), int)
    assert_type((yield from step(async_ping, 3)), str)
    assert_type((yield from step(ping)), float)
    assert_type((yield from step(ping)()), float)
    assert_type((yield from step(with_default, a=2)), int)
    assert_type(charge("a", 1), StepCall[Receipt])
    assert_type(charge("a", 1).options(retry=1, label="charge a"), StepCall[Receipt])
    assert_type((yield from charge.options(retry=Retry(attempts=2), queue="q")("a", 1)), Receipt)
    calls: list[StepCall[Receipt]] = [charge("a", 1)]
    uncalled: Step[[], float] = step(ping)
    plain = yield calls[0]
    assert_type(plain, Any)
    yield uncalled


def waits() -> Flow[None]:
    assert_type((yield from sleep("3 days")), None)
    assert_type((yield from hook("approval", bool, timeout="2d")), bool)
    assert_type((yield from hook("approval", bool, timeout="2d", default=False)), bool)
    assert_type((yield from hook("approval", bool, timeout="2d", default=None)), bool | None)
    assert_type((yield from APPROVAL), bool)
    assert_type((yield from APPROVAL.options(timeout="2d", default=False)), bool)
    assert_type((yield from hook("a", list[int])), list[int])
    assert_type((yield from hook("a")), Any)
    opened = yield from open_hook("b", Order)
    assert_type(opened, Hook[Order])
    assert_type(opened.token, str)
    assert_type((yield from opened), Order)
    assert_type((yield from opened.receive(timeout="1h")), Order)
    assert_type((yield from now()), datetime)
    assert_type((yield from rng()), Random)
    assert_type((yield from uuid4()), UUID)


def together(order: Order) -> Flow[None]:
    packed, billed = yield from gather(ship(order), step(send_invoice, order.id))
    assert_type(packed, str)
    assert_type(billed, int)
    many = yield from gather(*[charge(order.id, c) for c in range(3)])
    assert_type(many, tuple[Receipt, ...])
    mixed = yield from gather(charge("a", 1), ship(order), sleep(1), step(ping), gather(step(ping)), hook("a", bool))
    assert_type(mixed, tuple[Receipt, str, None, float, tuple[float], bool])
    settled = yield from gather(charge("a", 1), ship(order), return_exceptions=True)
    assert_type(settled, tuple[Receipt | Exception, str | Exception])
    all_settled = yield from gather(*[charge("a", c) for c in range(3)], return_exceptions=True)
    assert_type(all_settled, tuple[Receipt | Exception, ...])


def first(order: Order) -> Flow[str]:
    won = yield from race(charge("a", 1), sleep(5))
    if won[0] == 0:
        assert_type(won[1], Receipt)
    else:
        assert_type(won[1], None)
    index, _ = yield from race(*[charge("a", c) for c in range(3)])
    assert_type(index, int)
    match (yield from race(charge("a", 1), ship(order), sleep(5))):
        case (0, receipt):
            assert_type(receipt, Receipt)
            return "charged"
        case (1, url):
            assert_type(url, str)
            return url
        case (2, nothing):
            assert_type(nothing, None)
            return "late"


@workflow
def checkout(order: Order) -> Flow[Receipt]:
    receipt = yield from charge(order.id, order.cents)
    yield from together(order)
    again = yield from checkout.fn(order)
    assert_type(again, Receipt)
    return receipt


assert_type(checkout(Order("1", 2)), WorkflowCall[Receipt])
as_value: Workflow[[Order], Receipt] = checkout
assert_type(charge.fn("a", 1), Any)
