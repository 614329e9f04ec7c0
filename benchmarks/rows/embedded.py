"""Sequential steps with no server: one SQLite file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from benchmarks import flows
from benchmarks.measure import Bar, Figures, Place, Row, Side
from benchmarks.rivals import rivals
from benchmarks.rows.sequential import from_start_to_result
from benchmarks.workers import ours, until
from yieldflow import App

KEEPS_NOTHING = "nothing (memory)"
WAL = "SQLite, WAL, synchronous=NORMAL"
CALLED = "yieldflow, app.run() one after the other"
TWO = "yieldflow, 2 worker processes, started before"
THREADS = "yieldflow, app.worker(threads=4)"


def open_(place: Place, stack: ExitStack) -> Sequence[Side]:
    return (
        Side(CALLED, WAL, partial(_called_on_file, place)),
        Side(THREADS, WAL, partial(_threads, place)),
        Side("yieldflow, 1 worker process, started before", WAL, partial(_drained, place, 1)),
        Side(TWO, WAL, partial(_drained, place, 2)),
        Side("yieldflow in memory, app.run() one after the other", KEEPS_NOTHING, partial(_called, place, "memory:")),
        *rivals(place, stack, "embedded"),
    )


@contextmanager
def fresh_file(place: Place) -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir=place.folder) as folder:
        yield f"sqlite:///{Path(folder) / 'runs.db'}"


def _called_on_file(place: Place) -> Figures:
    with fresh_file(place) as url:
        return _called(place, url)


def _called(place: Place, url: str) -> Figures:
    app = App(url)
    app.run(flows.chain(3))
    since = time.monotonic()
    for _ in range(place.sizes.runs):
        app.run(flows.chain(place.sizes.steps))
    seconds = time.monotonic() - since
    app.close()
    return {"steps/s": place.sizes.runs * place.sizes.steps / seconds}


def _threads(place: Place) -> Figures:
    with fresh_file(place) as url:
        app = App(url)
        app.run(flows.chain(3))
        with app.worker(threads=4):
            return from_start_to_result(app, place)


def _drained(place: Place, count: int) -> Figures:
    """Runs that were there before the workers came: from the first that is taken up to the end of the last."""
    sizes = place.sizes
    with fresh_file(place) as url:
        app = App(url, modules=[flows.__name__])
        runs = [app.start(flows.chain(sizes.steps)) for _ in range(sizes.drained)]
        with ours(url, min(count, place.sizes.workers), place.folder):
            until(lambda: not app.runs(status="running", limit=1).runs, 120, "all runs", pause=0.05)
        histories = [run.history() for run in runs]
        app.close()
    seconds = max(events[-1].at for events in histories) - min(events[1].at for events in histories)
    return {"steps/s": sizes.drained * sizes.steps / seconds * 1_000}


ROW = Row(
    "embedded",
    "Sequential steps, embedded: 200 runs of 10 steps",
    open_,
    ("steps/s",),
    tuple(
        Bar(f"{said} / DBOS on SQLite with WAL", "steps/s", side, ("DBOS on SQLite, WAL",), at_least=15)
        for said, side in (("app.run()", CALLED), ("app.worker(threads=4)", THREADS), ("two worker processes", TWO))
    ),
)
