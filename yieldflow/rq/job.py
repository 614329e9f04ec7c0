"""The job that every hint is: "look, first at this run". Correct under any RQ worker, however often it runs."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from functools import cache

import redis
from rq import Queue, get_current_job
from rq.job import Job

from yieldflow.app import App
from yieldflow.core.chain import expect_possible
from yieldflow.errors import UnknownRun
from yieldflow.rq.inbox import Inbox
from yieldflow.rq.signals import quiet_signals
from yieldflow.runtime import Runtime


def tend_run(run_id: str) -> None:
    """Tend *run_id*, with what else is to be looked at on the queue that the hint lay in, until the time slice is over.

    The store is the Redis that the job came from; modules and prefix come from the environment or pyproject.toml.
    """
    job = get_current_job()
    if job is None:
        raise RuntimeError("tend_run is a job for an RQ worker; to work on runs here use App.run or App.worker")
    look(job, runtime_of(job.connection, (job.origin,), os.getpid()), run_id)


def look(job: Job, runtime: Runtime, run_id: str) -> None:
    """What a job does with the runtime of its process; one that anybody may have left does nothing."""
    with suppress(UnknownRun), quiet_signals():
        expect_possible(run_id)
        _look(job, runtime, run_id)


def _look(job: Job, runtime: Runtime, run_id: str) -> None:
    queue = Queue(job.origin, connection=job.connection)
    inbox, first = Inbox(job.connection, [queue.name], [queue.key], runtime.hints or runtime.pool), [run_id]

    def more(most: int, here: Collection[str]) -> list[str]:
        hints = inbox.take(most, here, "job", first.pop() if first else "")
        return [hint.run_id for hint in hints if hint.run_id is not None]

    runtime.work_on(run_id, more)


@cache
def runtime_of(connection: redis.Redis, queues: tuple[str, ...], pid: int) -> Runtime:  # noqa: ARG001 - not across a fork
    """One runtime a process, so that executions stay in memory between jobs where the worker does not fork."""
    return App.on(connection).serving(queues)
