"""Times, failures and paths as people say them. Every function is pure; none knows of a run."""

from __future__ import annotations

from yieldflow.core.outcome import Failure
from yieldflow.core.times import Millis, moment

_UNITS = ((86_400_000, "day", "days"), (3_600_000, "h", "h"), (60_000, "min", "min"))
LONGEST_ERROR = 120


def span(millis: Millis) -> str:
    """How long something takes: "0.4 s", "12 s", "5 min", "2 h 10 min", "3 days".

    >>> span(8_000_000)
    '2 h 13 min'
    """
    left = max(0, millis)
    if left < 9_950:
        return f"{left / 1_000:.1f} s"
    if left < 60_000:
        return f"{left // 1_000} s"
    return _coarse(left)


def whole(millis: Millis) -> str:
    """The same in whole seconds, for what is drawn again and again."""
    left = max(0, millis)
    return f"{left // 1_000} s" if left < 60_000 else _coarse(left)


def stamp(at: Millis) -> str:
    """UTC, to the second."""
    return f"{moment(at):%Y-%m-%d %H:%M:%S} UTC"


def iso(at: Millis) -> str:
    """UTC, to the millisecond, for machines."""
    return moment(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def when(at: Millis, now: Millis) -> str:
    """A moment that is near by its distance, one that is far with its date."""
    return f"in {whole(at - now)}" if at - now < 60_000 else f"{stamp(at)} (in {whole(at - now)})"


def error(failure: Failure, longest: int = LONGEST_ERROR) -> str:
    """Type and message on one line."""
    text = f"{kind(failure)}: {failure.message}" if failure.message else kind(failure)
    return clipped(" ".join(text.split()), longest)


def kind(failure: Failure) -> str:
    return failure.names[0].rpartition(":")[2] if failure.names else "Exception"


def clipped(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: max(0, longest - 1)] + "…"


def count(number: int, one: str, several: str | None = None) -> str:
    """So many of them.

    >>> count(2, "body", "bodies")
    '2 bodies'
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def _coarse(millis: Millis) -> str:
    for index, (size, one, several) in enumerate(_UNITS):
        number, rest = divmod(millis, size)
        if number:
            text = f"{number} {one if number == 1 else several}"
            smaller, unit = _UNITS[index + 1][:2] if index + 1 < len(_UNITS) else (1_000, "s")
            finer = rest // smaller if number < 3 or unit == "min" else 0
            return f"{text} {finer} {unit}" if finer else text
    return f"{millis // 1_000} s"
