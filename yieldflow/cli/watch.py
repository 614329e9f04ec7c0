"""Follows a run while this process works on it: a thread that reads what is new and tells a view.

The engine does not know of it. It reads a few times a second at most, and less often when nothing happens.
"""

from __future__ import annotations

from threading import Event as Flag
from threading import Thread
from time import monotonic
from types import TracebackType
from typing import Protocol, Self

from attrs import define, field

from yieldflow.cli.scene import Scene
from yieldflow.codec.packing import unpack
from yieldflow.core.times import Millis
from yieldflow.errors import ImpossibleEvent, StoreError, Undecodable
from yieldflow.inspection.reading import newest
from yieldflow.inspection.timeline import Timeline
from yieldflow.inspection.words import Told, told
from yieldflow.ports import Log, Mark, Store

_OFTEN = 0.12  # seconds between two readings
_SELDOM = 0.5
_QUIET = 10.0  # seconds without an event, after which it looks seldom


class View(Protocol):
    """Called in the thread of the watch."""

    def begin(self, scene: Scene) -> None: ...

    def tell(self, event: Told, scene: Scene) -> None:
        """An event that came since."""
        ...

    def show(self, scene: Scene) -> None:
        """How it stands, after each reading."""
        ...

    def end(self, scene: Scene) -> None: ...


@define(eq=False)
class Watch:
    """`with Watch(…):` follows a run; at the end all that it has read is shown."""

    store: Store
    run_id: str
    view: View
    scene: Scene = field(init=False)
    _head: Mark | None = field(default=None, init=False)
    _timeline: Timeline = field(factory=Timeline, init=False)
    _since: Millis | None = field(default=None, init=False)
    _changed: float = field(factory=monotonic, init=False)
    _stop: Flag = field(factory=Flag, init=False)
    _thread: Thread = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.scene = Scene(self.run_id, self._timeline, (), 0, 0)
        self._thread = Thread(target=self._run, name="yieldflow progress", daemon=True)

    def __enter__(self) -> Self:
        self._read(silent=True)
        self.view.begin(self.scene)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._look()
        self.view.end(self.scene)

    def _run(self) -> None:
        while not self._stop.wait(_SELDOM if monotonic() - self._changed > _QUIET else _OFTEN):
            self._look()

    def _look(self) -> None:
        """What the store or the log refuses is said by whoever works on the run."""
        try:
            self._read(silent=False)
        except (StoreError, Undecodable, ImpossibleEvent):
            return
        self.view.show(self.scene)

    def _read(self, *, silent: bool) -> None:
        while (log := self.store.read(self.run_id, self._head)) is not None:
            if log.gap:
                self._timeline = Timeline()
            length = self._timeline.run.length + len(log.events)
            cut = length < log.head.length and bool(log.events)
            self._take(log, silent=silent)
            self._head = Mark(length, "") if cut else log.head
            if not cut and not self._goes_on():
                return

    def _goes_on(self) -> bool:
        """Whether the run has gone on as another generation, which is followed from here on."""
        successor = newest(self.store, self.run_id) if self._timeline.run.ended is not None else self.run_id
        if successor == self.run_id:
            return False
        self.run_id, self._timeline, self._head = successor, Timeline(), None
        return True

    def _take(self, log: Log, *, silent: bool) -> None:
        self._since = log.now if self._since is None else self._since
        self.scene = Scene(self.run_id, self._timeline, log.claimed, log.now, self._since)
        for data in log.events:
            event = unpack(data)
            self._timeline.add(event)
            self._changed = monotonic()
            if not silent:
                self.view.tell(told(event, self._timeline), self.scene)
