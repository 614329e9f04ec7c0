"""Instants and durations: whole milliseconds inside, "3 days", seconds, timedeltas and datetimes outside.

An instant counts from the Unix epoch. Naive datetimes are refused: they mean another moment on every machine.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, assert_never

from attrs import frozen

from yieldflow.errors import shown

Millis: TypeAlias = int
Duration: TypeAlias = str | float | timedelta
When: TypeAlias = Duration | datetime

_UNITS: dict[str, Millis] = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 1),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1_000),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60_000),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600_000),
    **dict.fromkeys(("d", "day", "days"), 86_400_000),
    **dict.fromkeys(("w", "week", "weeks"), 604_800_000),
}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*")
_LONGEST_TEXT = 100  # characters
EARLIEST: Millis = -62_135_596_800_000  # the first and the last millisecond that a datetime can say
LATEST: Millis = 253_402_300_799_999
_LONGEST: Millis = 100 * 365 * 86_400_000  # a century: longer is a mistake, and overflows datetimes


@frozen
class After:
    """So long after the command was issued."""

    millis: Millis


@frozen
class At:
    """At this instant."""

    instant: Millis


End: TypeAlias = After | At


def duration(value: Duration) -> Millis:
    """`"1h30m"`, `"3 days"`, seconds or a timedelta as milliseconds; raises ValueError for anything else."""
    match value:
        case timedelta():
            millis = round(value / timedelta(milliseconds=1))
        case bool():
            raise ValueError(f"{shown(value)} is not a duration")
        case int() | float():
            millis = round(value * 1_000) if abs(value) <= _LONGEST else _LONGEST + 1
        case str():
            millis = _spelled(value)
        case _:
            raise ValueError(f"{shown(value)} is not a duration: write seconds, '3 days', '1h30m' or a timedelta")
    if not 0 <= millis <= _LONGEST:
        raise ValueError(f"{shown(value)} is not a duration: it must lie between nothing and a hundred years")
    return millis


def end(value: When) -> End:
    """A duration or an aware datetime as the end of a wait; raises ValueError for anything else."""
    if not isinstance(value, datetime):
        return After(duration(value))
    if value.utcoffset() is None:
        raise ValueError(f"{shown(value)} has no time zone: use an aware datetime, such as datetime.now(UTC)")
    return At(instant(value))


def ends_at(wait: End, issued: Millis) -> Millis:
    match wait:
        case After(millis):
            return issued + millis
        case At(at):
            return at
        case _:
            assert_never(wait)


def instant(value: datetime) -> Millis:
    return min(LATEST, round((value - _EPOCH) / timedelta(milliseconds=1)))


def moment(at: Millis) -> datetime:
    """The aware UTC datetime of an instant; of those that no datetime can say, the nearest."""
    return _EPOCH + timedelta(milliseconds=max(EARLIEST, min(at, LATEST)))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _spelled(text: str) -> Millis:
    total, rest = 0.0, text.lower()
    while rest:
        part = _PART.match(rest)
        if part is None or part[2] not in _UNITS or len(text) > _LONGEST_TEXT:
            raise ValueError(
                f"{shown(text)} is not a duration: write it like '30s', '5m', '1h30m', '3 days' or '2 weeks'"
            )
        total = min(total + float(part[1]) * _UNITS[part[2]], _LONGEST + 1)
        rest = rest[part.end() :]
    if not text.strip():
        raise ValueError("an empty text is not a duration: write it like '30s' or '3 days'")
    return round(total)
