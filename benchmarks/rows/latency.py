"""How long one thing takes where nothing else is going on."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import pairwise

from benchmarks import bare, flows
from benchmarks.measure import Bar, Figures, Place, Row, Side, milliseconds
from benchmarks.rivals import rivals
from benchmarks.rows.embedded import KEEPS_NOTHING, WAL, fresh_file
from benchmarks.rows.redis import BARE, JSON, NONE, RQ_VERSION, bare_queue, emptied
from benchmarks.servers import valkey
from benchmarks.workers import ours, rq_workers, running
from yieldflow import App

SIMPLE = ("-w", "rq.worker.SimpleWorker")
PAUSE = 0.005  # seconds: the system is idle before each
ON_REDIS = "yieldflow, 1 worker"
BOUNCE = """
import sys, redis
client = redis.Redis.from_url(sys.argv[1])
while True:
    client.rpush("there", client.blpop(["here"])[1])
"""


def open_starts(place: Place, stack: ExitStack) -> Sequence[Side]:
    url = stack.enter_context(valkey())
    return (
        Side(ON_REDIS, NONE, partial(_starts, place, url)),
        Side("RPUSH and BLPOP, there and back", NONE, partial(_bounces, place, url)),
        Side("an RQ job, SimpleWorker", NONE, partial(_jobs, place, url), RQ_VERSION),
        *rivals(place, stack, "starts"),
    )


def _starts(place: Place, url: str) -> Figures:
    with emptied(url), ours(url, 1, place.folder):
        app = App(url, modules=[flows.__name__])
        took = list[float]()
        for _ in range(place.sizes.starts):
            time.sleep(PAUSE)
            since = time.monotonic()
            app.start(flows.chain(1)).result("10s")
            took.append(time.monotonic() - since)
        app.close()
    return milliseconds(took)


def _bounces(place: Place, url: str) -> Figures:
    took = list[float]()
    with emptied(url) as client, _bouncing(place, url):
        for _ in range(place.sizes.starts + 1):
            time.sleep(PAUSE)
            since = time.monotonic()
            client.rpush("here", b"x")
            client.blpop(["there"], 10)
            took.append(time.monotonic() - since)
    return milliseconds(took[1:])


@contextmanager
def _bouncing(place: Place, url: str) -> Iterator[None]:
    with running([[sys.executable, "-c", BOUNCE, url]], place.folder):
        yield


def _jobs(place: Place, url: str) -> Figures:
    took = list[float]()
    with emptied(url) as client, rq_workers(url, BARE, 1, place.folder, *JSON, *SIMPLE):
        queue = bare_queue(client)
        for number in range(place.sizes.starts + 1):
            time.sleep(PAUSE)
            since = time.monotonic()
            queue.enqueue(bare.job, number).latest_result(timeout=10)
            took.append(time.monotonic() - since)
    return milliseconds(took[1:])


STARTS = Row(
    "starts",
    "Idle: from the start of a run of one step to its result in the caller's hand",
    open_starts,
    ("p50 ms", "p99 ms"),
    (Bar("start to result on Redis, p50, ms", "p50 ms", ON_REDIS, at_most=2),),
)


def open_inside(place: Place, stack: ExitStack) -> Sequence[Side]:
    url = stack.enter_context(valkey())
    return (
        Side("yieldflow on Redis", NONE, partial(_inside, place, url)),
        Side("yieldflow on SQLite", WAL, partial(_inside_file, place)),
        Side("yieldflow in memory", KEEPS_NOTHING, partial(_inside_here, place, "memory:")),
        *rivals(place, stack, "inside"),
    )


def _inside(place: Place, url: str) -> Figures:
    with emptied(url), ours(url, 1, place.folder):
        app = App(url, modules=[flows.__name__])
        times = app.start(flows.stamped(place.sizes.inside)).result("60s")
        app.close()
    return _gaps(times)


def _inside_file(place: Place) -> Figures:
    with fresh_file(place) as url:
        return _inside_here(place, url)


def _inside_here(place: Place, url: str) -> Figures:
    app = App(url)
    app.run(flows.chain(20))
    times = app.run(flows.stamped(place.sizes.inside))
    app.close()
    return _gaps(times)


def _gaps(times: Sequence[float]) -> Figures:
    return milliseconds([after - before for before, after in pairwise(times)])


INSIDE = Row(
    "inside",
    "One step in a run of 1,000, alone: from one body to the next",
    open_inside,
    ("p50 ms", "p99 ms"),
    (
        Bar("one step on Redis, p50, ms", "p50 ms", "yieldflow on Redis", at_most=0.25),
        Bar("one step on SQLite, p50, ms", "p50 ms", "yieldflow on SQLite", at_most=0.1),
    ),
)
