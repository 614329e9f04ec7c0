"""What whoever delivers to a hook is told: what the hook was opened with, or what the workflow says of this delivery.

All of it stands in the log of the run; nothing is kept for it elsewhere, and nobody is told what is not in there.
"""

from __future__ import annotations

from asyncio import sleep
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import partial
from threading import Lock
from time import monotonic

from attrs import define, field, frozen

from yieldflow.app import App
from yieldflow.codec.packing import unpack
from yieldflow.core.chain import chain_of, generation
from yieldflow.core.commands import OpenHook, Respond
from yieldflow.core.events import CommandIssued, Event, HookReceived
from yieldflow.core.times import Millis
from yieldflow.errors import StillSealed
from yieldflow.inspection.kinds import LONGEST
from yieldflow.inspection.reading import newest
from yieldflow.ports import Mark, Store
from yieldflow.web.desk import Desk

_KNOWN = 1_000  # runs whose hooks are remembered
_MOST = 16 << 20  # bytes of their responses, about
_HOOK = 200  # bytes, about, that one takes beside its response
_SHORTEST, _LONGEST = 0.02, 0.5  # seconds between two looks at a run that is waited for


@frozen
class Place:
    """Where a delivery is: a generation of its run, and the position in its log."""

    run_id: str
    position: int


@frozen
class _Read:
    """How far a log is read, and when its run began: one of the same name may begin after it was deleted."""

    to: Mark = Mark(0, "")
    began: Millis | None = None


@frozen
class _Opened:
    """The hooks that a log has opened with something to say, as far as it was read."""

    read: _Read = _Read()
    hooks: Mapping[str, OpenHook] = field(factory=dict)

    @property
    def weight(self) -> int:
        return sum(_HOOK + len(hook.response or b"") for hook in self.hooks.values())

    def grown(self, page: _Page) -> _Opened:
        hooks = {} if page.anew else dict(self.hooks)
        for event in page.events:
            match event:
                case CommandIssued(command=OpenHook(name=name) as hook):
                    hooks.pop(name, None)
                    if hook.response is not None or hook.within is not None:
                        hooks[name] = hook
                case _:
                    pass
        return _Opened(page.read, hooks)


@frozen
class _Page:
    """Of what is new of a log, and how far it is read then. *anew*: its first, for it is another log than it was."""

    events: tuple[Event, ...]
    read: _Read
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
        """By one generation; only what is new of its log is read, and of that not too much at a time."""
        with self._lock:
            known = self._known.get(named, _Opened())
        for page in _read_on(self._store, named, known.read):
            known = known.grown(page)
        with self._lock:
            self._known[named] = known
            self._known.move_to_end(named)
            weight = sum(one.weight for one in self._known.values())
            while len(self._known) > _KNOWN or weight > _MOST:
                weight -= self._known.popitem(last=False)[1].weight
        return known.hooks

    def place(self, run_id: str, key: str, position: int) -> Place | None:
        """Of a delivery that was made just now; None: an earlier generation has it, and says no more."""
        chain, number = chain_of(newest(self._store, run_id))
        for named in (generation(chain, one) for one in (number, number - 1) if one > 0):
            log = self._store.read(named, Mark(position - 1, "")) if position > 0 else None
            event = unpack(log.events[0]) if log is not None and log.events else None
            if isinstance(event, HookReceived) and event.key == key:
                return Place(named, position)
        return None

    def given(self, place: Place, read: _Read) -> tuple[bytes | None, _Read | None]:
        """What the workflow has said after *read*, and how far the log is read then; None: it is there no more."""
        known: _Read | None = None
        for page in _read_on(self._store, place.run_id, read):
            if page.anew:
                return None, None
            known = page.read
            for event in page.events:
                match event:
                    case CommandIssued(command=Respond(position=place.position, value=value)):
                        return value, known
                    case _:
                        pass
        return None, known

    # --- on the loop ------------------------------------------------------------------------------------------------

    async def wait(self, place: Place, hook: OpenHook) -> bytes | None:
        """Until the workflow has said something, for as long as the hook allows; else what it was opened with. An await
        holds no thread. Raises `RefusedRequest` where too many wait.
        """
        read, began, patience = _Read(Mark(place.position, "")), monotonic(), (hook.within or 0) / 1_000
        with self.desk.waiting():
            while True:
                asked = partial(self.given, place, read)
                value, known = await self.desk.ask(asked)
                waited = monotonic() - began
                if value is not None or known is None or waited >= patience:
                    return hook.response if value is None else value
                read = known
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


def _read_on(store: Store, run_id: str, read: _Read) -> Iterator[_Page]:
    """Page by page, and no more when `LONGEST` events were read. Raises `StoreError`."""
    to, known, seen, anew = read.to, read.began, 0, False
    while seen < LONGEST and (log := store.read(run_id, to)) is not None:
        began = log.summary.started_at
        anew = anew or log.gap
        if known not in (None, began) and not anew:  # it was deleted, and is another one
            to, anew = Mark(0, ""), True
            continue
        seen += len(log.events)
        length = len(log.events) + (0 if log.gap else to.length)
        ended = not log.events or length >= log.head.length
        to = log.head if ended else Mark(length, "")
        yield _Page(tuple(map(unpack, log.events)), _Read(to, began), anew)
        if ended:
            return
        known, anew = began, False
