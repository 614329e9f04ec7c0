"""`--at`: a place in a log, as people write it. Knows no log."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta

from yieldflow.core.times import duration
from yieldflow.errors import UsageError, shortened
from yieldflow.given import time_of
from yieldflow.inspection.reading import Moment

_POSITION = re.compile(r"-?\d{1,10}")


def moment_of(text: str) -> Moment:
    """A position, a time of ISO 8601 (UTC where no zone is said, as on all screens), or "10m ago". Raises `UsageError`.

    >>> moment_of("17"), moment_of("2026-01-31T12:00").isoformat(), moment_of("1h30m ago")
    (17, '2026-01-31T12:00:00+00:00', datetime.timedelta(seconds=5400))
    """
    if _POSITION.fullmatch(text):
        return int(text)
    with suppress(ValueError):
        return time_of(text)
    try:
        return timedelta(milliseconds=duration(text.removesuffix("ago").rstrip()))
    except ValueError:
        wanted = "a position such as 17, a time such as 2026-01-31T12:00 (UTC unless it says another zone) or '10m ago'"
        raise UsageError(f"--at {shortened(text, 60)!r} is no moment: write {wanted}") from None
