"""Threads that tend runs in this process: the queue of an embedded store, and its workers.

A hint is a run id. A thread works on several runs at a time, and takes half of the hints that wait; another one joins
in where those that work are held up by a body. Nothing here knows what tending is: it is a function the pool was given.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from threading import Condition, Thread, current_thread
from time import monotonic
from typing import TypeAlias

from attrs import define, field

from yieldflow.errors import StoreError
from yieldflow.ports import Due

_LOG = logging.getLogger("yieldflow.pool")


PATIENCE = 0.005  # seconds that hints wait for the threads that work, before another one takes them
MOST = 32  # hints for one thread at a time

More: TypeAlias = Callable[[int, Collection[str]], Sequence[str]]


@define(eq=False)
class Pool:
    """*work(run ids, more)* tends runs until all are done; it calls *more* (how many, those under way) again and again,
    for those that it may begin meanwhile. *threads* of it run at a time, started when there is something to do.
    """

    work: Callable[[Sequence[str], More], None]
    threads: int = 4
    _hints: deque[str] = field(factory=deque, init=False)
    _waiting: Counter[str] = field(factory=Counter, init=False)
    _running: set[Thread] = field(factory=set, init=False)
    _stuck: set[Thread] = field(factory=set, init=False)
    _idle: int = field(default=0, init=False)
    _seen: float = field(default=0.0, init=False)  # when a thread that works has last looked for more
    _watched: bool = field(default=False, init=False)  # an idle thread looks whether they still do
    _stopping: bool = field(default=False, init=False)
    _changed: Condition = field(factory=Condition, init=False)

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:  # noqa: ARG002 - one pool serves all queues
        """At most as many hints wait for a run as there are threads: more could not help."""
        with self._changed:
            for _ in range(min(count, self.threads - self._waiting[run_id])):
                self._hints.append(run_id)
                self._waiting[run_id] += 1
            self._start()
            self._changed.notify()

    def more(self, most: int, here: Collection[str]) -> Sequence[str]:
        """Half of the hints that wait, but for runs that are under way *here*."""
        self._seen = monotonic()
        if self._stopping or not self._hints or most < 1:
            return ()
        with self._changed:
            return self._taken(most, here)

    def offer_each(self, runs: Sequence[Due]) -> None:
        for run in runs:
            self.offer(run.run_id, run.queue)

    def replace(self, thread: Thread) -> None:
        """That thread does not come back from what it does: another one takes its place while that lasts."""
        with self._changed:
            if thread in self._running:
                self._stuck.add(thread)
                self._start()

    @property
    def is_idle(self) -> bool:
        with self._changed:
            return not self._hints and self._idle == len(self._running) - len(self._stuck)

    @property
    def room(self) -> int:
        """How many more hints are of use: others may take what waits here for long."""
        return max(0, MOST - len(self._hints))

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
        while (run_ids := self._next()) is not None:
            try:
                self.work(run_ids, self.more)
            except StoreError as error:
                _LOG.warning("some runs are left for later: %s", error)
            except Exception:  # noqa: BLE001 - the loop of a service: one run must not stop the others
                _LOG.exception("some runs are left for later")

    def _next(self) -> Sequence[str] | None:
        with self._changed:
            self._stuck.discard(current_thread())
            if len(self._running) - len(self._stuck) > self.threads:  # it was replaced meanwhile
                self._running.discard(current_thread())
                return None
            self._idle += 1
            while not self._stopping and not self._may_begin():
                self._wait()
            self._idle -= 1
            if self._stopping:
                return None
            self._seen = monotonic()
            taken = self._taken(MOST, ())
            if self._hints:
                self._changed.notify()
            return taken

    def _may_begin(self) -> bool:
        """An idle thread: there are hints, and nobody who works will take them soon."""
        if not self._hints:
            return False
        return self._idle == len(self._running) or monotonic() - self._seen >= PATIENCE

    def _wait(self) -> None:
        """One of the idle threads looks again in a moment, if hints wait."""
        if self._hints and not self._watched:
            self._watched = True
            self._changed.wait(PATIENCE)
            self._watched = False
        else:
            self._changed.wait()

    def _taken(self, most: int, here: Collection[str]) -> Sequence[str]:
        """Each run once."""
        most, taken, left = min(most, -(-len(self._hints) // 2)), dict[str, None](), deque[str]()
        while self._hints and len(taken) < most:
            run_id = self._hints.popleft()
            if run_id in here or run_id in taken:
                left.append(run_id)
                continue
            taken[run_id] = None
            self._waiting[run_id] -= 1
            if not self._waiting[run_id]:
                del self._waiting[run_id]
        self._hints.extendleft(reversed(left))
        return tuple(taken)
