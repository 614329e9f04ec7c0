"""A store with something of everything: runs in every state, a long one, a hostile one, schedules. Nobody works on it.

What the views look like is looked at on it: by a test, and by people on its pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from tests.browser import shop
from yieldflow import App, hook, step, workflow
from yieldflow.core.asks import WorkflowCall

VIEWS: tuple[tuple[str, ...], ...] = (  # every kind of page, by its path below ui/
    ("runs",),
    ("runs", "order-1001"),
    ("runs", "order-1002"),
    ("runs", "order-1002", "?at=4"),
    ("runs", "order-1004", "?item=2"),
    ("runs", "order-1004"),
    ("runs", "order-1005"),
    ("runs", "order-1006"),
    ("runs", "order-1008"),
    ("runs", "training/europe/2026-11-21"),
    ("runs", "stocktaking"),
    ("runs", "nasty"),
    ("runs", "order-1001", "events", "3"),
    ("runs", "order-1002", "cancel"),
    ("hooks",),
    ("hooks", "order-1009", "verdict"),
    ("hooks", "order-1009", "verdict", "answer"),
    ("schedules",),
    ("schedules", "nightly report"),
    ("workers",),
    ("workers", "doctor"),
    ("blocked",),
    ("blocked", "stuck"),
)
NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'& \u202e\x07\x00é" + "w" * 300
SHELVES = 300


@step
def weigh(order: str) -> int:
    return 7


@step
def measure(order: str) -> int:
    return 8


def changing(first: Callable[[str], Any]) -> Callable[[str], WorkflowCall[Any]]:
    """A workflow of one name, whichever its first step is."""

    def changed(order: str) -> Generator[Any, Any, int]:
        size = yield from first(order)
        yield from hook("seen", bool)
        return int(size)

    changed.__module__, changed.__qualname__ = __name__, "changed"
    return workflow(changed)


def fill(app: App, folder: str) -> None:
    """*app* is of a store that is empty."""
    calls: dict[str, WorkflowCall[Any]] = {
        "order-1001": shop.checkout("lamp"),
        "order-1002": shop.checkout("a table, and chairs for everybody", 129_900),
        "order-1003": shop.checkout("carpet"),
        "order-1004": shop.shipped("piano", f"{folder}/no-van"),
        "order-1005": shop.checkout("desk"),
        "order-1007": shop.reserved("sofa"),
        "order-1008": shop.family("wardrobe"),
        "order-1009": shop.judged("mirror"),
        "order-1010": shop.patient(),
        "training/europe/2026-11-21": shop.training("resnet"),
        "stocktaking": shop.stocktaking(SHELVES),
        "nasty": shop.hostile(NASTY),
    }
    for run_id, call in calls.items():
        tags = {"team": "shop", "region": "eu"} if "order" in run_id else {"text": "<b>&amp;"}
        app.start(call, run_id=run_id, tags=tags)
        app.runtime.tend(run_id)
    app.runtime.tend("wardrobe-child")
    app.send("order-1001", "approval", True)
    app.cancel("order-1003", "the customer called")
    app.pause("order-1005", "until the warehouse answers")
    for run_id in ("order-1001", "order-1003", "order-1005"):
        app.runtime.tend(run_id)
    app.schedule(shop.patient(), cron="30 2 * * *", tz="Europe/Berlin", schedule_id="nightly report")
    app.schedule(shop.patient(), every="15m", overlap="buffer_one", schedule_id="poll")
    app.schedules.get("poll").pause("no need at night")
    for schedule_id in ("nightly report", "poll"):
        app.runtime.tend(schedule_id)
    block(app, "order-1006")


def block(app: App, run_id: str) -> None:
    """Newer code asks for something else than the log has."""
    app.start(changing(weigh)("crate"), run_id=run_id)
    app.runtime.tend(run_id)
    changing(measure)
    newer = App(app.settings.url)
    newer.runtime.tend(run_id)
    newer.close()
