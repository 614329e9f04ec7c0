"""From stored bytes to a run that may go on: reading, unpacking, folding, and the program driven over all of it."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from functools import partial

import orjson

from benchmarks import flows
from benchmarks.measure import Bar, Figures, Place, Row, Side
from benchmarks.rows.embedded import KEEPS_NOTHING, WAL, fresh_file
from benchmarks.rows.redis import NONE, emptied
from benchmarks.servers import valkey
from yieldflow import App

MEMORY = "yieldflow in memory"


def open_(place: Place, stack: ExitStack) -> Sequence[Side]:
    url = stack.enter_context(valkey())
    return (
        Side("yieldflow on Redis", NONE, partial(_on_redis, place, url)),
        Side("yieldflow on SQLite", WAL, partial(_on_file, place)),
        Side(MEMORY, KEEPS_NOTHING, partial(_replayed, place, "memory:")),
        Side("orjson and a generator, nothing else", KEEPS_NOTHING, partial(_floor, place)),
    )


def _on_redis(place: Place, url: str) -> Figures:
    with emptied(url):
        return _replayed(place, url)


def _on_file(place: Place) -> Figures:
    with fresh_file(place) as url:
        return _replayed(place, url)


def _replayed(place: Place, url: str) -> Figures:
    """A process that has never seen the run tends it, and finds nothing to do."""
    app = App(url)
    handle = app.start(flows.remembering(place.sizes.replayed))
    runtime = app.runtime
    while runtime.tend(handle.run_id).state == "stopped":  # its time slice was over
        pass
    events = len(handle.history())
    best = min(_once(app, handle.run_id) for _ in range(3))
    app.close()
    return {"events/s": events / best}


def _once(app: App, run_id: str) -> float:
    app.runtime.cache.clear()
    since = time.perf_counter()
    app.runtime.tend(run_id)
    return time.perf_counter() - since


def _floor(place: Place) -> Figures:
    """Two events a step, a little shorter than ours."""

    def program() -> Generator[int, object, object]:
        answer: object = None
        for number in range(place.sizes.replayed):
            answer = yield number
        return answer

    stored = [orjson.dumps(["R", number, [number], None]) for number in range(2 * place.sizes.replayed)]
    since = time.perf_counter()
    driven = program()
    answer = None
    for at in range(0, len(stored), 2):
        driven.send(answer)
        orjson.loads(stored[at])
        answer = orjson.loads(stored[at + 1])
    return {"events/s": len(stored) / (time.perf_counter() - since)}


ROW = Row(
    "replay",
    "Replay of 5,000 steps from stored bytes, by a process that does not know the run",
    open_,
    ("events/s",),
    tuple(
        Bar(f"replay, {name}, events/s", "events/s", f"yieldflow {name}", at_least=150_000)
        for name in ("in memory", "on Redis", "on SQLite")
    ),
)
