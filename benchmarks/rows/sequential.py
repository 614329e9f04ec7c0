"""Steps one after the other, from the first start to the last result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from benchmarks import flows
from benchmarks.measure import Bar, Figures, Place, Row, Side
from benchmarks.rivals import rivals
from benchmarks.rows.redis import AOF, NONE, RQ_VERSION, bare_jobs, emptied
from benchmarks.servers import EVERY_SECOND, valkey
from benchmarks.workers import ours
from yieldflow import App

TWO = "yieldflow, 2 workers"
SIMPLE = "RQ jobs, 2 SimpleWorkers"


def open_(place: Place, stack: ExitStack) -> Sequence[Side]:
    url = stack.enter_context(valkey())
    kept = stack.enter_context(valkey(*EVERY_SECOND))
    counts = ((1, "yieldflow, 1 worker"), (2, TWO), (4, "yieldflow, 4 workers"))
    return (
        *(Side(name, NONE, partial(by_workers, place, url, count)) for count, name in counts),
        Side("yieldflow, 2 workers, AOF", AOF, partial(by_workers, place, kept, 2)),
        Side(SIMPLE, NONE, partial(_jobs, place, url), RQ_VERSION),
        *rivals(place, stack, "sequential"),
    )


def by_workers(place: Place, url: str, count: int) -> Figures:
    with emptied(url), ours(url, min(count, place.sizes.workers), place.folder):
        return from_start_to_result(App(url, modules=[flows.__name__]), place)


def from_start_to_result(app: App, place: Place) -> Figures:
    since = time.monotonic()
    handles = app.start_many([flows.chain(place.sizes.steps) for _ in range(place.sizes.runs)])
    app.results(handles, "120s")
    seconds = time.monotonic() - since
    app.close()
    return {"steps/s": place.sizes.runs * place.sizes.steps / seconds}


def _jobs(place: Place, url: str) -> Figures:
    """A job is what a step is there."""
    options = ("-w", "rq.worker.SimpleWorker")
    return {"steps/s": bare_jobs(url, 2, place.sizes.jobs, place.folder, *options)}


ROW = Row(
    "sequential",
    "Sequential steps, Redis or a server: 200 runs of 10 steps, from the first start to the last result",
    open_,
    ("steps/s",),
    (
        Bar("two workers / bare RQ jobs, two SimpleWorkers", "steps/s", TWO, (SIMPLE,), at_least=15, aim=40),
        Bar("two workers / the best rival", "steps/s", TWO, over_rivals=True, at_least=6, aim=15),
    ),
)
