"""Runs as they are found: the records of each, of one moment, and its log up to the head of that moment, folded.

A log that cannot be read to its end or folded is damaged, whatever the records say. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from yieldflow.codec.packing import unpack
from yieldflow.core.events import Event
from yieldflow.core.record import record
from yieldflow.core.run import Run, fold
from yieldflow.errors import ImpossibleEvent, Undecodable
from yieldflow.ports import Mark
from yieldflow.stores.records import Keeper, Records

A_TIME = 20  # runs in one call
SHORT = 200  # events; longer logs are read one by one


@record
class Chart:
    run: Run
    events: tuple[Event, ...]
    kept: Records


@record
class Loose:
    """Records without a log."""

    kept: Records


@record
class Damaged:
    run_id: str
    reason: str


Found: TypeAlias = Chart | Loose | Damaged


def charts(keeper: Keeper, run_ids: Sequence[str]) -> Iterator[Found]:
    """Of those that are still there."""
    for start in range(0, len(run_ids), A_TIME):
        records = keeper.records(run_ids[start : start + A_TIME])
        found = [(kept.run_id, kept.head) for kept in records if isinstance(kept, Records) and kept.head is not None]
        heads = [(run_id, head) for run_id, head in found if head.length <= SHORT]
        logs = dict(zip([run_id for run_id, _ in heads], keeper.logs(heads), strict=True))
        for run_id, kept in zip(run_ids[start : start + A_TIME], records, strict=True):
            if isinstance(kept, str):
                yield Damaged(run_id, kept)
            elif kept.head is None:
                yield Loose(kept)
            else:
                packed = logs[run_id] if run_id in logs else keeper.logs([(run_id, kept.head)])[0]
                yield _folded(kept, kept.head, packed)


def chart(keeper: Keeper, run_id: str) -> Found:
    return next(charts(keeper, [run_id]))


def _folded(kept: Records, head: Mark, packed: Sequence[bytes]) -> Found:
    if len(packed) != head.length:
        return Damaged(kept.run_id, f"it has {len(packed):,} of {head.length:,} events")
    try:
        events = tuple(unpack(data) for data in packed)
        run = fold(events)
    except (Undecodable, ImpossibleEvent) as error:
        return Damaged(kept.run_id, str(error))
    if run.started is None or run.started.run_id != kept.run_id:
        return Damaged(kept.run_id, "it is the log of another run")
    return Chart(run, events, kept)
