"""Which workers there are, what is noted for them, and which jobs failed: read from RQ's keys, and nothing changed.

No job is ever unpacked: who can write to the server could have put anything there.
"""

from __future__ import annotations

import zlib
from base64 import b64decode
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import redis
from attrs import frozen
from rq import Queue
from rq.registry import FailedJobRegistry

from yieldflow.core.times import Millis, instant
from yieldflow.presence import Backlog, Failures, Member, unpacked
from yieldflow.rq.queue import HINT_IDS, noted_in
from yieldflow.stores.redis.server import replies

PRESENCE = "yieldflow"  # the field of RQ's record of a worker in which ours say what they know
MOST_WORKERS = 2_000
MOST_JOBS = 1_000  # that failed, a queue
_FIELDS = ("queues", "death", "hostname", "pid", PRESENCE, "birth", "last_heartbeat")
_LONGEST_REASON = 1 << 20  # bytes


@frozen
class Fleet:
    client: redis.Redis

    def members(self) -> list[Member]:
        """Those that live: RQ forgets one that is silent for eight minutes, and ours are known to be silent before."""
        with replies(), self.client.pipeline(transaction=False) as pipe:
            keys: list[Any] = sorted(self.client.smembers("rq:workers"))[:MOST_WORKERS]
            pipe.time()
            for key in keys:
                pipe.hmget(key, *_FIELDS)
            (seconds, micros), *told = pipe.execute()
        found = [_member(key, *fields) for key, fields in zip(keys, told, strict=True) if fields[0] and not fields[1]]
        return [member for member in found if member.heard_of(seconds * 1_000 + micros // 1_000)]

    def backlogs(self, queues: Sequence[str]) -> list[Backlog]:
        """What lies in each of them to be looked at; in one round trip."""
        with replies(), self.client.pipeline(transaction=False) as pipe:
            for queue in queues:
                pipe.zcard(noted_in(queue))
                pipe.zrange(noted_in(queue), 0, 0, withscores=True)
            told = pipe.execute()
        found = zip(queues, told[::2], told[1::2], strict=True)
        return [Backlog(queue, hints, int(first[0][1]) // 1_000 if first else None) for queue, hints, first in found]

    def queues(self) -> list[str]:
        """All in which anybody has ever left a job, of yieldflow or not."""
        with replies():
            names: Any = self.client.smembers(Queue.redis_queues_keys)
            keys = [name.decode(errors="replace") for name in names]
            return sorted(key.removeprefix(Queue.redis_queue_namespace_prefix) for key in keys)

    def noted(self, queue: str, longer_than: Millis) -> list[str]:
        """Runs that have been noted for so long, oldest first."""
        with replies():
            seconds, micros = self.client.time()
            latest = seconds * 1_000_000 + micros - longer_than * 1_000
            runs: Any = self.client.zrangebyscore(noted_in(queue), "-inf", latest)
            return [run.decode(errors="replace") for run in runs]

    def is_noted(self, queue: str, run_ids: Sequence[str]) -> list[bool]:
        with replies(), self.client.pipeline(transaction=False) as pipe:
            for run_id in run_ids:
                pipe.zscore(noted_in(queue), run_id)
            return [score is not None for score in pipe.execute()]

    def forget(self, queue: str, run_ids: Collection[str]) -> None:
        with replies():
            if run_ids:
                self.client.zrem(noted_in(queue), *run_ids)

    def failures(self, queue: str) -> Failures:
        with replies():
            registry = FailedJobRegistry(queue=Queue(queue, connection=self.client))
            newest: Any = self.client.zrevrange(registry.key, 0, MOST_JOBS - 1)
            jobs = [job.decode(errors="replace") for job in newest]
            hints = [job for job in jobs if job.startswith(HINT_IDS)]
            return Failures(queue, len(hints), len(jobs) - len(hints), self._reason(hints[0]) if hints else "")

    def _reason(self, job: str) -> str:
        """The last line of what a job left, without a job being built of it."""
        newest: Any = self.client.xrevrange(f"rq:results:{job}", count=1)
        text = newest[0][1].get(b"exc_string", b"") if newest else b""
        return _last_line(text)


def _member(
    key: bytes, queues: bytes, _death: Any, host: Any, pid: Any, told: bytes | None, birth: Any, heard: Any
) -> Member:
    place = ":".join(part.decode(errors="replace") for part in (host, pid) if part)
    names = tuple(name for name in queues.decode(errors="replace").split(",") if name)
    name = key.decode(errors="replace").removeprefix("rq:worker:")
    said = None if told is None else unpacked(told)
    return Member(name, names, place, said, _instant(birth), _instant(heard))


def _instant(written: bytes | None) -> Millis | None:
    """As RQ writes them; another version of it may write otherwise."""
    try:
        return None if written is None else instant(datetime.fromisoformat(written.decode()).replace(tzinfo=UTC))
    except ValueError:
        return None


def _last_line(packed: bytes) -> str:
    try:
        text = zlib.decompressobj().decompress(b64decode(packed), _LONGEST_REASON)
    except (ValueError, zlib.error):
        return ""
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
