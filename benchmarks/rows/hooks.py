"""From a delivery to what the run does about it: the body of its next step."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from benchmarks import flows
from benchmarks.measure import Bar, Figures, Place, Row, Side, milliseconds
from benchmarks.rows.redis import NONE, emptied
from benchmarks.servers import valkey
from benchmarks.workers import ours
from yieldflow import App

PAUSE = 0.02  # seconds between deliveries: each finds a run that waits
REDIS = "yieldflow, 1 worker"


def open_(place: Place, stack: ExitStack) -> Sequence[Side]:
    url = stack.enter_context(valkey())
    return (Side(REDIS, NONE, partial(_react, place, url)),)


def _react(place: Place, url: str) -> Figures:
    with emptied(url), ours(url, 1, place.folder):
        app = App(url, modules=[flows.__name__])
        run = app.start(flows.listen(place.sizes.deliveries))
        for _ in range(place.sizes.deliveries):
            time.sleep(PAUSE)
            run.send(flows.PING, time.monotonic())
        lags = run.result("30s")
        app.close()
    return milliseconds(lags)


ROW = Row(
    "hooks",
    "A delivery to a hook: until the body of the next step runs",
    open_,
    ("p50 ms", "p99 ms"),
    (Bar("delivery to reaction on Redis, p50, ms", "p50 ms", REDIS, at_most=2),),
)
