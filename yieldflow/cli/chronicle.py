"""What a run has asked for, as rows of a timeline, and its log as rows of events: for people, at any width."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rich.text import Text

from yieldflow.cli.errors import visible
from yieldflow.cli.layout import DOING, STATES, WIDE, Entry, entries, heading
from yieldflow.core.path import show
from yieldflow.core.times import Millis
from yieldflow.inspection import Inspection
from yieldflow.inspection.phrases import LONGEST_ERROR, clipped, count, error, span, stamp
from yieldflow.inspection.plain import plain
from yieldflow.inspection.situations import Doing, Situation, attempt
from yieldflow.inspection.timeline import Item, Try
from yieldflow.inspection.words import Told

_MOST_ITEMS = 50
_MOST_TRIES = 3  # of an item
_LONGEST_LABEL = 40
_LONGEST_VALUE = 200
_SHORT: dict[Doing, str] = {
    "running": "running",
    "lost": "cut off",
    "retrying": "waits for the next attempt",
    "hook": "waits for an answer",
    "child": "running",
    "sleeping": "sleeping",
    "ready": "waits for a worker",
}
_WHAT, _PATH = 15, 3  # columns that they have at least: events that come one by one stand below each other


def timeline(seen: Inspection, width: int, *, payloads: bool) -> Iterator[Text]:
    items = seen.items
    if not items:
        return
    yield heading("timeline")
    if len(items) > _MOST_ITEMS:
        yield Text(f"  {len(items) - _MOST_ITEMS:,} earlier ones are left out; --json has all", style="dim")
    doing = {one.item.path: one for one in seen.situations}
    alone = len(doing) == 1  # what it waits for is said above
    began = seen.summary.started_at
    rows = []
    for item in items[-_MOST_ITEMS:]:
        one = doing.get(item.path)
        said = ended(item) if one is None else [_SHORT[one.doing] if alone else _full(one)]
        said += _given(item) if payloads else []
        rows.append(_row(item, one, " · ".join(said), began if width >= WIDE else None))
        rows += [_tried(one) for one in _tries(item)[-_MOST_TRIES:]]
    yield from entries(rows, width)


def events(found: Sequence[Told], width: int, *, payloads: bool) -> Iterator[Text]:
    yield from entries([_event(event, payloads=payloads) for event in found], width)


def value(encoded: bytes | None, longest: int = _LONGEST_VALUE) -> str:
    return clipped("" if encoded is None else json.dumps(plain(encoded), ensure_ascii=False), longest)


def labelled(item: Item) -> str:
    """What it is, and how people call it."""
    return item.label if item.kind == "step" else item.kind if item.kind == "sleep" else f"{item.kind} {item.label}"


def _row(item: Item, one: Situation | None, said: str, began: Millis | None) -> Entry:
    mark, style = DOING[one.doing] if one is not None else STATES[item.state]
    since = item.began_at if item.began_at is not None else item.issued_at
    took = "" if item.ended_at is None else span(item.ended_at - since)
    after = () if began is None else (Text(f"+{span(item.issued_at - began)}", style="dim"),)
    cells = (
        Text(mark, style=style),
        Text(show(item.path), style="dim"),
        Text(clipped(visible(labelled(item)), _LONGEST_LABEL)),
        *after,
        Text(took),
    )
    return Entry(cells, Text(visible(said), style="" if one or item.error else "dim"), indent=2)


def _full(one: Situation) -> str:
    return f"running {one.text}" if one.doing == "running" else one.text


def _given(item: Item) -> list[str]:
    given = [] if item.given is None else [f"given {value(item.given)}"]
    return given if item.answer is None else [*given, f"answer {value(item.answer)}"]


def ended(item: Item, longest: int = LONGEST_ERROR) -> list[str]:
    """How it stands, of one that nobody waits for; *longest*: of its error."""
    parts: list[str] = ["not known how it stands" if item.state == "open" else item.state]
    if item.tries > 1:
        parts.append(attempt(item))
    if item.losses:
        parts.append(f"{count(item.losses, 'worker')} lost")
    if item.error is not None and item.state == "failed":
        parts.append(error(item.error, longest))
    return parts


def _tries(item: Item) -> list[Try]:
    """Those whose errors are not told anyway: that of the last one is, while it waits for the next."""
    return item.failed[:-1] if item.state == "open" else item.failed


def _tried(one: Try) -> Entry:
    what = "worker lost" if one.lost else f"attempt {one.number}"
    took = "" if one.took is None else f" after {span(one.took)}"
    said = f"{what}{took}" if one.lost else f"{what} failed{took}: {visible(error(one.failure))}"
    return Entry((Text(""), Text("")), Text(f"  {said}", style="dim"))


def _event(event: Told, *, payloads: bool) -> Entry:
    shown = f" {value(event.value)}" if payloads and event.value is not None else ""
    rest = " ".join(part for part in (event.whom, event.rest) if part) + shown
    cells = (
        Text(f"{event.position:>5}", style="dim"),
        Text(stamp(event.at)[:19]),
        Text(event.what.ljust(_WHAT)),
        Text(event.path.ljust(_PATH), style="dim"),
    )
    return Entry(cells, Text(visible(rest)), indent=2)
