"""Options as users write them, checked at the call: what cannot be meant raises ValueError or TypeError there."""

from __future__ import annotations

from collections.abc import Mapping

from yieldflow.core.times import Duration, Millis, duration
from yieldflow.errors import shown

ENDS = ("completed", "failed", "cancelled", "continued")
MOST_TAGS = 100
LONGEST_TAG = 1_000  # characters


def span(value: Duration | None) -> Millis | None:
    if value is None:
        return None
    millis = duration(value)
    if millis == 0:
        raise ValueError(f"{shown(value)} leaves no time at all: give a duration, or leave the option out")
    return millis


def retention(kept: Duration | Mapping[str, Duration] | None) -> dict[str, Millis]:
    """How long runs are kept after an end of each kind; what is not named is kept for ever."""
    spans = dict(kept) if isinstance(kept, Mapping) else {} if kept is None else dict.fromkeys(ENDS, kept)
    if unknown := [end for end in spans if end not in ENDS]:
        raise ValueError(f"retention={{{shown(unknown[0])}: …}} names no end of a run; there are {', '.join(ENDS)}")
    return {end: limit for end, given in spans.items() if (limit := span(given)) is not None}


def queue_name(name: str | None) -> str | None:
    if name is not None and not (is_name(name) and name.strip()):
        raise ValueError(f"queue={shown(name)} must be a name: use 1 to 200 printable characters")
    return name


def user_run_id(run_id: str) -> str:
    """`~` marks the generations of a run, and its children."""
    if not is_run_id(run_id):
        raise ValueError(f"{shown(run_id)} cannot be a run id: use 1 to 200 printable characters without '~'")
    return run_id


def is_run_id(run_id: object) -> bool:
    return isinstance(run_id, str) and is_name(run_id) and "~" not in run_id


def is_position(number: object, least: int) -> bool:
    """A place among events or generations: a whole number, and no larger than any store could hold."""
    return type(number) is int and least <= number < 2**31


def is_name(text: object, longest: int = 200) -> bool:
    """Texts that survive every store, URL and terminal: no control characters, no halves of surrogate pairs."""
    return isinstance(text, str) and 1 <= len(text) <= longest and text.isprintable()


def text_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Raises TypeError and ValueError."""
    if not isinstance(tags, Mapping):
        raise TypeError(f"tags map texts to texts; {shown(tags)} does not")
    if len(tags) > MOST_TAGS:
        raise ValueError(f"{len(tags):,} tags are too many: a run takes {MOST_TAGS}")
    for key, value in tags.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"tags map texts to texts; {shown(key)}: {shown(value)} does not")
        if not is_name(key) or not (value == "" or is_name(value, LONGEST_TAG)):
            reason = f"use 1 to 200 printable characters, and at most {LONGEST_TAG:,} for the value"
            raise ValueError(f"{shown(key)}: {shown(value)} cannot be a tag: {reason}")
    return dict(tags)
