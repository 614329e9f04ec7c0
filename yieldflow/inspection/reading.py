"""What is read of one run: its whole log with how it stands, or only its end. Writes nothing, decides nothing."""

from __future__ import annotations

from attrs import frozen

from yieldflow.codec.packing import unpack
from yieldflow.core.chain import chain_of, expect_possible
from yieldflow.core.events import Event, RunFinished
from yieldflow.core.outcome import ContinuedAs, Ending
from yieldflow.errors import ImpossibleEvent, StoreError, Undecodable, UnknownRun
from yieldflow.inspection.timeline import Timeline
from yieldflow.inspection.words import Told, told
from yieldflow.ports import NO_EVENTS, Log, Mark, Store


@frozen
class Past:
    """The log up to a position: its events, their fold and their words. *problem*: why it could not be read on."""

    log: Log  # as the last reading found the run
    events: tuple[Event, ...]
    timeline: Timeline
    told: tuple[Told, ...]
    problem: str | None = None


def past(store: Store, run_id: str, at: int | None = None) -> Past:
    """The first *at* events, default: all. Raises `UnknownRun`, `StoreError`."""
    log, packed = whole(store, run_id)
    timeline, events, words = Timeline(), list[Event](), list[Told]()
    for data in packed[:at]:
        try:
            event = unpack(data)
            timeline.add(event)
        except (Undecodable, ImpossibleEvent) as error:
            return Past(log, tuple(events), timeline, tuple(words), str(error))
        events.append(event)
        words.append(told(event, timeline))
    return Past(log, tuple(events), timeline, tuple(words))


def ending(store: Store, run_id: str) -> Ending | None:
    """How the newest generation of a run ended; None: it has not, or goes on as another. Raises `UnknownRun`,
    `StoreError`.
    """
    run_id = newest(store, run_id)
    log = stand(store, run_id)
    if log.summary.finished_at is None:
        return None
    last = _read(store, run_id, Mark(log.head.length - 1, "")).events
    event = unpack(last[-1])
    if not isinstance(event, RunFinished):
        raise StoreError(f"run {run_id!r} is listed as ended, but its log has no end")
    return None if isinstance(event.outcome, ContinuedAs) else event.outcome


def newest(store: Store, run_id: str) -> str:
    """The generation that verbs by run id mean."""
    expect_possible(run_id)
    return store.newest(chain_of(run_id)[0])


def stand(store: Store, run_id: str) -> Log:
    """How a run stands, without its events. Raises `UnknownRun`."""
    return _read(store, run_id, NO_EVENTS)


def whole(store: Store, run_id: str) -> tuple[Log, list[bytes]]:
    """How a run stands, and its log as the store keeps it. Raises `UnknownRun`."""
    log = _read(store, run_id, None)
    packed = list(log.events)
    while len(packed) < log.head.length and log.events:
        log = _read(store, run_id, Mark(len(packed), ""))
        packed += log.events
    return log, packed


def _read(store: Store, run_id: str, after: Mark | None) -> Log:
    expect_possible(run_id)
    log = store.read(run_id, after)
    if log is None:
        raise UnknownRun(run_id)
    return log
