"""Workflows whose logs are kept. Never change what is here: their logs stand for those of runs that live.

To record more, add a workflow and a line to RECIPES, and run `python -m tests.golden`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from decimal import Decimal

from attrs import frozen

from yieldflow import (
    App,
    Cancelled,
    Flow,
    Retry,
    RunCancelled,
    RunFailed,
    current_step,
    gather,
    hook,
    now,
    open_hook,
    race,
    sleep,
    step,
    uuid4,
    workflow,
)

APPROVAL = hook("approval", bool)


@frozen
class Item:
    name: str
    price: Decimal
    on: date | None = None


class Refused(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


@step(retry=Retry(attempts=3, delay="1ms"))
def charge(item: Item, copies: int = 1) -> tuple[str, int]:
    if item.name == "piano":
        raise Refused(code=5)
    if current_step().attempt == 1:
        raise ConnectionError("the bank does not answer")
    return f"paid {item.price}", copies


@step
def note(text: str) -> None: ...


@workflow
def order(items: list[Item]) -> Flow[dict[int, tuple[str, int]]]:
    """Steps, retries, what is derived from the seed, and values of many types."""
    paid: dict[int, tuple[str, int]] = {}
    for number, item in enumerate(items):
        paid[number] = yield from charge(item, copies=number + 1)
    yield note(f"{(yield from uuid4())} {(yield from now())}")
    return paid


@workflow
def approved(item: Item) -> Flow[str]:
    """Hooks that are opened, answered early, answered late and not at all."""
    yield open_hook("approval", bool)
    first = yield from APPROVAL
    second = yield from APPROVAL.options(timeout="1ms", default=False)
    yield sleep("1ms")
    return f"{item.name} {first} {second}"


def noted(text: str) -> Flow[str]:
    yield note(text)
    yield sleep("1ms")
    return text


@workflow
def together() -> Flow[list[object]]:
    """Branches that win, lose and clean up."""
    texts = yield from gather(noted("a"), noted("b"), note("c"))
    won = yield from race(sleep("1h"), noted("d"), hook("never"))
    return [*texts, *won]


@workflow
def undone(item: Item) -> Flow[None]:
    """A failure that leaves the workflow, after its clean-up."""
    try:
        yield charge(item)
    finally:
        yield note("undone")


@workflow
def waits() -> Flow[None]:
    """It is cancelled while it waits."""
    try:
        yield gather(sleep("1h"), APPROVAL)
    except Cancelled:
        yield note("cleaned up")
        raise


def run_order(app: App) -> None:
    app.run(order([Item("book", Decimal("9.90")), Item("pen", Decimal(1), date(2026, 1, 2))]), run_id="golden")


def run_approved(app: App) -> None:
    run = app.start(approved(Item("book", Decimal(9))), run_id="golden")
    run.send(APPROVAL, payload=True)
    run.result(timeout=10)


def run_together(app: App) -> None:
    app.run(together(), run_id="golden")


def run_undone(app: App) -> None:
    with suppress(RunFailed):
        app.run(undone(Item("piano", Decimal(9))), run_id="golden")


def run_waits(app: App) -> None:
    run = app.start(waits(), run_id="golden")
    app.runtime.tend("golden")
    run.cancel("no longer wanted")
    with suppress(RunCancelled):
        run.result(timeout=10)


RECIPES: dict[str, Callable[[App], None]] = {
    "flow-order": run_order,
    "flow-approved": run_approved,
    "flow-together": run_together,
    "flow-undone": run_undone,
    "flow-waits": run_waits,
}
