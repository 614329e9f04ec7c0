"""A worker is killed in the middle of a step, by `kill -9`: until its run has ended, by another worker."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks import flows
from benchmarks.measure import Bar, Figures, Place, Row, Side
from benchmarks.rows.embedded import WAL, fresh_file
from benchmarks.rows.redis import NONE, emptied
from benchmarks.servers import valkey
from benchmarks.workers import ours, until, watch
from yieldflow import App

LEASE = 1.0  # seconds
REDIS, FILE = "yieldflow on Redis, lease 1 s", "yieldflow on SQLite, lease 1 s"


def open_(place: Place, stack: ExitStack) -> Sequence[Side]:
    url = stack.enter_context(valkey())
    return (
        Side(REDIS, NONE, partial(_on_redis, place, url)),
        Side(FILE, WAL, partial(_on_file, place)),
    )


def _on_redis(place: Place, url: str) -> Figures:
    with emptied(url):
        return _killed(place, url)


def _on_file(place: Place) -> Figures:
    with fresh_file(place) as url:
        return _killed(place, url)


def _killed(place: Place, url: str) -> Figures:
    with ours(url, 2, place.folder), tempfile.TemporaryDirectory() as folder:
        app = App(url, modules=[flows.__name__], lease=f"{LEASE:g}s")
        mark = Path(folder) / "pid"
        run = app.start(flows.survive(str(mark)))
        until(lambda: mark.exists() and mark.read_text(), 30, "the first attempt")
        os.kill(int(mark.read_text()), signal.SIGKILL)
        since = time.monotonic()
        watch(app, run.run_id, 60)
        seconds = time.monotonic() - since
        app.close()
    return {"s": seconds}


ROW = Row(
    "recovery",
    "kill -9 of the worker that carries out a step: until its run has ended by another",
    open_,
    ("s",),
    (Bar("recovery on Redis, s", "s", REDIS, at_most=LEASE + 2),),
)
