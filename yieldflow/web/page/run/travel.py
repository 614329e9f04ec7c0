"""The slider that travels through the history of a run, and what the event was that it stands at.

A form that asks for another moment: it works without a script, which only makes it quick.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yieldflow.inspection.phrases import clipped, span
from yieldflow.inspection.words import Told
from yieldflow.web.page.html import Content, Html, el
from yieldflow.web.page.pieces import moment
from yieldflow.web.page.run.sight import Sight

_LONGEST = 300  # characters of what an event says
_MOST_FLAGS = 300
_FLAGS = {  # events that one looks for
    "step_failed": "bad",
    "child_failed": "bad",
    "run_failed": "bad",
    "step_retrying": "warn",
    "run_paused": "warn",
    "cancel_requested": "warn",
    "hook_received": "info",
    "wait_timed_out": "warn",
}


def travel(sight: Sight) -> Html:
    length, position = sight.seen.length, sight.seen.position
    slider = el(
        "input",
        type="range",
        id="at",
        name="at",
        min=1,
        max=length,
        value=position,
        step=1,
        aria_label="moment of its history, in events",
        aria_valuetext=f"event {position:,} of {length:,}",
        data_travel=sight.here(at=None),
    )
    return el(
        "section",
        el("h2", "Travel through its history", class_="unseen"),
        el(
            "form",
            [_kept(name, sight.visit.query.get(name)) for name in ("scale", "only", "item")],
            _event(sight),
            el("div", slider, _flags(sight.story.words, length), class_="run-slide"),
            el("div", _buttons(sight), el("button", "Go", type="submit", class_="button run-go"), class_="toolbar"),
            method="get",
            action=sight.visit.link("runs", sight.visit.path["run_id"]),
        ),
        class_="card run-travel",
        id="run-travel",
    )


def _kept(name: str, text: str | None) -> Content:
    return None if text is None else el("input", type="hidden", name=name, value=text)


def _event(sight: Sight) -> Html:
    seen, words = sight.seen, sight.story.words
    place = el("b", f"event {seen.position:,}", f" of {seen.length:,}")
    if not 0 < seen.position <= len(words):
        return el("p", place, class_="run-event", id="run-event", aria_live="polite")
    event = words[seen.position - 1]
    after = moment(event.at, f"+{span(event.at - words[0].at)}")
    return el(
        "p",
        el("span", place, " · ", after, class_="num"),
        " ",
        el("span", event.what, class_=f"run-what {_FLAGS.get(event.what, '')}".rstrip()),
        " ",
        clipped(" ".join(part for part in (event.path, event.whom, sight.veiled(event.rest)) if part), _LONGEST),
        class_="run-event",
        id="run-event",
        aria_live="polite",
    )


def _buttons(sight: Sight) -> Iterator[Html]:
    at, length = sight.seen.position, sight.seen.length
    yield _button("|◀", "first event", sight.here(at=1), "Home", possible=at > 1)
    yield _button("◀", "previous event", sight.here(at=at - 1), "ArrowLeft", possible=at > 1)
    yield _button("▶", "next event", sight.here(at=at + 1), "ArrowRight", possible=at < length)
    yield _button("▶|", "last event", sight.here(at=length), "End", possible=at < length)
    yield el(
        "a",
        "now",
        href=sight.here(at=None),
        class_="button",
        aria_current="true" if sight.at is None else None,
        title="as it stands now, followed live",
    )


def _button(mark: str, name: str, href: str, key: str, *, possible: bool) -> Html:
    """One that leads nowhere stays where it is, so that the others do not move under the finger."""
    if not possible:
        return el("span", mark, class_="button off", aria_hidden="true")
    return el("a", mark, href=href, class_="button", aria_label=name, title=f"{name} ({key})", data_swap=True)


def _flags(words: Sequence[Told], length: int) -> Content:
    """Where something happened that one looks for, along the slider."""
    found = [one for one in words if one.what in _FLAGS][:_MOST_FLAGS]
    if not found or length < 2:
        return None
    marks = [
        el("rect", x=f"{100 * (one.position - 1) / (length - 1):.2f}%", y=0, width=2, height=6, class_=_FLAGS[one.what])
        for one in found
    ]
    return el("svg", marks, class_="run-flags", aria_hidden="true", width="100%", height=6)
