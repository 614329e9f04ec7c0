"""Stored values and tracebacks as they stand on a page: JSON that is laid out, cut where it is long, or hidden.

What is cut or left out is a link to the event that holds all of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from yieldflow.cli.layout import nearer
from yieldflow.cli.outcome import own_lines
from yieldflow.inspection.phrases import clipped
from yieldflow.inspection.plain import plain
from yieldflow.web.page.html import Content, Html, el
from yieldflow.web.page.run.sight import Sight, by_generation

LONGEST = 1_500  # characters of a value among others
ALONE = 300_000  # of one that has a page of its own
_READ = 100_000  # bytes of a value that is opened to be shown among others
_SHORT = 60  # characters that need no lines of their own
_MOST_LINES = 40  # of a traceback
_LONGEST_LINE = 300
_CUT = f"cut after {ALONE:,} characters; `yieldflow export` has all of it"


def value(
    sight: Sight,
    encoded: bytes | None,
    event: int | None,
    longest: int = LONGEST,
    read: Callable[[bytes], Any] = plain,
) -> Content:
    """*event*: the position that holds it."""
    if encoded is None:
        return None
    if not sight.visit.shows_payloads:
        return hidden()
    alone, size = longest >= ALONE, f"{len(encoded):,} bytes"
    if not alone and (len(encoded) > _READ or not sight.room.open(len(encoded))):
        return _elsewhere(sight, event, size)
    text = laid_out(sight, encoded, read)
    shown = clipped(text, longest)
    made = el("code", shown) if len(shown) <= _SHORT else block(shown)
    if not alone and not sight.room.take(len(made.text)):
        return _elsewhere(sight, event, size)
    if shown == text:
        return made
    return [made, _elsewhere(sight, event, _CUT if event is None else "all of it")]


def given(sight: Sight, encoded: bytes | None, event: int | None, longest: int = LONGEST) -> Content:
    """Arguments: positional ones as a list, those with names as an object."""
    return value(sight, encoded, event, longest, arguments)


def laid_out(sight: Sight, encoded: bytes, read: Callable[[bytes], Any]) -> str:
    try:
        tree = sight.veiled_value(read(encoded))
        short = json.dumps(tree, ensure_ascii=False)
        return short if len(short) <= _SHORT else json.dumps(tree, ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return sight.veiled(encoded.decode(errors="replace"))


def trace(sight: Sight, text: str | None, event: int | None) -> Content:
    """Without the frames that are ours; its last lines."""
    if text is None:
        return None
    lines = own_lines(sight.veiled(text).rstrip().splitlines())[-_MOST_LINES:]
    rows = [clipped(nearer(line), _LONGEST_LINE) for line in lines]
    made = block("\n".join(rows))
    return made if sight.room.take(len(made.text)) else _elsewhere(sight, event, "its traceback")


def block(text: str) -> Html:
    """Lines that wrap, so that no page is wider than its window."""
    return el("pre", el("code", text), class_="code", tabindex=0)


def hidden() -> Html:
    return el("span", "•••", class_="muted", title="values are hidden here")


def arguments(encoded: bytes) -> Any:
    """`[[1], {}]`, which is a call, as `[1]`."""
    match plain(encoded):
        case [list(args), dict(kwargs)] if not kwargs:
            return args
        case [[], dict(kwargs)] if kwargs:
            return kwargs
        case tree:
            return tree


def _elsewhere(sight: Sight, event: int | None, text: str) -> Content:
    if event is None:
        return el("span", text, class_="muted")
    return el("a", text, href=by_generation(sight.visit, sight.run_id, "events", str(event)), class_="more")
