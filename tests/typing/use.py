"""What authors write. Both type checkers accept every line, without a plug-in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar, assert_type
from uuid import UUID

from yieldflow import (
    Ask,
    Command,
    Compensations,
    Duration,
    Flow,
    Hook,
    Retry,
    RunInfo,
    Step,
    StepCall,
    Task,
    When,
    Workflow,
    WorkflowCall,
    compensations,
    continue_as_new,
    detach,
    gather,
    get_data,
    hook,
    now,
    open_hook,
    patched,
    race,
    retrying,
    rng,
    run_info,
    send,
    set_data,
    shield,
    sleep,
    spawn,
    step,
    timeout,
    until,
    uuid4,
    workflow,
)

T = TypeVar("T")


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
def refunded(receipt: Receipt) -> None: ...


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


def fan_out(order: Order) -> Flow[None]:
    some = yield from gather(*[charge("a", c) for c in range(3)], limit=2)
    assert_type(some, tuple[Receipt, ...])
    three = yield from gather(charge("a", 1), ship(order), checkout(order), limit=1)
    assert_type(three, tuple[Receipt, str, Receipt])
    settled = yield from gather(charge("a", 1), ship(order), return_exceptions=True, limit=2)
    assert_type(settled, tuple[Receipt | Exception, str | Exception])
    task = yield from spawn(ship(order))
    assert_type(task, Task[str])
    assert_type((yield from task), str)
    assert_type((yield from task.cancel()), None)
    assert_type((yield from spawn(checkout(order))), Task[Receipt])
    both = yield from gather(task, timeout(task, "1m"))
    assert_type(both, tuple[str, str])
    done: list[int] = []
    assert_type((yield from until(lambda: len(done) >= 2)), None)


def wrapped(order: Order) -> Flow[None]:
    assert_type((yield from timeout(ship(order), "1m")), str)
    assert_type((yield from timeout(charge("a", 1).options(retry=1), "1m")), Receipt)
    assert_type((yield from timeout(ship(order), "1m", default=None)), str | None)
    assert_type((yield from timeout(ship(order), timedelta(days=1), default="late")), str)
    both = yield from timeout(gather(charge("a", 1), ship(order)), 5, default=())
    assert_type(both, tuple[Receipt, str] | tuple[()])
    assert_type((yield from shield(charge("a", 1))), Receipt)
    assert_type((yield from shield(ship(order))), str)
    saga = compensations()
    assert_type(saga, Compensations)
    assert_type((yield from saga.do(charge("a", 1), undo=refunded)), Receipt)
    assert_type((yield from saga.do(ship(order), undo=lambda url: charge(url, 1))), str)
    assert_type((yield from saga.do(checkout(order), undo=lambda _: ship(order))), Receipt)
    assert_type((yield from gather(saga.do(ship(order), undo=lambda url: charge(url, 1)))), tuple[str])
    saga.add(ship(order))
    assert_type((yield from saga.undo()), None)
    assert_type((yield from retrying(lambda: ship(order))), str)
    assert_type((yield from retrying(lambda: charge("a", 1), Retry(attempts=5))), Receipt)
    assert_type((yield from gather(retrying(lambda: checkout(order), 2))), tuple[Receipt])
    local = step(ping).options(local=True)
    assert_type((yield from local()), float)


def runs(order: Order) -> Flow[None]:
    assert_type((yield from checkout(order)), Receipt)
    child = checkout(order).options(run_id="x", tags={"a": "b"}, timeout="1h", queue="q", on_parent_close="abandon")
    assert_type(child, WorkflowCall[Receipt])
    assert_type((yield from child), Receipt)
    assert_type((yield from detach(checkout(order))), str)
    assert_type((yield from send("order-42", APPROVAL, True)), int)
    assert_type((yield from send("order-42", "approval", {"any": "thing"})), int)
    assert_type((yield from send("order-42", open_hook("b", Order), order)), int)
    assert_type((yield from set_data("progress", 0.5)), None)
    assert_type((yield from get_data("progress", float)), float | None)
    assert_type((yield from get_data("progress", float, 0.0)), float)
    assert_type((yield from get_data("progress", float, default="none")), float | str)
    assert_type((yield from get_data("progress")), Any)
    assert_type((yield from patched("x")), bool)
    info = yield from run_info()
    assert_type(info, RunInfo)
    assert_type(info.history_length, int)
    assert_type(info.started_at, datetime)


@workflow
def billing(month: int) -> Flow[Receipt]:
    yield from charge("a", month)
    if month == 12:
        return (yield from continue_as_new())
    return (yield from continue_as_new(billing(month + 1)))


def helper(ask: Ask[T], when: When) -> Flow[T | None]:
    return (yield from timeout(ask, when, default=None))


def helped(order: Order, pause: Duration) -> Flow[None]:
    asks: list[Command[Receipt]] = [charge("a", 1), checkout(order)]
    assert_type((yield from gather(*asks)), tuple[Receipt, ...])
    assert_type((yield from helper(ship(order), "1s")), str | None)
    assert_type((yield from helper(checkout(order), pause)), Receipt | None)
    assert_type(continue_as_new(billing(1)), Command[Receipt])


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
