"""What there is to do on a store, by queue, and what is being done, claim by claim. It only reads.

Of the runs that live the newest are looked at, so that it costs about the same whatever a store holds; what lies in the
queues themselves their server tells.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from attrs import define, evolve, field, frozen

from yieldflow.codec.packing import unpack
from yieldflow.core.commands import CallStep, Send, StartChild
from yieldflow.core.events import CommandIssued
from yieldflow.core.path import show
from yieldflow.core.times import Millis
from yieldflow.errors import Undecodable
from yieldflow.inspection.timeline import short
from yieldflow.ports import NO_EVENTS, Claimed, Filter, Log, Look, Mark, Store, Summary

if TYPE_CHECKING:
    from yieldflow.app import App

LOOKED = 400  # runs in a call
_PAGE = 200
_NAMED = 50  # claims whose step is looked up in one call
_REMEMBERED = 10_000


@frozen
class Carried:
    """A piece of work that somebody has claimed; *what*: its step, as people call it."""

    summary: Summary
    claim: Claimed
    what: str

    def is_late(self, now: Millis) -> bool:
        """Its lease is over: whoever had it is silent."""
        return self.claim.until <= now


@frozen
class Workload:
    """*runs* that go on by themselves, by queue; *due*: pieces of work that a worker may take now; *unseen*: runs that
    are to be looked at, and nobody has. *whole*: there are no more runs than were *looked* at.
    """

    now: Millis
    looked: int
    whole: bool
    runs: Mapping[str, int] = field(factory=dict)
    due: Mapping[str, int] = field(factory=dict)
    unseen: Mapping[str, int] = field(factory=dict)
    carried: tuple[Carried, ...] = ()

    @property
    def queues(self) -> tuple[str, ...]:
        return tuple(sorted({*self.runs, *self.due, *self.unseen}))


@define(eq=False)
class Shop:
    """What was looked up in one store; safe to share between threads."""

    _names: OrderedDict[str, str] = field(factory=OrderedDict, init=False)  # by the token of a claim
    _lock: Lock = field(factory=Lock, init=False)

    def load(self, store: Store, most: int = LOOKED) -> Workload:
        """Of the newest *most* runs that are running. Raises `StoreError`."""
        logs, more, now = _looked_at(store, most)
        runs, due, unseen = Counter[str](), Counter[str](), Counter[str]()
        for log in logs:
            queue = log.summary.queue
            runs[queue] += 1
            unseen[queue] += log.rings > 0 or log.head.length == 1
            due.update(log.free)
        held = [(log.summary, claim) for log in logs for claim in log.claimed]
        names = self._named(store, held)
        carried = tuple(Carried(summary, claim, names[claim.token]) for summary, claim in held)
        return Workload(now, len(logs), not more, runs, due, +unseen, carried)

    def _named(self, store: Store, held: Sequence[tuple[Summary, Claimed]]) -> Mapping[str, str]:
        """By their tokens; what an event says never changes, so each is looked up once."""
        with self._lock:
            known = {claim.token: self._names.get(claim.token, "") for _, claim in held}
        new = [one for one in held if not known[one[1].token]][:_NAMED]
        looks = [Look(summary.run_id, Mark(claim.work.event - 1, "")) for summary, claim in new]
        found = dict(_names(new, store.read_each(looks) if looks else ()))
        with self._lock:
            self._names.update(found)
            while len(self._names) > _REMEMBERED:
                self._names.popitem(last=False)
        paths = {claim.token: f"work at {show(claim.path)}" for _, claim in held}
        return {token: found.get(token) or known[token] or paths[token] for token in known}


_SHOPS: MutableMapping[App, Shop] = WeakKeyDictionary()
_MAKING = Lock()


def workload(app: App, most: int = LOOKED) -> Workload:
    """Raises `StoreError`."""
    with _MAKING:
        shop = _SHOPS.setdefault(app, Shop())
    return shop.load(app.store, most)


def _looked_at(store: Store, most: int) -> tuple[list[Log], bool, Millis]:
    """How they stand, whether there are more, and the time."""
    found: list[Log] = []
    wanted, cursor, looked = Filter(status="running"), None, 0
    while looked < most:
        page = store.find(evolve(wanted, limit=min(_PAGE, most - looked)), cursor)
        logs = store.read_each([Look(run.run_id, NO_EVENTS) for run in page.runs]) if page.runs else ()
        found += [log for log in logs if log is not None]
        looked += len(page.runs)
        if (cursor := page.cursor) is None:
            break
    return found, cursor is not None, found[-1].now if found else store.next_alarm()[1]


def _names(held: Sequence[tuple[Summary, Claimed]], logs: Sequence[Log | None]) -> Iterator[tuple[str, str]]:
    for (_, claim), log in zip(held, logs, strict=True):
        if log is not None and log.events and not log.gap:
            yield claim.token, _said(log.events[0]) or f"work at {show(claim.path)}"


def _said(packed: bytes) -> str:
    try:
        event = unpack(packed)
    except Undecodable:
        return ""
    match event:
        case CommandIssued(command=CallStep(name=name, options=options)):
            return options.label or short(name)
        case CommandIssued(command=StartChild(workflow=workflow)):
            return f"start of {short(workflow)}"
        case CommandIssued(command=Send(hook=hook)):
            return f"send to {hook}"
        case _:
            return ""
