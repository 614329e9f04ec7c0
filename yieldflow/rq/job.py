"""The job that every hint is: "look, first at this run". Correct under any RQ worker, however often it runs."""

from __future__ import annotations

import os
from functools import cache

import redis
from rq import get_current_job

from yieldflow.app import App
from yieldflow.runtime import Runtime


def tend_run(run_id: str) -> None:
    """Tend *run_id*, then whatever is due on the queue that the hint lay in, until the time slice is over.

    The store is the Redis that the job came from; modules and prefix come from the environment or pyproject.toml.
    """
    job = get_current_job()
    if job is None:
        raise RuntimeError("tend_run is a job for an RQ worker; to work on runs here use App.run or App.worker")
    runtime_of(job.connection, (job.origin,), os.getpid()).work_on(run_id)


@cache
def runtime_of(connection: redis.Redis, queues: tuple[str, ...], pid: int) -> Runtime:  # noqa: ARG001 - not across a fork
    """One runtime a process, so that executions stay in memory between jobs where the worker does not fork."""
    return App.on(connection).serving(queues)
