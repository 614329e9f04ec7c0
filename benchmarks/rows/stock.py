"""Sequential steps carried out by the worker that RQ users have: it forks for each job."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from attrs import evolve

from benchmarks import flows
from benchmarks.measure import Bar, Figures, Place, Row, Side
from benchmarks.rows.redis import NONE, RQ_VERSION, bare_jobs, emptied
from benchmarks.rows.sequential import from_start_to_result
from benchmarks.servers import valkey
from benchmarks.workers import rq_workers, warm_up
from yieldflow import App

FORKED = "yieldflow under `rq worker -S json`, 2 processes"
JOBS = "RQ jobs, 2 workers that fork"


def open_(place: Place, stack: ExitStack) -> Sequence[Side]:
    url = stack.enter_context(valkey())
    return (
        Side(FORKED, NONE, partial(_forked, place, url), RQ_VERSION),
        Side(JOBS, NONE, partial(_jobs, place, url), RQ_VERSION),
    )


def _forked(place: Place, url: str) -> Figures:
    """The modules are imported once, before it forks, as docs/running.md has it."""
    options = ("-S", "json", "-c", flows.__name__)
    fewer = evolve(place, sizes=evolve(place.sizes, runs=place.sizes.forked_runs))
    with emptied(url), rq_workers(url, "yieldflow", 2, place.folder, *options):
        warm_up(url, runs=4)
        return from_start_to_result(App(url, modules=[flows.__name__]), fewer)


def _jobs(place: Place, url: str) -> Figures:
    return {"steps/s": bare_jobs(url, 2, place.sizes.forked_jobs, place.folder)}


ROW = Row(
    "stock",
    "Sequential steps under stock `rq worker`: 50 runs of 10 steps, from the first start to the last result",
    open_,
    ("steps/s",),
    (Bar("steps / bare jobs, both on workers that fork", "steps/s", FORKED, (JOBS,), at_least=5),),
)
