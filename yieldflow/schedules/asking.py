"""A schedule as users write it, checked where they write it, and read back for whoever changes a part of it.

Raises `UsageError` with one sentence for whatever cannot be meant; starts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from json import loads
from typing import Any, assert_never, get_args

from attrs import frozen

from yieldflow.authoring.options import is_position, is_run_id
from yieldflow.core.asks import WorkflowCall
from yieldflow.core.times import Duration, Millis, duration, instant, moment
from yieldflow.core.values import Codec
from yieldflow.engine.outside import encoded
from yieldflow.errors import UsageError, shown
from yieldflow.schedules.occurrences import At, Cron, Every, Rule, Times, check
from yieldflow.schedules.plan import TAG, Overlap, Plan, Target

SHORTEST_CATCH_UP: Millis = 10_000  # alarms may be a little late
LONGEST_ID = 160  # characters: a run id takes 200, and the time of an occurrence is a part of it


@frozen
class Asked:
    """The options of `App.schedule`, as they were given."""

    cron: str | None = None
    every: Duration | None = None
    at: Iterable[datetime] | None = None
    tz: str = "UTC"
    overlap: Overlap = "skip"
    jitter: Duration | None = None
    catch_up: Duration = "1h"
    start: datetime | None = None
    end: datetime | None = None
    limit: int | None = None

    def plan(self, target: Target) -> Plan:
        """Raises `UsageError`."""
        start = None if self.start is None else instant_of("start", self.start)
        end = None if self.end is None else instant_of("end", self.end)
        times = Times(self._rule(), self.tz, start, end)
        check(times)
        if self.overlap not in get_args(Overlap):
            raise UsageError(f"overlap={shown(self.overlap)} is no policy; there are {', '.join(get_args(Overlap))}")
        if self.limit is not None and not is_position(self.limit, 1):
            raise UsageError(f"limit={shown(self.limit)} must be a whole number from 1")
        catch_up = _span("catch_up", self.catch_up)
        if catch_up < SHORTEST_CATCH_UP:
            raise UsageError(f"catch_up={shown(self.catch_up)} is less than an alarm may be late: give 10s or more")
        jitter = 0 if self.jitter is None else _span("jitter", self.jitter)
        return Plan(target, times, self.overlap, jitter, catch_up, self.limit)

    def _rule(self) -> Rule:
        given = [name for name in ("cron", "every", "at") if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(f"{name}=" for name in given) or "nothing"
            raise UsageError(f"a schedule is given one of cron=, every= and at=, not {said}")
        if self.cron is not None:
            return Cron(self.cron)
        if self.every is not None:
            return Every(_span("every", self.every))
        return At(tuple(sorted({instant_of("at", one) for one in self._list()})))

    def _list(self) -> list[datetime]:
        if self.at is None or isinstance(self.at, str) or not isinstance(self.at, Iterable):
            raise UsageError(f"at={shown(self.at)} must be a list of aware datetimes")
        return list(self.at)


def asked_of(plan: Plan) -> Asked:
    """What would be written for it."""
    times = plan.times
    start = None if times.start is None else moment(times.start)
    end = None if times.end is None else moment(times.end)
    jitter, catch_up = timedelta(milliseconds=plan.jitter), timedelta(milliseconds=plan.catch_up)
    rest = {"tz": times.tz, "overlap": plan.overlap, "jitter": jitter, "catch_up": catch_up}
    more: dict[str, Any] = {**rest, "start": start, "end": end, "limit": plan.limit}
    match times.rule:
        case Cron(line):
            return Asked(cron=line, **more)
        case Every(span):
            return Asked(every=timedelta(milliseconds=span), **more)
        case At(instants):
            return Asked(at=tuple(map(moment, instants)), **more)
        case _:
            assert_never(times.rule)


def target_of(call: WorkflowCall[Any], codec: Codec) -> Target:
    """Raises `UsageError` and `BadArguments`. *codec* seals nothing: its JSON becomes an argument, which is sealed."""
    if not isinstance(call, WorkflowCall):
        raise UsageError(f"a schedule takes the call of a workflow, such as report('all'), not {shown(call)}")
    options, definition = call.changed, call.definition
    if options.run_id is not None:
        raise UsageError("the call of a schedule has no run_id=: each occurrence has its own, schedule_id@time")
    tags = dict(options.tags)
    if TAG in tags:
        raise UsageError(f"the tag {TAG!r} of what a schedule starts is the schedule's id: choose another name")
    args, kwargs = loads(encoded(call, codec))
    return Target(definition.name, args, kwargs, definition.version, options.queue, options.timeout, tags)


def expect_id(schedule_id: object) -> None:
    """Raises `UsageError`."""
    if not is_run_id(schedule_id) or "@" in str(schedule_id) or len(str(schedule_id)) > LONGEST_ID:
        said = f"use 1 to {LONGEST_ID} printable characters without '~' and '@'"
        raise UsageError(f"{shown(schedule_id)} cannot be the id of a schedule: {said}")


def _span(name: str, value: Duration) -> Millis:
    try:
        return duration(value)
    except ValueError as error:
        raise UsageError(f"{name}={error}") from None


def instant_of(name: str, given: datetime) -> Millis:
    """Raises `UsageError`."""
    if not isinstance(given, datetime) or given.utcoffset() is None:
        raise UsageError(f"{name}={shown(given)} must be an aware datetime, such as datetime(2026, 1, 1, tzinfo=UTC)")
    return instant(given)
