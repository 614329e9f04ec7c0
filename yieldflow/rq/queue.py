"""Hints as RQ jobs: "look, first at this run", for any RQ worker of that queue.

A hint carries a run id and nothing else. No result, retry, dependency or schedule of RQ is relied on:
a hint that is lost or doubled costs time, never a step.
"""

from __future__ import annotations

from secrets import token_hex

import redis
from rq import Queue
from rq.queue import EnqueueData
from rq.serializers import JSONSerializer

from yieldflow.stores.redis.server import replies

HINT_IDS = "yieldflow-"  # how the ids of hints begin
TEND_RUN = "yieldflow.rq.job.tend_run"
FULL = 1_000  # hints in a queue; more would help nobody, and the alarms stay due
NO_TIMEOUT = -1  # leases and deadlines bound the work; RQ's alarm would hit between commit and return
FAILURE_SECONDS = 86_400  # a failed hint is kept for people to look at, for a day


class RqQueue:
    """The port `Queue`. *function* is what a job calls, by its import path, with the run id."""

    def __init__(self, connection: redis.Redis, function: str = TEND_RUN) -> None:
        self._connection = connection
        self._function = function

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:
        """Leave *count* hints, in one round trip. `ReplyLost`: they may or may not lie there."""
        if count < 1:
            return
        with replies(), self._connection.pipeline(transaction=True) as pipe:
            self._queue(queue).enqueue_many([self._hint(run_id) for _ in range(count)], pipeline=pipe)
            pipe.execute()

    def _hint(self, run_id: str) -> EnqueueData:
        return Queue.prepare_data(
            self._function,
            (run_id,),
            timeout=NO_TIMEOUT,
            result_ttl=0,
            ttl=None,
            failure_ttl=FAILURE_SECONDS,
            description=f"look at run {run_id}",
            job_id=f"{HINT_IDS}{token_hex(8)}",
        )

    def room(self, queue: str) -> int:
        """How many hints the queue takes before it is full; for the alarm service, which rings no further then."""
        with replies():
            return max(0, FULL - self._queue(queue).count)

    def _queue(self, name: str) -> Queue:
        return Queue(name, connection=self._connection, serializer=JSONSerializer)
