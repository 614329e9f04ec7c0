"""What this process knows of runs beside their logs: how they began, and what is open in them. Bounded, and read again
from the store where it is missing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from threading import Lock
from typing import TypeVar

from attrs import define, evolve, field

from yieldflow.codec.packing import unpack
from yieldflow.core.commands import Receive
from yieldflow.core.events import AttemptFailed, CommandAbandoned, CommandIssued, CommandResolved, Event, RunStarted
from yieldflow.core.path import Path
from yieldflow.engine.requests import Body, Execute, ExecuteLocal
from yieldflow.errors import StoreError, Undecodable
from yieldflow.observing.closing import ISSUED, Begun, of_interest
from yieldflow.observing.doubts import Doubts
from yieldflow.ports import Commit, Mark, Store

K = TypeVar("K")
V = TypeVar("V")

MOST = 10_000  # runs of which something is known, and bodies that have not been reported


@define(eq=False)
class _Waits:
    """The waits of a run that are open, of its first *length* events for certain."""

    open: dict[Path, CommandIssued] = field(factory=dict)
    length: int = 0

    def add(self, event: Event | None) -> None:
        match event:
            case CommandIssued(path=path, command=Receive()):
                self.open[path] = event
            case CommandResolved(path=path) | CommandAbandoned(path=path):
                self.open.pop(path, None)
            case _:
                pass


@define(eq=False)
class Books:
    """*store*: where what is missing is read. Safe to share between threads."""

    store: Store
    doubts: Doubts = field(factory=Doubts, init=False)
    bodies: dict[tuple[str, Path], tuple[Execute | ExecuteLocal, Body | None]] = field(factory=dict, init=False)
    _births: OrderedDict[str, RunStarted] = field(factory=OrderedDict, init=False)
    _open: OrderedDict[str, _Waits] = field(factory=OrderedDict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    # --- how runs began ---------------------------------------------------------------------------------------------

    def born(self, run_id: str) -> RunStarted | None:
        """Its first event; None: it cannot be read any more."""
        if (known := self._births.get(run_id)) is None:
            try:
                log = self.store.read(run_id)
            except StoreError:
                return None
            known = None if log is None else self.note_birth(log.events)
        return known

    def note_birth(self, events: tuple[bytes, ...]) -> RunStarted | None:
        """Of a log from its start; it may be another one than before, with the same id."""
        first = _read(events[0]) if events else None
        if not isinstance(first, RunStarted):
            return None
        light = evolve(first, arguments=b"", inbox={}, data={})
        if (known := self._births.get(first.run_id)) is None or known.seed != light.seed:
            self._open.pop(first.run_id, None)
        self._keep(self._births, first.run_id, light)
        return light

    # --- what is open -----------------------------------------------------------------------------------------------

    def begins(self, request: Execute | ExecuteLocal, body: Body | None = None) -> None:
        """*body*: how it came out, once it has."""
        self.bodies[request.run_id, request.path] = request, body
        if len(self.bodies) > MOST:
            self.bodies.pop(next(iter(list(self.bodies))), None)

    def ends(self, run_id: str, path: Path) -> None:
        """Nothing will be reported of that body any more, or has been."""
        self.bodies.pop((run_id, path), None)

    def begun(self, run_id: str, path: Path) -> Begun | None:
        """How the call of a step began, an attempt of which has just ended."""
        if (body := self.bodies.get((run_id, path))) is not None:
            return body[0]
        return self._issued(run_id, path)

    def waited(self, run_id: str, before: int | None, path: Path) -> CommandIssued | None:
        """How a wait began that an event has just closed; None: it was none. *before*: so long was the log without
        the commit of that event; None: it is not known.
        """
        known = self._open.get(run_id) or _Waits()
        if (found := known.open.get(path)) is not None:
            return found
        if before is None or known.length > before:
            return self._issued(run_id, path)
        with suppress(StoreError):
            for data in islice(self.packed(run_id, known.length), before - known.length):
                known.add(_of_interest(data))
                known.length += 1
        self._keep(self._open, run_id, known)
        return known.open.get(path)

    def note(self, run_id: str, event: Event) -> None:
        """An event of a commit of ours: a wait that begins, or what is over with it."""
        known = self._open.get(run_id)
        if known is None and isinstance(event, CommandIssued):
            known = _Waits()
            self._keep(self._open, run_id, known)
        if known is not None:
            known.add(event)
        if isinstance(event, CommandResolved | CommandAbandoned | AttemptFailed):
            self.ends(run_id, event.path)

    def noted(self, run_id: str, before: int, after: int) -> None:
        """All events of a commit were, which has made the log longer."""
        if before == 0:
            self._keep(self._open, run_id, _Waits(length=after))
        elif (known := self._open.get(run_id)) is not None and known.length == before:
            known.length = after

    def forget(self, run_id: str) -> None:
        """It has ended, or is gone."""
        self.doubts.forget(run_id)
        with self._lock:
            self._births.pop(run_id, None)
            self._open.pop(run_id, None)

    # --- the log ----------------------------------------------------------------------------------------------------

    def packed(self, run_id: str, length: int = 0) -> Iterator[bytes]:
        """Its events beyond so many. Raises `StoreError`."""
        head = length + 1
        while length < head:
            log = self.store.read(run_id, Mark(length, ""))
            if log is None or not log.events:
                return
            length, head = length + len(log.events), log.head.length
            yield from log.events

    def was_applied(self, commit: Commit) -> bool:
        """By the log, as far as it can be read."""
        with suppress(StoreError):
            return commit.events[-1] in self.packed(commit.run_id)
        return False

    def _issued(self, run_id: str, wanted: Path) -> CommandIssued | None:
        """As far as it can be read."""
        with suppress(StoreError):
            for data in self.packed(run_id):
                event = _read(data) if data.startswith(ISSUED) else None
                if isinstance(event, CommandIssued) and event.path == wanted:
                    return event
        return None

    def _keep(self, some: OrderedDict[K, V], key: K, value: V) -> None:
        with self._lock:
            some[key] = value
            some.move_to_end(key)
            if len(some) > MOST:
                some.popitem(last=False)


def _read(data: bytes) -> Event | None:
    try:
        return unpack(data)
    except Undecodable:
        return None


def _of_interest(data: bytes) -> Event | None:
    try:
        return of_interest(data, follows=True)
    except Undecodable:
        return None
