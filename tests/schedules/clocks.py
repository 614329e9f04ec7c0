"""What a clock on the wall shows, worked out the long way: another road to the same occurrences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
ZONES = {  # clocks change by an hour at two, by half an hour, at midnight, by a whole day
    "Europe/Berlin": 2020,
    "America/New_York": 2020,
    "Australia/Lord_Howe": 2020,
    "America/Havana": 2020,
    "Pacific/Apia": 2005,
}
_NAMES = {name: at for at, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}


def occurrences(line: str, tz: str, since: datetime, until: datetime) -> list[datetime]:
    """Each local time that fits, at the instant when clocks first show it, or first show a later one."""
    zone = ZoneInfo(tz)
    found = {_instant(wall, zone) for wall in _walls(line, since - 2 * DAY, until + 2 * DAY)}
    return sorted(one for one in found if since <= one < until)


def _walls(line: str, since: datetime, until: datetime) -> Iterator[datetime]:
    minutes, hours, days, months, weekdays = line.split()
    either = days != "*" and weekdays != "*"  # as crontab(5) has it
    day = since.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    while day < until.replace(tzinfo=None):
        fits = day.day in _set(days, 1, 31), day.isoweekday() % 7 in {one % 7 for one in _set(weekdays, 0, 7)}
        if day.month in _set(months, 1, 12) and (any(fits) if either else all(fits)):
            for hour in sorted(_set(hours, 0, 23)):
                yield from (day.replace(hour=hour, minute=minute) for minute in sorted(_set(minutes, 0, 59)))
        day += DAY


def _set(field: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        spread, _, step = part.partition("/")
        first, _, last = ("*", "", "") if spread == "*" else spread.partition("-")
        low = least if first == "*" else _number(first)
        high = most if first == "*" or (step and not last) else _number(last or first)
        found |= set(range(low, high + 1, int(step or 1)))
    return found


def _number(text: str) -> int:
    return _NAMES[text] if text in _NAMES else int(text)


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    around = {
        (wall.replace(tzinfo=UTC) + shift).astimezone(zone).utcoffset() for shift in (-2 * DAY, -DAY, DAY, 2 * DAY)
    }
    around |= {wall.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
    instants = sorted((wall - offset).replace(tzinfo=UTC) for offset in around if offset is not None)
    shown = [one for one in instants if one.astimezone(zone).replace(tzinfo=None) == wall]
    if shown:
        return shown[0]
    at = instants[0] - DAY
    while at.astimezone(zone).replace(tzinfo=None) < wall:
        at += timedelta(minutes=1)
    return at
