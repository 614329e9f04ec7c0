"""What this process knows of runs beside their logs: how they began, and what is open in them. Bounded, and read again
from the store where it is missing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import TypeVar

from attrs import define, evolve, field

from yieldflow.codec.packing import unpack
from yieldflow.core.commands import CallStep, Receive
from yieldflow.core.events import AttemptFailed, CommandAbandoned, CommandIssued, CommandResolved, Event, RunStarted
from yieldflow.core.path import Path
from yieldflow.engine.requests import Body, Execute, ExecuteLocal
from yieldflow.errors import StoreError, Undecodable
from yieldflow.observing.closing import Begun
from yieldflow.ports import Commit, Head, Log, Mark, Store

K = TypeVar("K")
V = TypeVar("V")

MOST = 10_000  # runs of which something is known, and bodies that have not been reported


@define(eq=False)
class Books:
    """*store*: where what is missing is read. Safe to share between threads."""

    store: Store
    bodies: dict[tuple[str, Path], tuple[Execute | ExecuteLocal, Body | None]] = field(factory=dict, init=False)
    _births: OrderedDict[str, RunStarted] = field(factory=OrderedDict, init=False)
    _open: OrderedDict[str, dict[Path, CommandIssued]] = field(factory=OrderedDict, init=False)
    _unsure: OrderedDict[str, Commit] = field(factory=OrderedDict, init=False)  # by their ids
    _told: OrderedDict[str, set[bytes]] = field(factory=OrderedDict, init=False)  # of runs that were in doubt, since
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
        """Of a log from its start."""
        first = _read(events[0]) if events else None
        if not isinstance(first, RunStarted):
            return None
        light = evolve(first, arguments=b"", inbox={}, data={})
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
        """How a command began, which is open or has just been closed."""
        if (body := self.bodies.get((run_id, path))) is not None:
            return body[0]
        known = self._open.get(run_id)
        if known is None or path not in known:
            known = self._issued(run_id, path)
            self._keep(self._open, run_id, known)
        return known.get(path)

    def note(self, run_id: str, event: Event) -> None:
        """An event of a commit of ours: a wait that begins, or what is over with it."""
        match event:
            case CommandIssued(path=path, command=Receive()) if (known := self._open.get(run_id)) is not None:
                known[path] = event
            case CommandIssued(path=path, command=Receive()):
                self._keep(self._open, run_id, {path: event})
            case CommandResolved(path=path) | CommandAbandoned(path=path):
                self.ends(run_id, path)
                self._open.get(run_id, {}).pop(path, None)
            case AttemptFailed(path=path):
                self.ends(run_id, path)
            case _:
                pass

    def forget(self, run_id: str) -> None:
        """It has ended."""
        with self._lock:
            self._births.pop(run_id, None)
            self._open.pop(run_id, None)

    def _issued(self, run_id: str, wanted: Path) -> dict[Path, CommandIssued]:
        """The waits that its log has open, and what was asked at *wanted*, open or not."""
        found: dict[Path, CommandIssued] = {}
        for event in self._events(run_id):
            match event:
                case CommandIssued(path=path, command=Receive() | CallStep()):
                    found[path] = event
                case CommandResolved(path=path) | CommandAbandoned(path=path) if path != wanted:
                    found.pop(path, None)
                case _:
                    pass
        return {path: one for path, one in found.items() if path == wanted or isinstance(one.command, Receive)}

    def _events(self, run_id: str) -> Iterator[Event]:
        """As far as they can be read."""
        length, head = 0, 1
        while length < head:
            try:
                log = self.store.read(run_id, Mark(length, ""))
            except StoreError:
                return
            if log is None or not log.events:
                return
            length, head = length + len(log.events), log.head.length
            for data in log.events:
                if (event := _read(data)) is not None:
                    yield event

    # --- replies that were lost -------------------------------------------------------------------------------------

    @property
    def is_unsure(self) -> bool:
        return bool(self._unsure)

    def doubt(self, commits: Iterable[Commit]) -> None:
        """Whether these were applied is not known."""
        for commit in commits:
            if commit.events:
                self._keep(self._unsure, commit.commit, commit)
                if commit.run_id not in self._told:
                    self._keep(self._told, commit.run_id, set())

    def untold(self, run_id: str, packed: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Those events of an applied commit that were not told yet: what was in doubt may be sent again, alone or with
        others. No two events of a log that are told of are alike.
        """
        if (told := self._told.get(run_id)) is None:
            return packed
        with self._lock:
            new = tuple(data for data in packed if data not in told)
            told.update(new)
        return new

    def doubted(self, commit: Commit) -> bool:
        """Whether it was; it is no more."""
        return self._unsure.pop(commit.commit, None) is not None

    def decided(self, commit: Commit) -> None:
        """It was applied, so no other one was that assumed the same head, or says the same."""
        with self._lock:
            for one in [*self._unsure.values()]:
                same = (one.on == commit.on and isinstance(one.on, Head)) or not set(one.events).isdisjoint(
                    commit.events
                )
                if one.run_id == commit.run_id and same:
                    del self._unsure[one.commit]

    def cleared(self, run_id: str, log: Log | None) -> Commit | None:
        """One in doubt that this part of the log shows to be applied; it is in doubt no more."""
        if log is None:
            return None
        with self._lock:
            mine = [commit for commit in self._unsure.values() if commit.run_id == run_id]
            applied = next((commit for commit in mine if set(commit.events) <= set(log.events)), None)
            if applied is not None:
                del self._unsure[applied.commit]
        return applied

    def was_applied(self, commit: Commit) -> bool:
        """By the log."""
        last = _read(commit.events[-1])
        return last is not None and any(event == last for event in self._events(commit.run_id))

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
