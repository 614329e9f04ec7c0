"""`Worker`: the fast path. It does not fork, keeps executions in memory and pays two round trips a hint.

What it promises is what any RQ worker under `yieldflow.rq.job` does. `rq info` shows it, and a job of another
kind that lies in its queues is carried out as RQ's SimpleWorker would.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import zlib
from collections.abc import Iterator
from contextlib import suppress
from threading import Event as Flag
from threading import Thread
from types import FrameType
from typing import Any

import redis
from attrs import frozen
from rq import Queue, SimpleWorker
from rq.exceptions import NoSuchJobError
from rq.job import Job

from yieldflow.errors import StoreError
from yieldflow.ports import Filter
from yieldflow.rq.job import runtime_of
from yieldflow.rq.queue import TEND_RUN, RqQueue
from yieldflow.runtime import Runtime

_LOG = logging.getLogger("yieldflow.worker")
_BEAT = 15.0  # seconds between signs of life in `rq info`
_LONGEST_HINT = 10_000  # bytes; a hint carries a run id
_BLOCKED = 1_000  # runs that a new deploy may have mended

_POP = """
if ARGV[1] ~= '' then redis.call('DEL', ARGV[1]) end
for number, key in ipairs(KEYS) do
  local id = redis.call('LPOP', key)
  if id then return {number, id, redis.call('HGET', 'rq:job:' .. id, 'data')} end
end
return false
"""


@frozen
class Hint:
    job_id: str
    queue: str
    run_id: str | None  # None: a job of another kind


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
        self._serve(runtime)
        done = 0
        try:
            for hint in self.hints(burst):
                self._take(hint, runtime)
                done += 1
                if max_jobs is not None and done >= max_jobs:
                    break
        finally:
            self._stop.set()
            with suppress(redis.RedisError):
                self.register_death()  # type: ignore[no-untyped-call]  # RQ's
        return done > 0

    def hints(self, burst: bool) -> Iterator[Hint]:
        """One after the other, as they come; the next request deletes the job of the one before."""
        pop, keys, acknowledged = self.connection.register_script(_POP), list(self.queue_keys()), ""
        while not self._stop.is_set():
            try:
                found = pop(keys=keys, args=[acknowledged])
                acknowledged = ""
                if found is None and burst:
                    return
                if found is None:
                    self._await(keys)
                    continue
            except redis.RedisError as error:
                _LOG.warning("no hints for now: %s", error)
                self._stop.wait(1.0)
                continue
            hint = Hint(found[1].decode(errors="replace"), self.queue_names()[found[0] - 1], _run_id(found[2]))
            acknowledged = "" if hint.run_id is None else f"rq:job:{hint.job_id}"
            yield hint
        if acknowledged:
            self.connection.delete(acknowledged)

    # --- how it is done ---------------------------------------------------------------------------------------

    def _take(self, hint: Hint, runtime: Runtime) -> None:
        try:
            if hint.run_id is None:
                self._execute(hint)
            else:
                runtime.work_on(hint.run_id, self._stop.is_set)
        except StoreError as error:
            _LOG.warning("run %s is left for later: %s", hint.run_id, error)
        except Exception:  # noqa: BLE001 - the loop of a service: one run must not stop the others
            _LOG.exception("%s is left for later", hint)

    def _execute(self, hint: Hint) -> None:
        """A job of another kind, as RQ would; one whose hash is gone, or whose id RQ never made, is nothing to do."""
        try:
            job = Job.fetch(hint.job_id, connection=self.connection, serializer=self.serializer)
        except (NoSuchJobError, ValueError):
            return
        self.execute_job(job, Queue(hint.queue, connection=self.connection, serializer=self.serializer))

    def _await(self, keys: list[str]) -> None:
        """Wake when a hint lies in the first queue, without taking it; look at the others now and then."""
        self.connection.blmove(keys[0], keys[0], 1 if len(keys) == 1 else 0.1, "LEFT", "LEFT")  # type: ignore[arg-type]  # Redis takes fractions

    def _serve(self, runtime: Runtime) -> None:
        queue = RqQueue(self.connection)
        Thread(target=self._live, name="yieldflow sign of life", daemon=True).start()
        if self.alarms:
            Thread(target=runtime.ring, args=(self._stop, queue.room), name="yieldflow alarms", daemon=True).start()
        for run in runtime.store.find(Filter(status="blocked", limit=_BLOCKED)).runs:
            if run.queue in self.queue_names():
                queue.offer(run.run_id, run.queue)

    def _live(self) -> None:
        while not self._stop.wait(_BEAT):
            with suppress(redis.RedisError):
                self.heartbeat()

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's
        """Once: finish the body that runs, take nothing new. Twice: stop at once, and give it back."""
        if self._stop.is_set():
            raise KeyboardInterrupt
        _LOG.warning("stopping: the body that runs may end")
        self._stop.set()


def _run_id(packed: bytes | None) -> str | None:
    """The run that a job's data hints at, or None for a job that is no hint."""
    if packed is None:
        return None
    try:
        data = json.loads(zlib.decompressobj().decompress(packed, _LONGEST_HINT))
    except (zlib.error, ValueError, RecursionError):
        return None
    match data:
        case [str(function), _, [str(run_id), *_], _] if function == TEND_RUN:
            return run_id
        case _:
            return None
