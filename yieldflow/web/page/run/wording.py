"""What a thing that a run asked for is called, and how it stands, in the words of `yieldflow inspect`."""

from __future__ import annotations

from yieldflow.cli import chronicle
from yieldflow.cli.chronicle import labelled
from yieldflow.cli.layout import DOING, STATES
from yieldflow.inspection.situations import Situation
from yieldflow.inspection.timeline import Item

_LONGEST_ERROR = 300


def situated(one: Situation) -> str:
    return f"running {one.text}" if one.doing == "running" else one.text


def ended(item: Item) -> str:
    return " · ".join(chronicle.ended(item, _LONGEST_ERROR))


def mark(item: Item, one: Situation | None) -> str:
    """A hook that was opened is not one that somebody waits for."""
    if item.state == "opened":
        return STATES["set"][0]
    return STATES[item.state][0] if one is None else DOING[one.doing][0]


__all__ = ["ended", "labelled", "mark", "situated"]
