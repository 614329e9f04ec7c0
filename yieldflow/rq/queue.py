"""Hints: which runs somebody should look at, and what wakes those who look: a job for RQ's workers, a bell for ours.

A run is noted once, however often it is offered. A job is left only where none lies already: whoever takes some of the
noted runs and leaves others wakes the next worker. No result, retry, dependency or schedule of RQ is relied on: a hint
that is lost or doubled costs time, never a step.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from secrets import token_hex

import redis
from attrs import define, field
from redis.commands.core import Script
from rq import Queue
from rq.job import JobStatus
from rq.serializers import JSONSerializer
from rq.utils import now, utcformat

from yieldflow.ports import Due
from yieldflow.stores.redis.server import replies

HINT_IDS = "yieldflow-"  # how the ids of the jobs begin
TEND_RUN = "yieldflow.rq.job.tend_run"
FULL = 20_000  # runs noted for a queue by alarms; those of more are put off
MOST_JOBS = 16  # that lie in a queue at a time
NO_TIMEOUT = -1  # leases and deadlines bound the work; RQ's alarm would hit between commit and return
FAILURE_SECONDS = 86_400  # a job that failed is kept for people to look at, for a day

_OFFER = """
local noted, jobs, bell = KEYS[1], KEYS[2], KEYS[4]
local hint, most, ids, fields = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local time = redis.call('TIME')
for index = 5 + fields, #ARGV do
  redis.call('ZADD', noted, 'NX', time[1] * 1000000 + time[2], ARGV[index])
end
for _ = redis.call('LLEN', bell) + 1, most do redis.call('RPUSH', bell, '') end
for _, id in ipairs(redis.call('LRANGE', jobs, -most, -1)) do
  if string.sub(id, 1, #hint) == hint then most = most - 1 end
end
if most > 0 then redis.call('SADD', KEYS[3], jobs) end
for number = 1, most do
  local id = hint .. ids .. number
  redis.call('HSET', 'rq:job:' .. id, unpack(ARGV, 5, 4 + fields))
  redis.call('RPUSH', jobs, id)
end
"""


def noted_in(queue: str) -> str:
    """The key of the runs that are to be looked at, by the time when they were noted first."""
    return f"yieldflow:look:{queue}"


def bell_of(queue: str) -> str:
    """The key of a list from which an idle worker of ours takes what wakes it: one worker for each hint, not all."""
    return f"yieldflow:bell:{queue}"


@define(eq=False)
class RqQueue:
    """The port `Queue`. *function* is what a job calls, by its import path, with a run id."""

    _connection: redis.Redis
    _function: str = TEND_RUN
    _script: Script = field(init=False)
    _jobs: dict[str, dict[str, str | bytes]] = field(factory=dict, init=False)  # a job of each queue, as RQ makes it

    def __attrs_post_init__(self) -> None:
        self._script = self._connection.register_script(_OFFER)

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:
        """In one round trip. `ReplyLost`: it may or may not be noted."""
        if count > 0:
            self._note(queue, [run_id], min(count, MOST_JOBS))

    def offer_each(self, runs: Sequence[Due]) -> None:
        """In one round trip a queue. `ReplyLost`: they may or may not be noted."""
        for queue in dict.fromkeys(run.queue for run in runs):
            self._note(queue, [run.run_id for run in runs if run.queue == queue], 1)

    def room(self, queue: str) -> int:
        """How many runs may be noted before the queue is full; for the alarm service, which rings no further then."""
        with replies():
            return max(0, FULL - int(self._connection.zcard(noted_in(queue))))

    def _note(self, queue: str, run_ids: Sequence[str], count: int) -> None:
        keys = [noted_in(queue), Queue.redis_queue_namespace_prefix + queue, Queue.redis_queues_keys, bell_of(queue)]
        fields = [word for item in self._job(queue, run_ids[0]).items() for word in item]
        with replies():
            self._script(keys, [HINT_IDS, count, token_hex(8), len(fields), *fields, *run_ids])

    def _job(self, queue: str, run_id: str) -> dict[str, str | bytes]:
        """The fields of a job that says "look, first at this run"."""
        made = self._jobs.get(queue)
        if made is None:
            made = self._jobs[queue] = self._made(queue)
        at = utcformat(now())
        data = zlib.compress(json.dumps([self._function, None, [run_id], {}]).encode())
        return {
            **made,
            "data": data,
            "description": f"look at run {run_id}",
            "created_at": at,
            "enqueued_at": at,
            "run": run_id,  # RQ passes over it; whoever takes hints by the dozen need not unpack the data
        }

    def _made(self, queue: str) -> dict[str, str | bytes]:
        """By RQ, for its fields may change with its versions."""
        job = Queue(queue, connection=self._connection, serializer=JSONSerializer).create_job(
            self._function,
            ("",),
            timeout=NO_TIMEOUT,
            result_ttl=0,
            ttl=None,
            failure_ttl=FAILURE_SECONDS,
            description="",
            status=JobStatus.QUEUED,
        )
        return {**job.to_dict(), "status": JobStatus.QUEUED.value}
