"""What is read of one run: its whole log with how it stands, or only its end. Writes nothing, decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import frozen

from yieldflow.codec.packing import unpack
from yieldflow.core.chain import chain_of, expect_possible, generation
from yieldflow.core.events import Event, RunFinished, RunStarted
from yieldflow.core.outcome import ContinuedAs, Ending
from yieldflow.core.times import Millis, instant
from yieldflow.engine.planning import summary
from yieldflow.errors import ImpossibleEvent, StoreError, Undecodable, UnknownRun, UnreadableLog, UsageError, shown
from yieldflow.inspection.phrases import stamp
from yieldflow.inspection.timeline import Timeline
from yieldflow.ports import LAST_EVENT, NO_EVENTS, Log, Mark, Store

Moment: TypeAlias = int | datetime | timedelta
"""A place in a log: after so many events, at an aware datetime, or so long ago."""


@frozen
class History:
    """A whole log, and how its run stood when it was read. *problem*: why it could not be read to its end."""

    log: Log
    events: tuple[Event, ...]
    problem: str | None = None
    stored: bool = True  # False: exported, so that nothing is known but the events

    @property
    def length(self) -> int:
        return self.log.head.length


@frozen
class Past:
    """A history up to a position, and its fold. *problem*: why it could not be read on."""

    log: Log  # as the last reading found the run
    events: tuple[Event, ...]
    timeline: Timeline
    problem: str | None = None


def history(store: Store, run_id: str) -> History:
    """Raises `UnknownRun`, `StoreError`."""
    log, packed = whole(store, run_id)
    events = list[Event]()
    for data in packed:
        try:
            events.append(unpack(data))
        except Undecodable as error:
            return History(log, tuple(events), str(error))
    return History(log, tuple(events))


def read_on(store: Store, known: History) -> History:
    """The same history with what came since, and how its run stands now. Raises `UnknownRun`, `StoreError`."""
    run_id = known.log.summary.run_id
    log = _read(store, run_id, known.log.head)
    if log.gap or known.problem is not None:
        return history(store, run_id)
    more = _rest(store, known.log, log, len(known.events))
    if more is None:
        return history(store, run_id)
    log, packed = more
    try:
        return History(log, (*known.events, *map(unpack, packed)))
    except Undecodable:
        return history(store, run_id)


def exported(events: Sequence[Event]) -> History:
    """What `yieldflow export` wrote: what happened last is its present. Raises `UnreadableLog`."""
    started = events[0] if events else None
    if not isinstance(started, RunStarted):
        raise UnreadableLog("a history begins with the start of its run")
    last = events[-1]
    outcome = last.outcome if isinstance(last, RunFinished) else None
    listed = summary(started, outcome, last.at)
    log = Log(Mark(len(events), ""), (), (), {}, 0, listed, None, last.at)
    return History(log, tuple(events), stored=False)


def past(store: Store, run_id: str, at: int | None = None) -> Past:
    """The first *at* events, default: all. Raises `UnknownRun`, `StoreError`."""
    return up_to(history(store, run_id), at)


def up_to(known: History, at: int | None = None) -> Past:
    """The first *at* events, default: all."""
    timeline, events = Timeline(), known.events[:at]
    for number, event in enumerate(events):
        try:
            timeline.add(event)
        except ImpossibleEvent as error:
            return Past(known.log, events[:number], timeline, str(error))
    whole = known.problem is None or (at is not None and at <= len(known.events))
    return Past(known.log, events, timeline, None if whole else known.problem)


def position(known: History, at: Moment) -> int:
    """How many events there were at that moment. Raises `UsageError`, if the log has no such place."""
    match at:
        case int():
            number = at
            if not 1 <= number <= known.length:
                here = f"its log has the positions 1 to {known.length}"
                raise UsageError(f"run {known.log.summary.run_id!r} has no position {shown(at)}; {here}")
            return number
        case timedelta():
            return _at_time(known, known.log.now - round(at / timedelta(milliseconds=1)))
        case datetime():
            if at.utcoffset() is None:
                raise UsageError(f"{at} has no time zone: use an aware datetime, such as datetime.now(UTC)")
            return _at_time(known, instant(at))


def _at_time(known: History, at: Millis) -> int:
    """Before the first event that is later: clocks may have been put back since."""
    number = next((index for index, event in enumerate(known.events) if event.at > at), len(known.events))
    if number == 0:
        raise UsageError(f"run {known.log.summary.run_id!r} had not started at {stamp(at)}")
    return number


def ending(store: Store, run_id: str) -> Ending | None:
    """How the newest generation of a run ended; None: it has not, or goes on as another. Raises `UnknownRun`,
    `StoreError`.
    """
    run_id = newest(store, run_id)
    if stand(store, run_id).summary.finished_at is None:
        return None
    log = _read(store, run_id, LAST_EVENT)
    if log.summary.finished_at is None:  # it was deleted and started anew meanwhile
        return None
    event = unpack(log.events[-1])
    if not isinstance(event, RunFinished):
        raise StoreError(f"run {run_id!r} is listed as ended, but its log has no end")
    return None if isinstance(event.outcome, ContinuedAs) else event.outcome


def newest(store: Store, run_id: str) -> str:
    """The generation that verbs by run id mean."""
    expect_possible(run_id)
    return store.newest(chain_of(run_id)[0])


def meant(store: Store, run_id: str) -> str:
    """The newest generation of `order-42`, the first one of `order-42~1`. Raises `UnknownRun` for an impossible id."""
    expect_possible(run_id)
    chain, number = chain_of(run_id)
    return store.newest(chain) if chain == run_id else generation(chain, number)


def stand(store: Store, run_id: str) -> Log:
    """How a run stands, without its events. Raises `UnknownRun`."""
    return _read(store, run_id, NO_EVENTS)


def whole(store: Store, run_id: str) -> tuple[Log, list[bytes]]:
    """How a run stands, and its log as the store keeps it. Raises `UnknownRun`."""
    while True:
        log = _read(store, run_id, None)
        if (found := _rest(store, log, log, 0)) is not None:
            return found


def _rest(store: Store, first: Log, log: Log, at: int) -> tuple[Log, list[bytes]] | None:
    """What *log* has after that position, with all that it was cut by. None: the run was deleted, and another one has
    its id: that has no part in the log of *first*.
    """
    packed = list(log.events)
    while at + len(packed) < log.head.length and log.events:
        log = _read(store, log.summary.run_id, Mark(at + len(packed), ""))
        if log.gap or log.summary.started_at != first.summary.started_at:
            return None
        packed += log.events
    return log, packed


def _read(store: Store, run_id: str, after: Mark | None) -> Log:
    expect_possible(run_id)
    log = store.read(run_id, after)
    if log is None:
        raise UnknownRun(run_id)
    return log
