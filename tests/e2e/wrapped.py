"""A store and a queue that pass everything on, and kill their own process at the places of its `STOPS`.

And what brings them into a process: a worker class for RQ, a job for stock workers, a script for `app.run`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import redis
from rq import get_current_job

from tests.e2e import families, flows
from tests.e2e.journal import note, reach
from yieldflow import App, Duration
from yieldflow.codec.packing import unpack
from yieldflow.core.events import AttemptFailed, CommandResolved
from yieldflow.core.path import show
from yieldflow.ports import Commit, Done, Due, Granted, Head, Heard, Holding, Log, Look, Mark, Queue, Reply, Store
from yieldflow.rq import Worker
from yieldflow.rq.job import look
from yieldflow.rq.queue import RqQueue
from yieldflow.runtime import Runtime

TEND_RUN = f"{__name__}.tend_run"


class FatalStore:
    """*store*, whose reports are in the journal once they are acknowledged."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def read(self, run_id: str, after: Mark | None = None, *, replaying: Sequence[str] | None = ()) -> Log | None:
        log = self.store.read(run_id, after, replaying=replaying)
        if log is not None and len(log.events) > 3:
            reach("in a replay")
        return log

    def read_each(self, looks: Sequence[Look]) -> tuple[Log | None, ...]:
        _, logs = self.begin((), looks)()
        return logs

    def claim(self, run_id: str, queues: Sequence[str], worker: str, tokens: Sequence[str]) -> Granted:
        granted = self.store.claim(run_id, queues, worker, tokens)
        if granted.grants:
            reach("between claim and body")
        return granted

    def commit(self, commits: Sequence[Commit]) -> tuple[Reply, ...]:
        replies, _ = self.begin(commits, ())()
        return replies

    def begin(self, commits: Sequence[Commit], looks: Sequence[Look]) -> Callable[[], Heard]:
        if any(reported(commit) for commit in commits):
            reach("between body and report")
        heard = self.store.begin(commits, looks)
        return lambda: self._heard(commits, *heard())

    def _heard(self, commits: Sequence[Commit], replies: tuple[Reply, ...], logs: tuple[Log | None, ...]) -> Heard:
        for commit, reply in zip(commits, replies, strict=True):
            if isinstance(reply, Done):
                committed(commit, reply)
        for log in logs:
            if log is not None and len(log.events) > 3:
                reach("in a replay")
        return replies, logs


def committed(commit: Commit, reply: Done) -> None:
    for event in reported(commit):
        what = "resolved" if isinstance(event, CommandResolved) else "failed"
        note(what, show(event.path), run_id=commit.run_id, attempt=event.attempt)
    if commit.on == Head(None):
        reach("after the start")
        note("started", run_id=commit.run_id)
    if isinstance(commit.on, Holding) and not reported(commit) and commit.events:
        reach("after a report of a child")
    if reported(commit):
        reach("after a report")
    if reply.claimed:
        reach("between claim and body")
    if len(commit.put) > len(reply.claimed):
        reach("between commit and hint")


def reported(commit: Commit) -> list[CommandResolved | AttemptFailed]:
    """The ends of attempts whose bodies have run."""
    found = []
    for data in commit.events:
        match unpack(data):
            case CommandResolved(attempt=attempt) as event if attempt > 0:
                found.append(event)
            case AttemptFailed(reason="raised") as event:
                found.append(event)
            case _:
                pass
    return found


class FatalQueue:
    def __init__(self, queue: Queue) -> None:
        self.queue = queue

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:
        reach("before a hint")
        self.queue.offer(run_id, queue, count)
        reach("after a hint")

    def offer_each(self, runs: Sequence[Due]) -> None:
        reach("before a hint")
        self.queue.offer_each(runs)
        reach("after a hint")


# --- how they come into a process -------------------------------------------------------------------------------


class FatalWorker(Worker):
    """`rq worker -w tests.e2e.wrapped.FatalWorker`."""

    def work(self, **options: Any) -> bool:
        note("up")
        self.runtime = serving(self.connection, tuple(self.queue_names()), RqQueue(self.connection))
        return super().work(**options)


def tend_run(run_id: str) -> None:
    """`yieldflow.rq.job.tend_run`, for a stock worker."""
    job = get_current_job()
    look(job, runtime_of(job.connection, job.origin, os.getpid()), run_id)


@cache
def runtime_of(connection: redis.Redis, queue: str, pid: int) -> Runtime:
    note("up")
    return serving(connection, (queue,), RqQueue(connection, TEND_RUN))


def serving(connection: redis.Redis, queues: tuple[str, ...], hints: RqQueue) -> Runtime:
    app = App.on(connection)
    app.store, app.hints = FatalStore(app.store), FatalQueue(hints)
    return app.serving(queues)


def run_here(url: str, run_id: str, workflow: str, *args: Any, lease: Duration = "10s") -> None:
    """Start a run or go on with it, print its result, and say goodbye as a script does."""
    app = App(url, lease=lease)
    app.store = FatalStore(app.store)
    note("up")
    print(
        json.dumps(app.run(getattr(families, workflow, getattr(flows, workflow, None))(*args), run_id=run_id)),
        flush=True,
    )
    note("done")


if __name__ == "__main__":
    run_here(*sys.argv[1:4], *json.loads(sys.argv[4]))
