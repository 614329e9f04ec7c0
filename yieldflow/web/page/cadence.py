"""When a schedule is due, as people say it: a cron line in words where that is possible, else as it stands.

Pure; what it says is only said, the occurrences are those of `yieldflow.schedules`.
"""

from __future__ import annotations

import re
from typing import assert_never

from yieldflow.inspection.phrases import count, stamp
from yieldflow.schedules.occurrences import At, Cron, Every, Times
from yieldflow.schedules.phrases import spelled
from yieldflow.schedules.plan import Overlap

OVERLAPS: dict[Overlap, str] = {
    "skip": "the new one is skipped",
    "buffer_one": "one waits for it to end",
    "buffer_all": "all wait, one after the other",
    "cancel_other": "the one that runs is cancelled",
    "terminate_other": "the one that runs is ended at once",
    "allow_all": "both run",
}
"""What happens if the former one still runs."""

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_NAMED = {
    "@hourly": "every hour",
    "@daily": "every day at 00:00",
    "@midnight": "every day at 00:00",
    "@weekly": "on Sunday at 00:00",
    "@monthly": "on day 1 of the month at 00:00",
    "@yearly": "on day 1 of January at 00:00",
    "@annually": "on day 1 of January at 00:00",
}
_MOST = 6  # members of a list that are named


def in_words(times: Times) -> str:
    """Without the zone.

    >>> in_words(Times(Cron("30 7 * * mon-fri"), "Europe/Berlin"))
    'Monday to Friday at 07:30'
    >>> in_words(Times(Cron("*/15 9-17 * * *")))
    'every 15 minutes, from hour 9 to 17'
    """
    match times.rule:
        case Cron(line):
            return _cron(line) or f"cron {line}"
        case Every(span):
            return f"every {spelled(span)}"
        case At(instants):
            first = f"once, at {stamp(instants[0])}" if len(instants) == 1 else f"at {stamp(instants[0])}"
            return first + (f" and {count(len(instants) - 1, 'more time')}" if len(instants) > 1 else "")
        case _:
            assert_never(times.rule)


def _cron(line: str) -> str | None:
    """None: it says more than a short sentence can."""
    if line in _NAMED:
        return _NAMED[line]
    fields = line.lower().split()
    if len(fields) != 5:
        return None
    minute, hour, day, month, weekday = fields
    at, days, months = _time(minute, hour), _days(day, weekday), _months(month, day)
    if at is None or days is None or months is None:
        return None
    every = "" if at.startswith("every") or days or months else "every day "
    said = f"{days}{' ' if days and months else ''}{months}"
    return f"{at}, {said}" if said and at.startswith("every") else f"{said}{' ' if said else ''}{every}{at}"


def _time(minute: str, hour: str) -> str | None:
    hours = re.fullmatch(r"(\d+)-(\d+)", hour)
    span = "" if hour == "*" else f", from hour {hours[1]} to {hours[2]}" if hours else None
    if minute.isdigit() and hour.isdigit():
        return f"at {int(hour):02}:{int(minute):02}"
    if minute.isdigit() and _numbers(hour):
        return "at " + _listed([f"{int(one):02}:{int(minute):02}" for one in hour.split(",")])
    step = 1 if minute == "*" else _step(minute, 60)
    if span is not None and step:
        return f"every {'minute' if step == 1 else f'{step} minutes'}{span}"
    if span is not None and minute.isdigit():
        return f"every hour at minute {int(minute)}{span}"
    step = _step(hour, 24)
    return f"every {step} hours at minute {int(minute)}" if step and minute.isdigit() else None


def _step(field: str, whole: int) -> int | None:
    """Of those that leave the same time between any two."""
    found = re.fullmatch(r"\*/([1-9]\d?)", field)
    return int(found[1]) if found and whole % int(found[1]) == 0 else None


def _days(day: str, weekday: str) -> str | None:
    """Either of the two; where both are given, cron means one or the other."""
    if day != "*" and weekday != "*":
        return None
    if weekday == "*":
        return "" if day == "*" else f"on day {_listed(day.split(','))}" if _numbers(day) else None
    named = [_name(one, _DAYS, 0) for one in re.split("[,-]", weekday)]
    if any(one is None for one in named):
        return None
    names = [one for one in named if one is not None]
    if "-" in weekday:
        return f"{names[0]} to {names[1]}" if len(names) == 2 and "," not in weekday else None
    return f"on {_listed(names)}"


def _months(month: str, day: str) -> str | None:
    if month == "*":
        return "of the month" if day != "*" else ""
    named = [_name(one, _MONTHS, 1) for one in month.split(",")]
    names = [one for one in named if one is not None]
    return f"{'of' if day != '*' else 'in'} {_listed(names)}" if len(names) == len(named) else None


def _name(text: str, names: tuple[str, ...], first: int) -> str | None:
    """By its number or by three letters; a week may end with day 7."""
    if text.isdigit() and len(text) <= 2:
        number = int(text) - first
        return names[number % 7 if len(names) == 7 else number] if 0 <= number <= len(names) - (first == 1) else None
    return next((name for name in names if name[:3].lower() == text), None)


def _numbers(field: str) -> bool:
    return re.fullmatch(r"\d+(,\d+)*", field) is not None and field.count(",") < _MOST


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
