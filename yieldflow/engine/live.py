"""A run's execution with its place in the log, and the cache that hands it to one tender at a time.

Nothing depends on what is cached: whoever finds nothing here replays the log.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Condition, Lock

from attrs import define, field

from yieldflow.core.events import Event
from yieldflow.core.interpreter import Execution
from yieldflow.ports import Mark

PLAIN_REPORTS = 8  # after a refused speculation


@define(eq=False)
class Live:
    """An execution that was fed exactly the log up to *head*."""

    execution: Execution
    head: Mark
    size: int = 0  # encoded bytes that were fed

    @property
    def queue(self) -> str:
        """Where the run is tended."""
        started = self.execution.run.started
        assert started is not None
        return started.queue

    def feed(self, events: Sequence[Event], head: Mark, size: int = 0) -> None:
        """Raises `CodeError` and `ImpossibleEvent`; it is then of no further use."""
        self.execution.feed(events)
        self.head = head
        self.size += size


@define(eq=False)
class Cache:
    """Bounded by count and by encoded bytes, the least recently used goes first. Safe between threads."""

    most: int = 256  # each takes some 10 KB and more: a worker of ten thousand sleepers stays small
    most_bytes: int = 256 << 20
    _kept: OrderedDict[str, Live] = field(factory=OrderedDict, init=False)
    _held: set[str] = field(factory=set, init=False)
    _plain: dict[str, int] = field(factory=dict, init=False)
    _bytes: int = field(default=0, init=False)
    _lock: Lock = field(factory=Lock, init=False)
    _given_back: Condition = field(init=False)
    _waiting: int = field(default=0, init=False)  # who waits for a holder: nearly always nobody

    def __attrs_post_init__(self) -> None:
        self._given_back = Condition(self._lock)

    def take(self, run_id: str, *, anyway: bool = False) -> tuple[bool, Live | None]:
        """Have it for oneself, until `put` or `drop`; False: somebody else has, and *anyway* was not said."""
        with self._lock:
            if run_id in self._held and not anyway:
                return False, None
            self._held.add(run_id)
            live = self._kept.pop(run_id, None)
            if live is not None:
                self._bytes -= live.size
            return True, live

    def wait(self, run_id: str, seconds: float) -> None:
        """Until nobody has it, or so long."""
        with self._lock:
            self._waiting += 1
            try:
                self._given_back.wait_for(lambda: run_id not in self._held, seconds)
            finally:
                self._waiting -= 1

    def put(self, run_id: str, live: Live) -> None:
        out = []
        with self._lock:
            self._let_go(run_id)
            if (other := self._kept.pop(run_id, None)) is not None:
                self._bytes -= other.size
                out.append(other)
            self._kept[run_id] = live
            self._bytes += live.size
            while len(self._kept) > self.most or (self._bytes > self.most_bytes and len(self._kept) > 1):
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.size
                out.append(oldest)
        for live_one in out:
            live_one.execution.close()

    def drop(self, run_id: str) -> None:
        """Give back nothing: the execution is not to be fed again."""
        with self._lock:
            self._let_go(run_id)

    def may_speculate(self, run_id: str) -> bool:
        """After a refusal the next reports of the run are plain."""
        if run_id not in self._plain:  # nearly always: no lock for that
            return True
        with self._lock:
            left = self._plain.pop(run_id, 0)
            if left > 1:
                self._plain[run_id] = left - 1
            return left == 0

    def refused(self, run_id: str) -> None:
        with self._lock:
            if len(self._plain) > self.most:
                self._plain.clear()  # most of them have ended: a speculation more costs little
            self._plain[run_id] = PLAIN_REPORTS

    def clear(self) -> None:
        with self._lock:
            kept, self._bytes = list(self._kept.values()), 0
            self._kept.clear()
        for live in kept:
            live.execution.close()

    def _let_go(self, run_id: str) -> None:
        self._held.discard(run_id)
        if self._waiting:
            self._given_back.notify_all()
