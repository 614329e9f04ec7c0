"""How the store of an app stands, as figures: runs by status (also blocked ones), alarms that are late, what waits.

Read anew for each scrape, by whoever is asked; any one process of a fleet is enough. It only reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, get_args

from yieldflow.app import App
from yieldflow.codec.packing import unpack
from yieldflow.connect import file_of, fleet, found_in, scheme_of
from yieldflow.core.times import Millis
from yieldflow.errors import Undecodable
from yieldflow.metrics.counters import Metrics
from yieldflow.metrics.exposition import Family, Sample, exposed
from yieldflow.ports import Filter, Status
from yieldflow.presence import Backlog, Member
from yieldflow.stores.census import Census, Due

_PAGE = 1_000  # runs of a store in memory


class Hints(Protocol):
    """What is asked of the workers' server. Raises `StoreError`."""

    def members(self) -> Sequence[Member]: ...
    def queues(self) -> Sequence[str]: ...
    def backlogs(self, queues: Sequence[str]) -> Sequence[Backlog]: ...


def gauges(app: App) -> tuple[Family, ...]:
    """Six round trips to a Redis server at the most, one transaction on a file. Raises `StoreError`."""
    found = _census(app)
    if app.embedded:
        return (*_of_census(found), *_of_due(found.due or {}, found.now))
    staff: Hints = fleet(app.client)
    members = staff.members()
    served_here = {queue for member in members if member.presence is not None for queue in member.queues}
    ours = {app.queue, app.limits.step_queue or app.queue, *served_here}
    backlogs = staff.backlogs(sorted({*ours, *staff.queues()}))
    served = [one for one in backlogs if one.hints or one.queue in ours]  # others' queues are none of our business
    return (*_of_census(found), *_of_backlogs(served, found.now), *_of_members(members, [one.queue for one in served]))


def page(app: App) -> str:
    """What a scrape of a process that has this app reads: how its store stands, and what it counts itself, if it does.
    Raises `StoreError`.
    """
    own = [family for one in app.workshop.observers if isinstance(one, Metrics) for family in one.families()]
    return exposed([*gauges(app), *own])


def _census(app: App) -> Census:
    url = app.settings.url
    match scheme_of(url):
        case "memory":
            return _in_memory(app)
        case "sqlite":
            made: Census = found_in("yieldflow.stores.sqlite.census", "census")(file_of(url))
        case _:
            made = found_in("yieldflow.stores.redis.census", "census")(app.client, app.settings.prefix)
    return made


def _in_memory(app: App) -> Census:
    """It is gone with its process: nobody but this asks for it."""
    counts: dict[str, int] = dict.fromkeys(get_args(Status), 0)
    page = app.store.find(Filter(limit=_PAGE))
    while True:
        for run in page.runs:
            counts[run.status] += 1
        if page.cursor is None:
            break
        page = app.store.find(Filter(limit=_PAGE), page.cursor)
    alarm, now = app.store.next_alarm()
    return Census(now, counts, int(alarm is not None and alarm <= now), alarm, 0)


def _of_census(found: Census) -> Iterator[Family]:
    runs = tuple(Sample(count, {"status": status}) for status, count in found.runs.items())
    yield Family("yieldflow_runs", "gauge", "Generations of runs that are kept, by status.", runs)
    late = 0 if found.alarm is None else max(0, found.now - found.alarm) / 1_000
    yield _one("yieldflow_alarm_lag_seconds", "How late the earliest alarm is: more than a few: nobody rings.", late)
    yield _one("yieldflow_alarms_overdue", "Alarms that should have rung.", found.overdue)
    yield _one("yieldflow_hooks_open", "Hooks that can be answered.", found.hooks)
    if found.claims is not None:
        yield _by_queue("yieldflow_claims", "Work that is claimed.", found.claims)


def _of_due(due: Mapping[str, Due], now: Millis) -> Iterator[Family]:
    lags = {queue: _age(min(_instants(one), default=now), now) for queue, one in due.items()}
    counts = {queue: one.count for queue, one in due.items()}
    yield _by_queue("yieldflow_queue_waiting", "Work that a worker may take now.", counts)
    yield _by_queue("yieldflow_queue_lag_seconds", "For how long the oldest of it has waited.", lags)


def _of_backlogs(backlogs: Sequence[Backlog], now: Millis) -> Iterator[Family]:
    counts = {one.queue: one.hints for one in backlogs}
    lags = {one.queue: 0.0 if one.since is None else _age(one.since, now) for one in backlogs}
    yield _by_queue("yieldflow_queue_waiting", "Runs that are noted for a worker of the queue to look at.", counts)
    yield _by_queue("yieldflow_queue_lag_seconds", "For how long the oldest of them has waited.", lags)


def _of_members(members: Sequence[Member], queues: Sequence[str]) -> Iterator[Family]:
    serving: dict[str, float] = dict.fromkeys(queues, 0)
    for member in members:
        for queue in member.queues:
            serving[queue] = serving.get(queue, 0) + 1
    stuck = sum(member.presence.stuck for member in members if member.presence is not None)
    yield _by_queue(
        "yieldflow_workers", "Workers that serve the queue, stock ones among them; 0: nobody does.", serving
    )
    yield _one("yieldflow_stuck_threads", "Threads of workers that do not come back from a body.", stuck)


def _instants(due: Due) -> Iterator[Millis]:
    if due.since is not None:
        yield due.since
    if due.issued is not None:
        try:
            yield unpack(due.issued).at
        except Undecodable:
            return


def _age(since: Millis, now: Millis) -> float:
    return max(0, now - since) / 1_000


def _one(name: str, says: str, value: float) -> Family:
    return Family(name, "gauge", says, (Sample(value),))


def _by_queue(name: str, says: str, values: Mapping[str, float]) -> Family:
    return Family(name, "gauge", says, tuple(Sample(value, {"queue": queue}) for queue, value in values.items()))
