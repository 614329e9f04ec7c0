"""The log of a run, event by event, around the moment that is looked at; and one event by itself, whole."""

from __future__ import annotations

from collections.abc import Iterator

from yieldflow.core.events import AttemptFailed, CommandResolved, Event, RunFinished
from yieldflow.core.outcome import Err, Failure
from yieldflow.errors import NotFoundError, error
from yieldflow.inspection.phrases import clipped, span
from yieldflow.inspection.words import Told
from yieldflow.web.page.html import Content, Html, el
from yieldflow.web.page.pieces import card, facts, moment
from yieldflow.web.page.run.item import failure
from yieldflow.web.page.run.sight import Sight, sight
from yieldflow.web.page.run.values import ALONE, given, value
from yieldflow.web.page.views import Page
from yieldflow.web.page.visit import Visit

MOST_EVENTS = 100
_LONGEST = 300  # characters of what an event says
_VALUE = 600  # of its value
_CALLS = ("run_started", "step_started", "child_started")


@error
class NoEvent(NotFoundError):
    run_id: str
    length: int

    def __str__(self) -> str:
        return f"run {self.run_id!r} has no such event: its log has the positions 1 to {self.length:,}"


def events(sight: Sight) -> Html:
    words = sight.story.words
    first = _first(sight, len(words))
    shown = words[first - 1 : first - 1 + MOST_EVENTS]
    heads = ("event", "time", "what happened", "to what", "value")
    head = el("tr", [el("th", name, scope="col") for name in heads])
    rows = [_row(one, sight) for one in shown]
    caption = el("caption", "The events of its log", class_="unseen")
    table = el("table", caption, el("thead", head), el("tbody", rows), class_="list run-events")
    return card("Events", _pages(first, len(words), sight), el("div", table, class_="wide"), id="run-events")


def _first(sight: Sight, length: int) -> int:
    """Of the page that was asked for, or of the one around the moment."""
    asked = sight.visit.query.get("from", "")
    wanted = int(asked) if asked.isdecimal() and len(asked) < 9 else sight.seen.position - MOST_EVENTS // 2
    return max(1, min(wanted, length - MOST_EVENTS + 1))


def _pages(first: int, length: int, sight: Sight) -> Content:
    if length <= MOST_EVENTS:
        return None
    last = min(length, first + MOST_EVENTS - 1)
    places = {"first": 1, "« earlier": first - MOST_EVENTS, "later »": last + 1, "last": length}
    links = [
        el("a", text, href=f"{sight.here(**{'from': max(1, place)})}#run-events", class_="button", data_swap=True)
        for text, place in places.items()
        if (first > 1 if place <= first else last < length)
    ]
    return el("div", el("span", f"{first:,} to {last:,} of {length:,}", class_="num"), links, class_="toolbar")


def _row(event: Told, sight: Sight) -> Html:
    began = sight.story.words[0].at
    here = event.position == sight.seen.position
    rest = clipped(" ".join(part for part in (event.path, event.whom, sight.veiled(event.rest)) if part), _LONGEST)
    link = el("a", f"{event.position:,}", href=f"{sight.here(at=event.position)}#run-travel", data_swap=True)
    later = "later" if event.position > sight.seen.position else None
    return el(
        "tr",
        el("th", link, scope="row", class_="num"),
        el("td", moment(event.at, f"+{span(event.at - began)}"), class_="num", data_label="time"),
        el("td", el("span", event.what, class_="run-what"), data_label="what happened"),
        el("td", el("span", rest, class_="run-cut")),
        el("td", _value(event, sight), data_label="value"),
        aria_current="true" if here else None,
        class_="here" if here else later,
    )


def _value(event: Told, sight: Sight) -> Content:
    if event.value is None or not sight.visit.shows_payloads:
        return None
    shown = given if event.what in _CALLS else value
    content = shown(sight, event.value, event.position, _VALUE)
    short = isinstance(content, Html) and not content.text.startswith("<pre")
    return content if short else el("details", el("summary", "value"), content, id=f"value-{event.position}")


# --- one event --------------------------------------------------------------------------------------------------------


def one(visit: Visit) -> Page:
    """Raises `NoEvent`, and what `sight` raises."""
    seen = sight(visit)
    text = visit.path["position"]
    position = int(text) if text.isdecimal() and len(text) < 9 else 0
    if not 1 <= position <= len(seen.story.words):
        raise NoEvent(seen.run_id, len(seen.story.words))
    told, event = seen.story.words[position - 1], seen.story.known.events[position - 1]
    back = el("a", f"the run after event {position:,}", href=visit.link("runs", visit.path["run_id"], at=position))
    body = card(
        f"{told.what} {told.whom}".strip(),
        facts(_facts(told, seen)),
        _failed(event, seen, position),
        el("p", back),
        id="run-event",
    )
    return Page(f"Event {position:,} of {seen.run_id}", body)


def _facts(told: Told, seen: Sight) -> Iterator[tuple[str, Content]]:
    yield "At", moment(told.at)
    if told.path:
        yield "Path", told.path
    if told.rest:
        yield "Said", seen.veiled(told.rest)
    if told.value is not None:
        shown = given if told.what in _CALLS else value
        yield "Value", shown(seen, told.value, None, ALONE)


def _failed(event: Event, seen: Sight, position: int) -> Content:
    found: Failure | None = None
    match event:
        case AttemptFailed(failure=caught):
            found = caught
        case CommandResolved(outcome=Err(caught)) | RunFinished(outcome=Err(caught)):
            found = caught
        case _:
            pass
    return None if found is None else failure(found, seen, position)
