"""`Worker`: the fast path. It does not fork, keeps executions in memory and pays two round trips a hint.

What it promises is what any RQ worker under `yieldflow.rq.job` does. `rq info` shows it. It carries out hints and
nothing else: a job of another kind is not unpacked, imported or called, and goes to RQ's failed jobs.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from threading import Event as Flag
from threading import Thread
from types import FrameType
from typing import Any

import redis
from rq import SimpleWorker

from yieldflow.group import Group
from yieldflow.ports import Filter
from yieldflow.presence import presence
from yieldflow.rq.fleet import PRESENCE
from yieldflow.rq.inbox import Hint, Inbox
from yieldflow.rq.job import runtime_of
from yieldflow.rq.queue import RqQueue
from yieldflow.rq.refusing import refuse
from yieldflow.runtime import Runtime

_LOG = logging.getLogger("yieldflow.worker")
_BEAT = 15.0  # seconds between signs of life in `rq info`
_BLOCKED = 1_000  # runs that a new deploy may have mended
_LOOK = 0.01  # seconds between two looks for hints while runs are under way


class Worker(SimpleWorker):
    """`rq worker -w yieldflow.rq.Worker`, or `yieldflow worker`. *alarms*: be a timer service, too."""

    alarms = True
    runtime: Runtime | None = None  # None: by the environment, as for a stock worker

    def work(  # type: ignore[override]  # RQ's other options change between its minor versions
        self, burst: bool = False, max_jobs: int | None = None, **_: Any
    ) -> bool:
        """Take hints until stopped (SIGTERM, SIGINT), or with *burst* until there are none."""
        self._stop = Flag()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)
        runtime = self.runtime or runtime_of(self.connection, tuple(self.queue_names()), os.getpid())
        self.register_birth()  # type: ignore[no-untyped-call]  # RQ's
        self._say_what_is_known(runtime)
        self._serve(runtime)
        group, done = runtime.group(self._stop.is_set), 0
        inbox = Inbox(self.connection, self.queue_names(), list(self.queue_keys()), runtime.hints or runtime.pool)
        try:
            for hints in self._rounds(group, inbox, burst):
                for hint in hints:
                    if hint.run_id is None:
                        self._refuse(hint)
                group.add(hint.run_id for hint in hints if hint.run_id is not None)
                done += len(hints)
                if max_jobs is not None and done >= max_jobs:
                    break
                group.round()
            while len(group):
                group.round()
        finally:
            self._stop.set()
            group.close()
            with suppress(redis.RedisError):
                inbox.close()
                self.register_death()  # type: ignore[no-untyped-call]  # RQ's
        return done > 0

    def _rounds(self, group: Group, inbox: Inbox, burst: bool) -> Iterator[list[Hint]]:
        """The hints to begin each round with. While runs are under way nobody waits for one: there is a look when there
        is space again, and now and then.
        """
        under_way = 0
        while not self._stop.is_set():
            ended, under_way = len(group) < under_way, len(group)
            pressing = ended and group.has_space
            if under_way and (group.room < 1 or (not pressing and inbox.looked_within(_LOOK))):
                yield []
                continue
            try:
                here = group.run_ids
                hints = inbox.take(max(1, group.room), here, "busy" if here else "idle")
                if not hints and not under_way:
                    if burst:
                        return
                    inbox.wait()
                    continue
            except redis.RedisError as error:
                _LOG.warning("no hints for now: %s", error)
                self._stop.wait(0 if under_way else 1.0)
                hints = []
            yield hints
            under_way = len(group)

    # --- how it is done ---------------------------------------------------------------------------------------

    def _refuse(self, hint: Hint) -> None:
        assert hint.job_id is not None
        try:
            refuse(self.connection, hint.queue, hint.job_id, self.name)
        except redis.RedisError as error:  # its keys are something else: there is nothing to mark
            _LOG.warning("job %s of queue %s is refused, and cannot be marked so: %s", hint.job_id, hint.queue, error)

    def _serve(self, runtime: Runtime) -> None:
        queue = RqQueue(self.connection)
        Thread(target=self._live, args=(runtime,), name="yieldflow sign of life", daemon=True).start()
        if self.alarms:
            Thread(target=runtime.ring, args=(self._stop, queue.room), name="yieldflow alarms", daemon=True).start()
        for run in runtime.store.find(Filter(status="blocked", limit=_BLOCKED)).runs:
            if run.queue in self.queue_names():
                queue.offer(run.run_id, run.queue)

    def _live(self, runtime: Runtime) -> None:
        while not self._stop.wait(_BEAT):
            with suppress(redis.RedisError):
                self.heartbeat()
                self._say_what_is_known(runtime)

    def _say_what_is_known(self, runtime: Runtime) -> None:
        """In RQ's record of this worker, with which it expires: why a run is not worked on can then be told."""
        workflows, steps = runtime.registry.names
        seconds, micros = self.connection.time()
        at = seconds * 1_000 + micros // 1_000
        said = presence(at, workflows, steps, rings=self.alarms, stuck=runtime.pool.stuck)
        self.connection.hset(self.key, PRESENCE, said.packed())

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's
        """Once: finish the body that runs, take nothing new. Twice: stop at once, and give it back."""
        if self._stop.is_set():
            raise KeyboardInterrupt
        _LOG.warning("stopping: the body that runs may end")
        self._stop.set()
