"""Many steps at once in one run, and all of their answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from benchmarks import flows
from benchmarks.measure import Bar, Figures, Place, Row, Side
from benchmarks.rivals import rivals
from benchmarks.rows.redis import NONE, emptied
from benchmarks.servers import valkey
from benchmarks.workers import ours
from yieldflow import App

EACH = "µs a step"
FEW, MANY = "yieldflow, 2 workers, 1,000 steps", "yieldflow, 2 workers, 10,000 steps"


def open_(place: Place, stack: ExitStack) -> Sequence[Side]:
    url = stack.enter_context(valkey())
    few, many = place.sizes.spread
    return (
        Side(FEW, NONE, partial(_spread, place, url, few)),
        Side(MANY, NONE, partial(_spread, place, url, many)),
        *rivals(place, stack, "spread"),
    )


def _spread(place: Place, url: str, steps: int) -> Figures:
    with emptied(url), ours(url, min(2, place.sizes.workers), place.folder):
        app = App(url, modules=[flows.__name__])
        since = time.monotonic()
        app.start(flows.spread(steps)).result("300s")
        seconds = time.monotonic() - since
        app.close()
    return {"s": seconds, EACH: seconds / steps * 1e6}


ROW = Row(
    "spread",
    "Steps at once in one run, joined: from its start to its result",
    open_,
    ("s", EACH),
    (
        Bar("1,000 steps, s", "s", FEW, at_most=0.4),
        Bar("1,000 steps, our time / that of the best rival", "s", FEW, over_rivals=True, at_most=1.0),
        Bar("a step of 10,000 / a step of 1,000", EACH, MANY, (FEW,), at_most=1.5),
    ),
)
