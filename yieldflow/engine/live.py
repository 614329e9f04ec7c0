"""A run's execution with its place in the log, and the cache that hands it to one tender at a time.

Nothing depends on what is cached: whoever finds nothing here replays the log.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Condition

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

    most: int = 1_000
    most_bytes: int = 256 << 20
    patience: float = 30.0  # seconds to wait for the holder; then a second execution is built, which is harmless
    _kept: OrderedDict[str, Live] = field(factory=OrderedDict, init=False)
    _held: set[str] = field(factory=set, init=False)
    _plain: dict[str, int] = field(factory=dict, init=False)
    _bytes: int = field(default=0, init=False)
    _changed: Condition = field(factory=Condition, init=False)

    def take(self, run_id: str) -> Live | None:
        """Have it for oneself, until `put` or `drop`; who comes second waits for the first."""
        with self._changed:
            self._changed.wait_for(lambda: run_id not in self._held, self.patience)
            self._held.add(run_id)
            live = self._kept.pop(run_id, None)
            if live is not None:
                self._bytes -= live.size
            return live

    def put(self, run_id: str, live: Live) -> None:
        out = []
        with self._changed:
            self._held.discard(run_id)
            if (other := self._kept.pop(run_id, None)) is not None:
                self._bytes -= other.size
                out.append(other)
            self._kept[run_id] = live
            self._bytes += live.size
            while len(self._kept) > self.most or (self._bytes > self.most_bytes and len(self._kept) > 1):
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.size
                out.append(oldest)
            self._changed.notify_all()
        for live_one in out:
            live_one.execution.close()

    def drop(self, run_id: str) -> None:
        """Give back nothing: the execution is not to be fed again."""
        with self._changed:
            self._held.discard(run_id)
            self._changed.notify_all()

    def may_speculate(self, run_id: str) -> bool:
        """After a refusal the next reports of the run are plain."""
        with self._changed:
            left = self._plain.get(run_id, 0)
            if left > 1:
                self._plain[run_id] = left - 1
            else:
                self._plain.pop(run_id, None)
            return left == 0

    def refused(self, run_id: str) -> None:
        with self._changed:
            if len(self._plain) > self.most:
                self._plain.clear()  # most of them have ended: a speculation more costs little
            self._plain[run_id] = PLAIN_REPORTS

    def clear(self) -> None:
        with self._changed:
            kept, self._bytes = list(self._kept.values()), 0
            self._kept.clear()
        for live in kept:
            live.execution.close()
