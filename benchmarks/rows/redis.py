"""What the rows on Redis share: an empty server for each measurement, and jobs of bare RQ."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from benchmarks import bare
from benchmarks.workers import rq_workers, until

NONE = "Redis, no persistence"
AOF = "Redis, AOF everysec"
RQ_VERSION = f"rq {version('rq')}"
BARE = "bare"
JSON = ("-S", "json")


@contextmanager
def emptied(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as client:
        client.flushall()
        yield client


def bare_jobs(url: str, workers: int, count: int, folder: Path, *options: str) -> float:
    """Jobs a second, from the first that is queued to the last that has ended."""
    with emptied(url) as client, rq_workers(url, BARE, workers, folder, *JSON, *options):
        queue = bare_queue(client)
        _carry_out(queue, 4)
        return count / _carry_out(queue, count)


def bare_queue(client: redis.Redis) -> Queue:
    return Queue(BARE, connection=client, serializer=JSONSerializer)


def _carry_out(queue: Queue, count: int) -> float:
    ended = queue.finished_job_registry
    queue.connection.delete(ended.key)
    since = time.monotonic()
    queue.enqueue_many([Queue.prepare_data(bare.job, (number,)) for number in range(count)])
    until(lambda: queue.connection.zcard(ended.key) >= count, 300, f"{count} jobs")
    return time.monotonic() - since
