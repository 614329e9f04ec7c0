"""A plan in words, for screens. Asks nothing and decides nothing."""

from __future__ import annotations

from json import dumps
from typing import assert_never

from yieldflow.core.times import Millis, moment
from yieldflow.errors import shortened
from yieldflow.schedules.occurrences import At, Cron, Every
from yieldflow.schedules.plan import Plan

_UNITS: tuple[tuple[Millis, str], ...] = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms"))


def rule_of(plan: Plan) -> str:
    """When it is due.

    >>> from yieldflow.schedules.occurrences import Times
    >>> from yieldflow.schedules.plan import Target
    >>> rule_of(Plan(Target("shop:report", [], {}), Times(Every(5_400_000))))
    'every 1h30m'
    """
    match plan.times.rule:
        case Cron(line):
            return f"{line} {plan.times.tz}"
        case Every(span):
            return f"every {spelled(span)}"
        case At(instants):
            return f"at {moment(instants[0]):%Y-%m-%d %H:%M}" + f" and {len(instants) - 1:,} more" * (len(instants) > 1)
        case _:
            assert_never(plan.times.rule)


def call_of(plan: Plan) -> str:
    """What it starts."""
    target = plan.target
    given = [dumps(value) for value in target.args] + [f"{name}={dumps(one)}" for name, one in target.kwargs.items()]
    return f"{target.workflow}({shortened(', '.join(given), 60)})"


def spelled(span: Millis) -> str:
    """As a duration is written."""
    text = ""
    for size, unit in _UNITS:
        count, span = divmod(span, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
