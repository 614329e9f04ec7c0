"""Former forms of events, brought to the form of today before they are read.

A new field with a default needs nothing here. For any other change the new form is written under a new tag, and the
former tag gets a line in the table and a golden log; an older yieldflow does not know the new tag and waits for an
upgrade instead of reading it wrongly. Never rewrites a stored log.
"""

from __future__ import annotations

from collections.abc import Callable

from yieldflow.codec.strict import Packed

UPCASTS: dict[str, Callable[[Packed], Packed]] = {}  # former tag of an event -> the same event under its next tag


def today(packed: Packed) -> Packed:
    """One form after the other, so that each upcast knows two forms only."""
    while (upcast := UPCASTS.get(packed["e"])) is not None:
        packed = upcast(packed)
    return packed
