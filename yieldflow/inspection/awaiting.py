"""Hooks that wait for somebody, over all runs: found in the logs of those that live. It only reads.

What was found in a log is remembered, so that looking again costs what has come since. Hooks of our own workflows,
schedules among them, wait for no person and are left out.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from functools import cached_property
from itertools import takewhile
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from attrs import define, evolve, field, frozen

from yieldflow.codec.packing import unpack
from yieldflow.core.commands import OpenHook, Receive
from yieldflow.core.events import CommandAbandoned, CommandIssued, CommandResolved, Event, HookReceived, RunStarted
from yieldflow.core.outcome import Taken
from yieldflow.core.path import Path
from yieldflow.core.times import Millis, ends_at
from yieldflow.errors import Undecodable, UnknownRun
from yieldflow.inspection.reading import newest
from yieldflow.ports import HINT_AFTER, Filter, Log, Look, Mark, Store, Summary

if TYPE_CHECKING:
    from yieldflow.app import App

LOOKED = 1_000  # runs in a call
MOST_EVENTS = 20_000  # that are read of logs in a call, about
MOST_OF_RUN = 100  # hooks of one run that are found
_PAGE = 200
_UNREAD = 20  # logs that are read from their start in one call
_REMEMBERED = 20_000  # logs
_OURS = "yieldflow:"  # how the names of our own workflows begin


@frozen
class Wait:
    """A receive that is open."""

    name: str
    since: Millis
    until: Millis | None


@frozen
class Awaited:
    """A hook that a run waits at. *until*: when the first of its receives times out; *asked*: how many there are.
    *came*: payloads that none of them has taken. *answered*: when one came that surely no worker has looked at.
    """

    name: str
    since: Millis
    until: Millis | None = None
    asked: int = 1
    came: int = 0
    answered: Millis | None = None


@frozen
class Hooks:
    """Those of one log, up to *mark*. *opened*: since when; *received*: how many payloads each got in this log;
    *unseen*: the position of a payload that surely no worker has looked at.
    """

    mark: Mark | None = None
    opened: Mapping[str, Millis] = field(factory=dict)
    waits: Mapping[Path, Wait] = field(factory=dict)
    unread: Mapping[int, tuple[str, Millis]] = field(factory=dict)  # name and moment, by position
    received: Mapping[str, int] = field(factory=dict)
    unseen: int | None = None

    @property
    def awaited(self) -> tuple[Awaited, ...]:
        """In the order of asking."""
        return tuple(self.by_name.values())

    @cached_property
    def by_name(self) -> Mapping[str, Awaited]:
        waits = dict[str, list[Wait]]()
        for one in self.waits.values():
            waits.setdefault(one.name, []).append(one)
        came = Counter(name for name, _ in self.unread.values())
        unseen = None if self.unseen is None else self.unread[self.unseen]
        return {name: _awaited(several, came[name], unseen) for name, several in waits.items()}


def _awaited(waits: Sequence[Wait], came: int, unseen: tuple[str, Millis] | None) -> Awaited:
    name, since = waits[0].name, waits[0].since
    until = min((one.until for one in waits if one.until is not None), default=None)
    answered = unseen[1] if unseen is not None and unseen[0] == name else None
    return Awaited(name, since, until, len(waits), came, answered)


@frozen
class Waiting:
    """One hook of one run."""

    summary: Summary
    hook: Awaited


@frozen
class Page:
    """*looked*: at how many runs. *cursor*: give it back to go on; None: there are no more. *more*: how many hooks of
    a run are left out, by its id.
    """

    found: tuple[Waiting, ...]
    looked: int
    cursor: str | None
    more: Mapping[str, int] = field(factory=dict)


@define
class Room:
    """Events that may still be read in one call."""

    left: int


@define(eq=False)
class Board:
    """What was read of one store; safe to share between threads."""

    _known: OrderedDict[str, Hooks] = field(factory=OrderedDict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def page(
        self, store: Store, wanted: Filter, *, name: str | None = None, cursor: str | None = None, most: int = LOOKED
    ) -> Page:
        """About `wanted.limit` of those that wait for a payload, out of the next *most* runs, or of fewer if their logs
        are long and new: those of a run are on one page, the first `MOST_OF_RUN` of them. *name*: only those that are
        called so. Raises `StoreError`, and ValueError for what is no cursor.
        """
        found, more, looked, room = list[Waiting](), dict[str, int](), 0, Room(MOST_EVENTS)
        while True:
            page = store.find(evolve(wanted, limit=min(_PAGE, most - looked)), cursor)
            known = self._of_each(store, page.runs, room)
            for at, (summary, hooks) in enumerate(zip(page.runs, known, strict=False), 1):
                looked += 1
                named = _named(hooks, name)
                found += [Waiting(summary, one) for one in named[:MOST_OF_RUN]]
                if len(named) > MOST_OF_RUN:
                    more[summary.run_id] = len(named) - MOST_OF_RUN
                is_full = len(found) >= wanted.limit or at == len(known) < len(page.runs)
                if is_full and (at < len(page.runs) or page.cursor is not None):
                    following = store.find(evolve(wanted, limit=at), cursor).cursor
                    return Page(tuple(found), looked, following, more)
            cursor = page.cursor
            if cursor is None or looked >= most or room.left <= 0:
                return Page(tuple(found), looked, cursor, more)

    def of(self, store: Store, run_id: str) -> Hooks:
        """Those of the newest generation of a run. Raises `UnknownRun`, `StoreError`."""
        run_id = newest(store, run_id)
        hooks = self._read(store, [run_id], Room(0)).get(run_id)  # the first is read to its end
        if hooks is None:
            raise UnknownRun(run_id)
        return hooks

    def waited(self, store: Store, runs: Sequence[Summary]) -> dict[str, tuple[str, ...]]:
        """Run id -> names of the hooks for which nobody has sent anything yet, in one call of the store: of logs that
        are new or have grown by much, a later call knows. Raises `StoreError`.
        """
        ids = [one.run_id for one in runs if not _is_ours(one.workflow)]
        with self._lock:
            known = {run_id: self._known[run_id] for run_id in ids if run_id in self._known}
        new = [run_id for run_id in ids if run_id not in known][:_UNREAD]
        asked = [Look(run_id, _mark(known.get(run_id))) for run_id in (*known, *new)]
        logs = dict(zip((*known, *new), store.read_each(asked) if asked else (), strict=True))
        found = {run_id: read_on(known.get(run_id, Hooks()), log) for run_id, log in logs.items() if log is not None}
        self._remember(found)
        return {
            run_id: tuple(one.name for one in hooks.awaited if one.answered is None)
            for run_id, hooks in found.items()
            if _is_whole(hooks, logs[run_id])
        }

    def _of_each(self, store: Store, runs: Sequence[Summary], room: Room) -> list[Hooks]:
        """Those that were read before in one call, the others some at a time: they may be long. Of the first one at
        least, and of so many after it as there is room for.
        """
        ids = [one.run_id for one in runs if not _is_ours(one.workflow)]
        with self._lock:
            old = [run_id for run_id in ids if run_id in self._known]
        new = [run_id for run_id in ids if run_id not in set(old)]
        groups = [old, *(new[at : at + _UNREAD] for at in range(0, len(new), _UNREAD))]
        found: dict[str, Hooks | None] = {one.run_id: None for one in runs if _is_ours(one.workflow)}
        for some in groups:
            if room.left > 0 or ids[0] in some:
                found |= self._read(store, some, room)
        return [found[one.run_id] or Hooks() for one in takewhile(lambda one: one.run_id in found, runs)]

    def _read(self, store: Store, run_ids: Sequence[str], room: Room) -> dict[str, Hooks | None]:
        """Those that were read to their end, the first one whatever room there is. None: the run is gone."""
        with self._lock:
            found: dict[str, Hooks | None] = {run_id: self._known.get(run_id, Hooks()) for run_id in run_ids}
        unread, whole = list(run_ids), set[str]()
        while unread:
            logs = store.read_each([Look(run_id, _mark(found[run_id])) for run_id in unread])
            for run_id, log in zip(unread, logs, strict=True):
                found[run_id] = None if log is None else read_on(found[run_id] or Hooks(), log)
                if log is None or not log.events or _mark(found[run_id]) == log.head:
                    whole.add(run_id)
                room.left -= 0 if log is None else len(log.events)
            left = [run_id for run_id in unread if run_id not in whole]
            unread = left if room.left > 0 else [run_id for run_id in left if run_id == run_ids[0]]
        self._remember(found)
        return {run_id: found[run_id] for run_id in whole}

    def _remember(self, found: Mapping[str, Hooks | None]) -> None:
        with self._lock:
            for run_id, hooks in found.items():
                self._known.pop(run_id, None)
                if hooks is not None:
                    self._known[run_id] = hooks
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)


_BOARDS: MutableMapping[App, Board] = WeakKeyDictionary()
_MAKING = Lock()


def board_of(app: App) -> Board:
    with _MAKING:
        return _BOARDS.setdefault(app, Board())


def _named(hooks: Hooks, name: str | None) -> Sequence[Awaited]:
    if name is None:
        return hooks.awaited
    return (hooks.by_name[name],) if name in hooks.by_name else ()


def _is_ours(workflow: str) -> bool:
    return workflow.startswith(_OURS)


def read_on(known: Hooks, log: Log) -> Hooks:
    """With what *log* has after it; what cannot be read is passed over, for others tell of damaged logs."""
    known = Hooks() if log.gap else known
    at = 0 if known.mark is None else known.mark.length
    opened, waits = dict(known.opened), dict(known.waits)
    unread, received = dict(known.unread), dict(known.received)
    for position, packed in enumerate(log.events, at + 1):
        try:
            _add(unpack(packed), position, opened, waits, unread, received)
        except Undecodable:
            continue
    length = at + len(log.events)
    mark = log.head if length == log.head.length else Mark(length, "")
    last = unread.get(length)
    is_unseen = mark == log.head and last is not None and _is_unseen(log, last[1], waits.values())
    return Hooks(mark, opened, waits, unread, received, length if is_unseen else None)


def _is_unseen(log: Log, came: Millis, waits: Iterable[Wait]) -> bool:
    """Whoever sends a payload sets the alarm, and a worker who has looked at it puts that off: also one whom the
    payload did not fit. An alarm that has rung since is put off, too; it is the payload's if nothing else is due.
    """
    if log.alarm is None:
        return False
    ends = [one.until for one in waits if one.until is not None]
    if any(end <= max(log.now, log.alarm) for end in ends):
        return False
    return log.alarm <= came + 2 * HINT_AFTER or (log.rings > 0 and log.entries == 0)


def _add(
    event: Event,
    position: int,
    opened: dict[str, Millis],
    waits: dict[Path, Wait],
    unread: dict[int, tuple[str, Millis]],
    received: dict[str, int],
) -> None:
    match event:
        case RunStarted(at=at, inbox=inbox):
            earlier = [name for name, payloads in inbox.items() for _ in payloads]
            unread.update({-number: (name, at) for number, name in enumerate(earlier)})  # as the core numbers them
        case CommandIssued(at, path, Receive(hook, timeout)):
            opened.setdefault(hook, at)
            waits[path] = Wait(hook, at, None if timeout is None else ends_at(timeout, at))
        case CommandIssued(at, _, OpenHook(name)):
            opened.setdefault(name, at)
        case CommandResolved(path=path, outcome=outcome):
            waits.pop(path, None)
            if isinstance(outcome, Taken):
                unread.pop(outcome.position, None)
        case CommandAbandoned(path=path):
            waits.pop(path, None)
        case HookReceived(at=at, name=name):
            unread[position] = name, at
            received[name] = received.get(name, 0) + 1
        case _:
            pass


def _is_whole(hooks: Hooks, log: Log | None) -> bool:
    return log is not None and hooks.mark == log.head


def _mark(hooks: Hooks | None) -> Mark | None:
    return None if hooks is None else hooks.mark
