"""Threads that tend runs in this process: the queue of an embedded store, and its workers.

A hint is a run id. Nothing here knows what tending is: it is a function the pool was given.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable
from threading import Condition, Thread, current_thread
from time import monotonic

from attrs import define, field

from yieldflow.errors import StoreError

_LOG = logging.getLogger("yieldflow.pool")


@define(eq=False)
class Pool:
    """*work(run id)* tends a run; *threads* of it run at a time, started when there is something to do."""

    work: Callable[[str], None]
    threads: int = 4
    _hints: deque[str] = field(factory=deque, init=False)
    _waiting: Counter[str] = field(factory=Counter, init=False)
    _running: set[Thread] = field(factory=set, init=False)
    _stuck: set[Thread] = field(factory=set, init=False)
    _idle: int = field(default=0, init=False)
    _stopping: bool = field(default=False, init=False)
    _changed: Condition = field(factory=Condition, init=False)

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:  # noqa: ARG002 - one pool serves all queues
        """At most as many hints wait for a run as there are threads: more could not help."""
        with self._changed:
            for _ in range(min(count, self.threads - self._waiting[run_id])):
                self._hints.append(run_id)
                self._waiting[run_id] += 1
            self._start()
            self._changed.notify_all()

    def replace(self, thread: Thread) -> None:
        """That thread does not come back from what it does: another one takes its place while that lasts."""
        with self._changed:
            if thread in self._running:
                self._stuck.add(thread)
                self._start()

    @property
    def stuck(self) -> int:
        """How many threads do not come back from what they do."""
        return len(self._stuck)

    def stopping(self) -> bool:
        return self._stopping

    def stop(self, grace: float = 5.0) -> bool:
        """Take nothing new, and wait up to *grace* seconds for the bodies that run; whether all ended."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = monotonic() + grace
        for thread in list(self._running):
            thread.join(max(0.0, deadline - monotonic()))
        return not any(thread.is_alive() for thread in self._running)

    def _start(self) -> None:
        """As many threads as there are hints, at the most."""
        needed = min(self.threads - len(self._running) + len(self._stuck), len(self._hints) - self._idle)
        for _ in range(0 if self._stopping else needed):
            thread = Thread(target=self._run, name=f"yieldflow pool {len(self._running) + 1}", daemon=True)
            self._running.add(thread)
            thread.start()

    def _run(self) -> None:
        while (run_id := self._next()) is not None:
            try:
                self.work(run_id)
            except StoreError as error:
                _LOG.warning("run %s is left for later: %s", run_id, error)
            except Exception:  # noqa: BLE001 - the loop of a service: one run must not stop the others
                _LOG.exception("run %s is left for later", run_id)

    def _next(self) -> str | None:
        with self._changed:
            self._stuck.discard(current_thread())
            if len(self._running) - len(self._stuck) > self.threads:  # it was replaced meanwhile
                self._running.discard(current_thread())
                return None
            self._idle += 1
            self._changed.wait_for(lambda: self._hints or self._stopping)
            self._idle -= 1
            if self._stopping:
                return None
            run_id = self._hints.popleft()
            self._waiting[run_id] -= 1
            if not self._waiting[run_id]:
                del self._waiting[run_id]
            return run_id
