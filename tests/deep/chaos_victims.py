"""The processes of a chaos round that are killed: workers of every kind, timer services, `rq` itself.

Their store passes everything on, and writes down what it was asked and what it said.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache
from threading import Event as Flag
from typing import Any

import redis
import rq.utils
from rq import Queue, SimpleWorker, get_current_job
from rq import Worker as ForkWorker
from rq.cli.cli import main
from rq.serializers import JSONSerializer

from tests.deep import chaos_flows
from tests.deep.chaos_witness import ME, note, now
from yieldflow import App
from yieldflow.codec.packing import unpack
from yieldflow.core.events import AttemptFailed, CommandResolved
from yieldflow.core.outcome import Err, Ok
from yieldflow.core.path import show
from yieldflow.ports import Commit, Done, Granted, Heard, Log, Look, Reply, Store
from yieldflow.rq import Worker
from yieldflow.rq.job import look
from yieldflow.rq.queue import RqQueue
from yieldflow.runtime import Runtime

TEND_RUN = f"{__name__}.tend_run"
KINDS = {"ours": Worker, "fork": ForkWorker, "simple": SimpleWorker}
assert chaos_flows  # imported once, not by each worker or horse


class WitnessedStore:
    """*store*, with a journal."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def claim(self, run_id: str, queues: Sequence[str], worker: str, tokens: Sequence[str]) -> Granted:
        asked = now()
        granted = self.store.claim(run_id, queues, worker, tokens)
        for grant in granted.grants:
            ME.claimed[run_id, show(grant.claim.path)] = asked
        return granted

    def commit(self, commits: Sequence[Commit]) -> tuple[Reply, ...]:
        replies, _ = self.begin(commits, ())()
        return replies

    def begin(self, commits: Sequence[Commit], looks: Sequence[Look]) -> Callable[[], Heard]:
        for commit in commits:
            for claim in commit.claim:
                ME.claimed[commit.run_id, show(claim.path)] = now()
        heard = self.store.begin(commits, looks)
        return lambda: self._heard(commits, *heard())

    def _heard(self, commits: Sequence[Commit], replies: tuple[Reply, ...], logs: tuple[Log | None, ...]) -> Heard:
        for commit, reply in zip(commits, replies, strict=True):
            what = "acked" if isinstance(reply, Done) else "refused"
            for event in map(unpack, commit.events):
                if isinstance(event, CommandResolved | AttemptFailed) and (nonce := nonce_of(event)):
                    note(what, commit.run_id, show(event.path), nonce)
        return replies, logs


def nonce_of(event: CommandResolved | AttemptFailed) -> str | None:
    """The body that a report is of."""
    match event:
        case CommandResolved(outcome=Ok(value), attempt=attempt) if attempt > 0:
            return value.decode().split('"')[1]
        case CommandResolved(outcome=Err(failure)) | AttemptFailed(failure=failure, reason="raised"):
            return failure.message
        case _:
            return None


# --- workers ------------------------------------------------------------------------------------------------------


def serve(kind: str, url: str, queues: list[str], skew: float, witnessed: bool) -> None:
    """Work until stopped. *skew*: seconds that the clock of this process is off."""
    ME.worker = os.getpid()
    if skew:
        skew_clocks(skew)
    note("up", path=",".join(queues))
    connection = redis.Redis.from_url(url)
    lists = [Queue(name, connection=connection, serializer=JSONSerializer) for name in queues]
    worker = KINDS[kind](lists, connection=connection, serializer=JSONSerializer)
    if isinstance(worker, Worker):
        worker.runtime = serving(connection, tuple(queues), RqQueue(connection), witnessed=witnessed)
    worker.work(logging_level="WARNING")


def tend_run(run_id: str) -> None:
    """`yieldflow.rq.job.tend_run`, for a stock worker."""
    job = get_current_job()
    assert job is not None
    look(job, runtime_of(job.connection, job.origin, os.getpid()), run_id)


@cache
def runtime_of(connection: redis.Redis, queue: str, pid: int) -> Runtime:  # not across a fork
    return serving(connection, (queue,), RqQueue(connection, TEND_RUN), witnessed=True)


def serving(connection: redis.Redis, queues: tuple[str, ...], hints: RqQueue, *, witnessed: bool) -> Runtime:
    app = App.on(connection)
    app.hints = hints
    if witnessed:
        app.store = WitnessedStore(app.store)
    return app.serving(queues)


def ring(url: str, skew: float) -> None:
    """A timer service for stock workers."""
    if skew:
        skew_clocks(skew)
    app = App(url)
    app.hints = RqQueue(app.client, TEND_RUN)
    app.serving(()).ring(Flag(), app.room)


def rq_says(*words: str) -> None:
    main(list(words), standalone_mode=False)


def skew_clocks(seconds: float) -> None:
    """All but the monotonic ones, of this process; of RQ's too."""
    true_time, true_now = time.time, rq.utils.now
    time.time = lambda: true_time() + seconds
    time.time_ns = lambda: int((true_time() + seconds) * 1e9)
    for name, module in list(sys.modules.items()):
        if name.startswith("rq.") and getattr(module, "now", None) is true_now:
            module.now = lambda: true_now() + timedelta(seconds=seconds)  # type: ignore[attr-defined]  # it has one
