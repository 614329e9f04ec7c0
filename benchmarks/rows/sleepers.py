"""Runs that sleep: what each of them takes up, and how late they are when they are due."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import redis

from benchmarks import flows
from benchmarks.measure import Bar, Figures, Place, Row, Side, milliseconds
from benchmarks.rivals import rivals
from benchmarks.rows.redis import NONE, emptied
from benchmarks.servers import valkey
from benchmarks.workers import Process, ours, until, warm_up
from yieldflow import App
from yieldflow.ports import Summary

BYTES, RSS = "bytes in Redis each", "MB of a worker, all of them"
ASLEEP_SIDE = "yieldflow, 2 workers, 10,000 asleep"
SPREAD_SIDE = "yieldflow, 2 workers: 10,000 due within 10 s"
HERD_SIDE = "yieldflow, 2 workers: 2,000 due at one instant"


def open_asleep(place: Place, stack: ExitStack) -> Sequence[Side]:
    url = stack.enter_context(valkey())
    return (Side(ASLEEP_SIDE, NONE, partial(_asleep, place, url)),)


def _asleep(place: Place, url: str) -> Figures:
    count = place.sizes.sleepers
    with emptied(url) as client, ours(url, min(2, place.sizes.workers), place.folder) as workers:
        warm_up(url, place.sizes.runs)
        before, idle = _memory(client), [_rss(worker) for worker in workers]
        app = App(url, modules=[flows.__name__])
        _fall_asleep(app, client, [time.time() + 3_600] * count)
        each = (_memory(client) - before) / count
        grown = max(_rss(worker) - was for worker, was in zip(workers, idle, strict=True))
        app.close()
    return {BYTES: each, RSS: grown / 1e6}


def _fall_asleep(app: App, client: redis.Redis, dues: Iterable[float]) -> None:
    """Each is started, and has been looked at: no hint is left, and what was taken is done."""
    for number, due in enumerate(dues):
        app.start(flows.nap(datetime.fromtimestamp(due, UTC)), run_id=f"nap-{number}")
    until(lambda: client.llen(f"rq:queue:{app.queue}") == 0, 300, "sleepers")
    time.sleep(0.5)


def _memory(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])


def _rss(worker: Process) -> float:
    """Bytes."""
    status = Path(f"/proc/{worker.pid}/status").read_text()
    return float(status.partition("VmRSS:")[2].split()[0]) * 1_024


ASLEEP = Row(
    "asleep",
    "10,000 sleeping runs: what each takes up in Redis, and what a worker has grown by",
    open_asleep,
    (BYTES, RSS),
    (
        Bar("Redis memory of a sleeping run, bytes", BYTES, ASLEEP_SIDE, at_most=1_024),
        Bar("growth of a worker with 10,000 asleep, MB", RSS, ASLEEP_SIDE, at_most=5),
    ),
)


def open_waking(place: Place, stack: ExitStack) -> Sequence[Side]:
    url = stack.enter_context(valkey())
    sizes = place.sizes
    return (
        Side(SPREAD_SIDE, NONE, partial(_late, place, url, sizes.sleepers, sizes.within)),
        Side(HERD_SIDE, NONE, partial(_late, place, url, sizes.herd, 0.0)),
        *rivals(place, stack, "waking"),
    )


def _late(place: Place, url: str, count: int, within: float) -> Figures:
    """From when each was due to the end of its run."""
    with emptied(url) as client, ours(url, min(2, place.sizes.workers), place.folder):
        warm_up(url)
        first = time.time() + place.sizes.settle
        dues = [first + within * number / count for number in range(count)]
        app = App(url, modules=[flows.__name__])
        _fall_asleep(app, client, dues)
        if time.time() > first:
            raise RuntimeError(f"{count} runs did not fall asleep before the first was due")
        time.sleep(max(0.0, first + within - time.time()))
        until(lambda: not app.runs(status="running", limit=1).runs, 120, "all sleepers", pause=0.2)
        ends = {run.run_id: (run.finished_at or 0) / 1_000 for run in _all(app)}
        app.close()
    return milliseconds([ends[f"nap-{number}"] - due for number, due in enumerate(dues)])


def _all(app: App) -> Iterator[Summary]:
    cursor = None
    while True:
        page = app.runs(limit=1_000, cursor=cursor)
        yield from page.runs
        cursor = page.cursor
        if cursor is None:
            return


WAKING = Row(
    "waking",
    "Sleepers that are due: how late their runs end",
    open_waking,
    ("p50 ms", "p99 ms"),
    (
        Bar("10,000 due within 10 s, lateness p99, ms", "p99 ms", SPREAD_SIDE, at_most=250),
        Bar("2,000 due at one instant, lateness p99, ms", "p99 ms", HERD_SIDE, at_most=300),
    ),
)
