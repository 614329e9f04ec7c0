"""When a schedule is due: the occurrences of a cron line, an interval or a list, as functions over values.

A local time that a clock change skips is due at the first instant after the gap; one that it repeats is due once,
the first time. Reads no clock, and knows no run.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib import import_module
from typing import Any, TypeAlias, assert_never
from zoneinfo import ZoneInfo

from attrs import frozen

from yieldflow.core.times import EARLIEST, Millis, instant, moment
from yieldflow.errors import UsageError, shown

SHORTEST: Millis = 1_000  # between two occurrences
_DAY: Millis = 86_400_000  # no clock is further from UTC
_FIELD = re.compile(r"(?:\d|[*,/-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)+")
_LONGEST_LINE = 1_000  # characters; all that there is, spelled out, takes fewer than 400
_NAMED = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")


@frozen
class Cron:
    """Local times of the zone, by the five fields of crontab(5)."""

    line: str


@frozen
class Every:
    """So long apart, whatever clocks do: counted from *start*, or from 1970-01-01 in UTC."""

    span: Millis


@frozen
class At:
    """At these instants, in order."""

    instants: tuple[Millis, ...]


Rule: TypeAlias = Cron | Every | At


@frozen
class Times:
    """*start* is the first instant that may be one, *end* the first that may not."""

    rule: Rule
    tz: str = "UTC"
    start: Millis | None = None
    end: Millis | None = None


def next_after(times: Times, at: Millis) -> Millis | None:
    """The first occurrence after *at*; None: there is none any more.

    >>> moment(next_after(Times(Cron("30 2 * * *"), "Europe/Berlin"), instant(datetime(2026, 3, 29, tzinfo=UTC)))).hour
    1
    """
    if times.start is not None:
        at = max(at, times.start - 1)
    match times.rule:
        case Cron(line):
            found = _cron_after(line, times.tz, at)
        case Every(span):
            anchor = times.start or 0
            found = anchor + ((at - anchor) // span + 1) * span
        case At(instants):
            later = instants[bisect_right(instants, at) :]
            found = later[0] if later else None
        case _:
            assert_never(times.rule)
    return None if found is None or (times.end is not None and found >= times.end) else found


def between(times: Times, since: Millis, until: Millis) -> Iterator[Millis]:
    """All from *since* on and before *until*."""
    at = next_after(times, since - 1)
    while at is not None and at < until:
        yield at
        at = next_after(times, at)


def jittered(run_id: str, jitter: Millis) -> Millis:
    """How much later than it is due an occurrence begins: for each another delay, for the same always the same."""
    return int.from_bytes(sha256(run_id.encode()).digest()[:8]) % (jitter + 1)


def named(schedule_id: str, occurrence: Millis) -> str:
    """The run id of an occurrence, in UTC: a local time may come twice.

    >>> named("nightly", 1_774_749_600_000)
    'nightly@2026-03-29T02:00:00Z'
    """
    precision = "milliseconds" if occurrence % 1_000 else "seconds"
    return f"{schedule_id}@{moment(occurrence).replace(tzinfo=None).isoformat(timespec=precision)}Z"


def by_name(schedule_id: str, name: str) -> str:
    """The run id of what was asked for under a name of its own."""
    return f"{schedule_id}@{name}"


def check(times: Times) -> None:
    """Raises `UsageError` for what means nothing, or is never due, be it long ago: it reads no clock."""
    _zone_of(times.tz)
    match times.rule:
        case Cron(line):
            _check_line(line)
        case Every(span) if span < SHORTEST:
            raise UsageError(f"every={span} ms is too often for runs: one second is the shortest")
        case Every() | At():
            pass
        case _:
            assert_never(times.rule)
    if next_after(times, times.start - 1 if times.start is not None else 0) is None:
        raise UsageError("the schedule is never due: look at its days, start= and end=")


# --- cron -------------------------------------------------------------------------------------------------------------


def _cron_after(line: str, tz: str, at: Millis) -> Millis | None:
    zone, at = _zone_of(tz), max(at, EARLIEST + _DAY)
    try:
        wall = moment(at).astimezone(zone).replace(tzinfo=None, microsecond=0)
        lines = _croniter().croniter(line, wall)
        while (found := instant(_on_the_clock(lines.get_next(datetime), zone))) <= at:
            pass  # it is the first of a time that comes twice, and this is the second
    except (ValueError, OverflowError):  # nothing in fifty years, or no datetime can say it
        return None
    return found


def _on_the_clock(wall: datetime, zone: ZoneInfo) -> datetime:
    """When clocks first show that time, or if they never do, have gone past it."""
    first = wall.replace(tzinfo=zone)
    late = first.astimezone(UTC)
    if late.astimezone(zone).replace(tzinfo=None) == wall:
        return late
    early = first.replace(fold=1).astimezone(UTC)
    before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):  # clocks change between these two, at a whole second
        middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
        early, late = (middle, late) if middle.astimezone(zone).utcoffset() == before else (early, middle)
    return late


def _check_line(line: str) -> None:
    fields = line.split() if isinstance(line, str) and len(line) <= _LONGEST_LINE else []
    plain = line in _NAMED or (len(fields) == 5 and all(_FIELD.fullmatch(field.lower()) for field in fields))
    if not plain or not _croniter().croniter.is_valid(line):
        meant = "write minute, hour, day, month and weekday, such as '30 7 * * mon-fri'"
        raise UsageError(f"cron={shown(line)} is no cron line: {meant}")


@cache
def _croniter() -> Any:
    """When it is needed: what it imports takes longer than all of ours."""
    return import_module("croniter")


def known_zone(tz: str) -> ZoneInfo | None:
    """None: it is none, or this machine does not know it, and whoever made the schedule did."""
    try:
        return ZoneInfo(tz)
    except (TypeError, ValueError, OSError, LookupError):
        return None


def _zone_of(tz: str) -> ZoneInfo:
    zone = known_zone(tz)
    if zone is None:
        hint = "use an IANA name such as 'Europe/Berlin' (if this machine knows none: pip install tzdata)"
        raise UsageError(f"tz={shown(tz)} is no time zone; {hint}")
    return zone
