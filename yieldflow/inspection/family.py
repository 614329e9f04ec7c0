"""The child runs of a run, and theirs: which there are by its log, and how each stands by its own.

The children of one run are one call of the store. What is read has bounds: so many runs, of each the first thousand
events, and of its children those that still run before those that have ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from yieldflow.codec.packing import unpack
from yieldflow.core.chain import chain_of
from yieldflow.core.times import Millis
from yieldflow.errors import ImpossibleEvent, Undecodable
from yieldflow.inspection.timeline import Item, State, Timeline
from yieldflow.ports import Log, Look, Status, Store

MOST_CHILDREN = 10  # of one run
MOST_RUNS = 40
DEEPEST = 5


@frozen
class Kin:
    """A child run. *state* is what its parent's log says of it, *status* what its own does (None: there is none)."""

    item: Item
    run_id: str
    status: Status | None = None
    since: Millis | None = None
    until: Millis | None = None
    blocked: str | None = None  # why
    children: tuple[Kin, ...] = ()
    more: int = 0  # children that are left out

    @property
    def state(self) -> State:
        return self.item.state


@frozen
class Family:
    children: tuple[Kin, ...] = ()
    more: int = 0


def family(store: Store | None, timeline: Timeline) -> Family:
    """Without a store, only what the log says."""
    shown, more = _chosen(timeline, MOST_RUNS)
    if store is None or not shown:
        return Family(tuple(Kin(item, run_id) for item, run_id in shown), more)
    return Family(_level(store, shown, MOST_RUNS, DEEPEST), more)


def _level(store: Store, shown: Sequence[tuple[Item, str]], room: int, depth: int) -> tuple[Kin, ...]:
    logs = _read(store, [run_id for _, run_id in shown])
    left = max(0, room - len(shown)) // max(1, len(shown))
    return tuple(_kin(store, item, log, run_id, left, depth) for (item, run_id), log in zip(shown, logs, strict=True))


def _kin(store: Store, item: Item, log: Log | None, run_id: str, room: int, depth: int) -> Kin:
    if log is None:  # not started yet, or pruned
        return Kin(item, run_id)
    listed = log.summary
    grandchildren, more = _chosen(_folded(log), room if depth > 1 else 0)
    return Kin(
        item,
        listed.run_id,
        listed.status,
        listed.started_at,
        listed.finished_at,
        None if listed.note is None else listed.note.reason,
        _level(store, grandchildren, room, depth - 1) if grandchildren else (),
        more,
    )


def _read(store: Store, run_ids: Sequence[str]) -> list[Log | None]:
    """Those that went on as fresh logs, by the newest."""
    logs = list(store.read_each([Look(run_id) for run_id in run_ids]))
    moved = [at for at, log in enumerate(logs) if log is not None and log.summary.status == "continued"]
    newest = [store.newest(chain_of(run_ids[at])[0]) for at in moved]
    for at, log in zip(moved, store.read_each([Look(run_id) for run_id in newest]) if moved else (), strict=True):
        logs[at] = log
    return logs


def _folded(log: Log) -> Timeline:
    """As far as it was read, or can be."""
    timeline = Timeline()
    if any(b'"child"' in data for data in log.events):  # the others have none, and there are many
        for data in log.events:
            try:
                timeline.add(unpack(data))
            except (Undecodable, ImpossibleEvent):
                break
    return timeline


def _chosen(timeline: Timeline, room: int) -> tuple[list[tuple[Item, str]], int]:
    """Those that still run first, then the newest; in the order of asking. And how many are left out."""
    found = list(_children(timeline))
    ranked = sorted(found, key=lambda child: (child[0].state != "open", -child[0].position))
    kept = ranked[: min(room, MOST_CHILDREN)]
    return sorted(kept, key=lambda child: child[0].position), len(found) - len(kept)


def _children(timeline: Timeline) -> Iterator[tuple[Item, str]]:
    for item in timeline.items.values():
        if item.run_id is not None:
            yield item, item.run_id
