"""What whoever delivers to a hook is told: what the hook was opened with, or what the workflow says of this delivery.

All of it stands in the log of the run; nothing is kept for it elsewhere, and nobody is told what is not in there.
"""

from __future__ import annotations

from asyncio import sleep
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from time import monotonic

from attrs import define, field, frozen

from yieldflow.app import App
from yieldflow.codec.packing import unpack
from yieldflow.core.chain import chain_of, generation
from yieldflow.core.commands import OpenHook, Respond
from yieldflow.core.events import CommandIssued, Event, HookReceived
from yieldflow.errors import StillSealed
from yieldflow.inspection.reading import newest
from yieldflow.ports import Mark, Store
from yieldflow.web.desk import Desk

_KNOWN = 1_000  # runs whose hooks are remembered
_SHORTEST, _LONGEST = 0.02, 0.5  # seconds between two looks at a run that is waited for


@frozen
class Place:
    """Where a delivery is: a generation of its run, and the position in its log."""

    run_id: str
    position: int


@frozen
class _Opened:
    """The hooks that a log has opened, as far as it was read."""

    read: Mark = Mark(0, "")
    hooks: Mapping[str, OpenHook] = field(factory=dict)


@frozen
class _New:
    """What is new of a log, and how far it is read then. *anew*: all of it, for it is another log than it was."""

    events: tuple[Event, ...]
    read: Mark
    anew: bool = False


@define(eq=False)
class Responses:
    desk: Desk
    _known: OrderedDict[str, _Opened] = field(factory=OrderedDict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    # --- in a thread ------------------------------------------------------------------------------------------------

    def of(self, run_id: str, name: str) -> OpenHook:
        """How a run has opened a hook, in its newest generation or the one before, whose links it has taken over."""
        chain, number = chain_of(newest(self._store, run_id))
        before = (self._opened(generation(chain, one)).get(name) for one in (number, number - 1) if one > 0)
        return next((hook for hook in before if hook is not None), OpenHook(name))

    def _opened(self, named: str) -> Mapping[str, OpenHook]:
        """By one generation; only what is new of its log is read."""
        with self._lock:
            known = self._known.get(named, _Opened())
        new = _read_on(self._store, named, known.read)
        commands = [event.command for event in new.events if isinstance(event, CommandIssued)]
        opened = {command.name: command for command in commands if isinstance(command, OpenHook)}
        hooks = {**({} if new.anew else known.hooks), **opened}
        with self._lock:
            self._known[named] = _Opened(new.read, hooks)
            self._known.move_to_end(named)
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)
        return hooks

    def place(self, run_id: str, key: str, position: int) -> Place | None:
        """Of a delivery that was made just now; None: an earlier generation has it."""
        chain, number = chain_of(newest(self._store, run_id))
        for one in range(number, 0, -1):
            named = generation(chain, one)
            log = self._store.read(named, Mark(position - 1, "")) if position > 0 else None
            event = unpack(log.events[0]) if log is not None and log.events else None
            if isinstance(event, HookReceived) and event.key == key:
                return Place(named, position)
        return None

    def given(self, place: Place, read: Mark) -> tuple[bytes | None, Mark]:
        """What the workflow has said after *read*, and how far the log is read then."""
        new = _read_on(self._store, place.run_id, read)
        for event in new.events:
            match event:
                case CommandIssued(command=Respond(position=place.position, value=value)):
                    return value, new.read
                case _:
                    pass
        return None, new.read

    # --- on the loop ------------------------------------------------------------------------------------------------

    async def wait(self, place: Place, hook: OpenHook) -> bytes | None:
        """Until the workflow has said something, for as long as the hook allows; else what it was opened with. An await
        holds no thread. Raises `RefusedRequest` where too many wait.
        """
        read, began, patience = Mark(place.position, ""), monotonic(), (hook.within or 0) / 1_000
        with self.desk.waiting():
            while True:
                value, read = await self.desk.ask(lambda: self.given(place, read))  # noqa: B023 - asked at once
                waited = monotonic() - began
                if value is not None or waited >= patience:
                    return hook.response if value is None else value
                await sleep(min(_LONGEST, max(_SHORTEST, waited / 10), patience - waited))

    @property
    def _store(self) -> Store:
        return self.desk.app.store


def opened(app: App, value: bytes) -> bytes:
    """What nobody here can open stays sealed."""
    try:
        return app.codec.opened(value)
    except StillSealed:
        return value


def _read_on(store: Store, run_id: str, read: Mark) -> _New:
    """Raises `StoreError`."""
    events, anew = list[Event](), False
    while (log := store.read(run_id, read)) is not None:
        if log.gap:  # it was deleted, and is another one
            events, read, anew = [], Mark(0, ""), True
        events += map(unpack, log.events)
        read = Mark(read.length + len(log.events), "")
        if not log.events or read.length >= log.head.length:
            return _New(tuple(events), log.head, anew)
    return _New(tuple(events), read, anew)
