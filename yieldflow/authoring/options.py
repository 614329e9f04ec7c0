"""Options as users write them, checked at the call: what cannot be meant raises ValueError or TypeError there."""

from __future__ import annotations

from collections.abc import Mapping

from yieldflow.core.times import Duration, Millis, duration


def span(value: Duration | None) -> Millis | None:
    if value is None:
        return None
    millis = duration(value)
    if millis == 0:
        raise ValueError(f"{value!r} leaves no time at all: give a duration, or leave the option out")
    return millis


def queue_name(name: str | None) -> str | None:
    if name is not None and not (isinstance(name, str) and name.strip()):
        raise ValueError(f"queue={name!r} must be a name")
    return name


def user_run_id(run_id: str) -> str:
    """`~` marks the generations of a run, and its children."""
    if not is_run_id(run_id):
        raise ValueError(f"{run_id!r} cannot be a run id: use 1 to 200 printable characters without '~'")
    return run_id


def is_run_id(run_id: object) -> bool:
    return isinstance(run_id, str) and 1 <= len(run_id) <= 200 and run_id.isprintable() and "~" not in run_id


def text_tags(tags: Mapping[str, str]) -> dict[str, str]:
    for key, value in tags.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"tags map texts to texts; {key!r}: {value!r} does not")
    return dict(tags)
