"""Whether a step costs more at the end of a long run than at its beginning.

What is measured is the second such run of its store and worker: nothing is new to them any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from benchmarks import flows
from benchmarks.measure import Bar, Figures, Place, Row, Side
from benchmarks.rivals import rivals
from benchmarks.rows.embedded import KEEPS_NOTHING, WAL, fresh_file
from benchmarks.rows.redis import NONE, emptied
from benchmarks.servers import valkey
from benchmarks.workers import ours
from yieldflow import App, WorkflowCall

RATIO = "last / first"
REDIS, FILE, MEMORY = "yieldflow on Redis", "yieldflow on SQLite", "yieldflow in memory"


def open_(place: Place, stack: ExitStack) -> Sequence[Side]:
    url = stack.enter_context(valkey())
    return (
        Side(REDIS, NONE, partial(_on_redis, place, url)),
        Side(FILE, WAL, partial(_on_file, place)),
        Side(MEMORY, KEEPS_NOTHING, partial(_here, place, "memory:")),
        *rivals(place, stack, "growth"),
    )


def _on_redis(place: Place, url: str) -> Figures:
    with emptied(url), ours(url, 1, place.folder):
        app = App(url, modules=[flows.__name__])
        app.start(_growing(place)).result("120s")
        parts = app.start(_growing(place)).result("120s")
        app.close()
    return _figures(place, parts)


def _on_file(place: Place) -> Figures:
    with fresh_file(place) as url:
        return _here(place, url)


def _here(place: Place, url: str) -> Figures:
    app = App(url)
    app.run(_growing(place))
    parts = app.run(_growing(place))
    app.close()
    return _figures(place, parts)


def _growing(place: Place) -> WorkflowCall[tuple[float, float]]:
    return flows.growing(place.sizes.growth, place.sizes.growth // 10)


def _figures(place: Place, parts: tuple[float, float]) -> Figures:
    first, last = (seconds / (place.sizes.growth // 10) * 1_000 for seconds in parts)
    return {"first 10 %, ms a step": first, "last 10 %, ms a step": last, RATIO: last / first}


ROW = Row(
    "growth",
    "10,000 steps in one run: the first thousand and the last",
    open_,
    ("first 10 %, ms a step", "last 10 %, ms a step", RATIO),
    tuple(Bar(f"last 10 % / first 10 %, {side}", RATIO, side, at_most=1.1) for side in (REDIS, FILE, MEMORY)),
)
