"""Steps of runs that have been started already, against our own commit script with nothing of the engine around it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from benchmarks import flows, script
from benchmarks.measure import Bar, Figures, Place, Row, Side
from benchmarks.rows.redis import NONE, emptied
from benchmarks.servers import valkey
from benchmarks.workers import Process, ours, until
from yieldflow import App

DRAIN = "yieldflow, 2 workers"
RAW = "its commit script alone, 2 processes, 32 calls a round trip"


def open_(place: Place, stack: ExitStack) -> Sequence[Side]:
    url = stack.enter_context(valkey())
    return (
        Side(DRAIN, NONE, partial(_drain, place, url, 2)),
        Side("yieldflow, 1 worker", NONE, partial(_drain, place, url, 1)),
        Side(RAW, NONE, partial(_replay, place, url)),
    )


def _drain(place: Place, url: str, count: int) -> Figures:
    sizes = place.sizes
    with emptied(url), ours(url, min(count, place.sizes.workers), place.folder) as workers:
        app = App(url, modules=[flows.__name__])
        with _halted(workers):
            handles = [app.start(flows.chain(sizes.steps)) for _ in range(sizes.drained)]
            since = time.time()
        until(lambda: not app.runs(status="running", limit=1).runs, 300, "all runs", pause=0.05)
        ends = [handle.summary().finished_at or 0 for handle in handles]
        app.close()
    return {"steps/s": sizes.drained * sizes.steps / (max(ends) / 1_000 - since)}


@contextmanager
def _halted(workers: Sequence[Process]) -> Iterator[None]:
    for worker in workers:
        worker.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGCONT)


def _replay(place: Place, url: str) -> Figures:
    """What a worker has sent is sent again, by who need not make it."""
    sizes = place.sizes
    with emptied(url), ours(url, 1, place.folder):
        calls = script.captured(url, sizes.drained, sizes.steps)
    seconds = script.sent_again(url, calls, processes=2, folder=place.folder)
    return {"steps/s": len(calls) * sizes.steps / seconds}


ROW = Row(
    "draining",
    "Sequential steps on Redis: 1,000 runs of 10 steps that have been started before",
    open_,
    ("steps/s",),
    (Bar("two workers / the commit script alone", "steps/s", DRAIN, (RAW,), at_least=0.4),),
)
