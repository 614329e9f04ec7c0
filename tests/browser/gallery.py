"""The shop in the pictures of the docs: an order whose bank is slow, and its neighbours."""

from __future__ import annotations

import time
from dataclasses import dataclass

from yieldflow import App, Flow, Retry, gather, hook, sleep, step, workflow


@dataclass
class Verdict:
    approved: bool
    comment: str = ""


VERDICT = hook("verdict", Verdict)


@step(retry=Retry(attempts=5, delay="2s", factor=30, max_delay="1m", jitter=0))
def charge(order: str, cents: int) -> str:
    time.sleep(0.6)
    raise ConnectionError("the bank does not answer")


@step
def pack(order: str) -> str:
    time.sleep(0.9)
    return f"parcel {order}"


@step
def hand_over(parcel: str, carrier: str) -> str:
    time.sleep(0.7)
    return f"{carrier}-7731"


def delivered(order: str) -> Flow[str]:
    parcel = yield from pack(order)
    tracking = yield from hand_over(parcel, "bike")
    yield sleep("3 days")  # until it cannot come back
    return tracking


@workflow
def checkout(order: str, cents: int) -> Flow[str]:
    total = cents + 490
    receipt, tracking = yield from gather(charge(order, total), delivered(order))
    return f"{receipt}, {tracking}"


@workflow
def refund(order: str) -> Flow[str]:
    verdict = yield from VERDICT
    return "paid back" if verdict.approved else "refused"


@step
def count(shelf: int) -> int:
    return shelf


@workflow
def stock(shelves: int) -> Flow[int]:
    return sum((yield from gather(*map(count, range(shelves)))))


@workflow
def import_prices(file: str) -> Flow[None]:
    yield from gather(count(1))
    raise ValueError(f"{file} has no column 'price'")


SECONDS = 6.0  # that are worked: two attempts of the bank have failed then


def fill(app: App) -> None:
    tags = {"team": "shop"}
    for number in range(3):
        app.start(stock(12 + number), run_id=f"stock-2026-11-{number + 18}")
    app.start(import_prices("prices.csv"), run_id="prices-47", tags={"team": "buying"})
    app.start(checkout("o-41", 1_250), run_id="order-41", tags=tags)
    app.start(refund("o-38"), run_id="refund-38", tags=tags)
    with app.worker(threads=4):
        app.start(checkout("o-42", 4_900), run_id="order-42", tags=tags)
        time.sleep(SECONDS)
    app.pause("order-41", "the customer has called")
