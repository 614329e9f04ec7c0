"""A job that is no hint of ours is not carried out: it goes to RQ's failed jobs, with a sentence that says why.

Nothing of it is unpacked or looked up; only its status and its place are written, as RQ writes those of a failed job.
"""

from __future__ import annotations

import time

import redis
from rq import Queue
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry
from rq.results import Result
from rq.serializers import JSONSerializer

from yieldflow.rq.queue import FAILURE_SECONDS

REFUSED = (
    "A yieldflow worker carries out yieldflow's own jobs only, and has not called this one: "
    "give it a queue of its own, with a stock `rq worker`."
)


def refuse(connection: redis.Redis, queue: str, job_id: str, worker: str) -> None:
    """Raises `redis.RedisError`. A job whose hash is gone, or whose id RQ never made, is forgotten."""
    try:
        job = Job(id=job_id, connection=connection, serializer=JSONSerializer)
    except ValueError:
        return
    if not connection.exists(job.key):
        return
    registry = FailedJobRegistry(queue=Queue(queue, connection=connection, serializer=JSONSerializer))
    with connection.pipeline() as pipe:
        pipe.hset(job.key, mapping={"status": JobStatus.FAILED.value, "origin": queue, "worker_name": worker})
        pipe.expire(job.key, FAILURE_SECONDS)
        pipe.zadd(registry.key, {job_id: int(time.time()) + FAILURE_SECONDS})
        Result.create_failure(job, FAILURE_SECONDS, exc_string=REFUSED, worker_name=worker, pipeline=pipe)
        pipe.execute()
