"""Pieces that all views are built of, with the classes of `static/page.css`: badges, times, tables, facts, buttons.

Pure: they know values, never the app.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias
from urllib.parse import quote

from yieldflow.core.times import Millis
from yieldflow.errors import masked
from yieldflow.inspection.phrases import iso, span, stamp, whole
from yieldflow.ports import Status
from yieldflow.web.page.html import Content, Html, el

Tone: TypeAlias = Literal["good", "bad", "warn", "busy", "info", "quiet"]

_STATUSES: dict[Status, tuple[str, Tone]] = {
    "running": ("▸", "busy"),
    "paused": ("‖", "warn"),
    "blocked": ("!", "bad"),
    "completed": ("✓", "good"),
    "failed": ("✗", "bad"),
    "cancelled": ("⊘", "warn"),
    "continued": ("»", "quiet"),
}


def badge(mark: str, word: str, tone: Tone) -> Html:
    """A state: a mark, a word and a colour; the mark is not read aloud."""
    return el("span", el("span", mark, class_="mark", aria_hidden="true"), " ", word, class_=f"badge {tone}")


def status_badge(status: Status) -> Html:
    mark, tone = _STATUSES[status]
    return badge(mark, status, tone)


def ago(at: Millis, now: Millis) -> Html:
    """As "3 min ago", or "in 3 min", with the moment itself for whoever points at it."""
    text = f"{_about(now - at)} ago" if at <= now else f"in {_about(at - now)}"
    return moment(at, text)


def _about(millis: Millis) -> str:
    """In one unit: what is looked at all day does not change with every second."""
    return " ".join(whole(millis).split()[:2])


def moment(at: Millis, text: str | None = None) -> Html:
    return el("time", stamp(at) if text is None else text, datetime=iso(at), title=stamp(at))


def took(millis: Millis) -> Html:
    return el("span", span(millis), class_="num")


def facts(pairs: Iterable[tuple[str, Content]], **attributes: str) -> Html:
    """A definition list: names and what they are."""
    rows = [el("div", el("dt", name), el("dd", value)) for name, value in pairs]
    return el("dl", *rows, class_="facts", **attributes)


def table(caption: str, heads: Sequence[str], rows: Iterable[Html], **attributes: str) -> Html:
    """*caption* is for screen readers; *rows*: of `row`. On a phone each row is a card."""
    head = el("thead", el("tr", *(el("th", name, scope="col") for name in heads)))
    inner = el("table", el("caption", caption, class_="unseen"), head, el("tbody", *rows), class_="list")
    return el("div", inner, class_="wide", **attributes)


def row(heads: Sequence[str], cells: Sequence[Content], **attributes: str) -> Html:
    """The first cell names the row. The names of columns are shown beside the cells on a phone."""
    first = el("th", cells[0], scope="row")
    rest = [el("td", cell, data_label=name) for name, cell in zip(heads[1:], cells[1:], strict=True)]
    return el("tr", first, *rest, **attributes)


def named(kind: str, *names: str) -> str:
    """The id of an element by what it stands for: while a page is live it stays that element, and keeps its focus.

    >>> named("hook", "a/b", "c d")
    'hook-a%2Fb/c%20d'
    """
    return f"{kind}-{'/'.join(quote(name, safe='', errors='replace') for name in names)}"


def ask(text: str, href: str, *, danger: bool = False, **attributes: str) -> Html:
    """A button of an `Action`: with the script its question opens as a dialog on this page."""
    return el("a", text, href=href, class_="button danger" if danger else "button", data_ask=True, **attributes)


def toolbar(*parts: Content) -> Html:
    return el("div", *parts, class_="toolbar")


def card(title: str, *content: Content, **attributes: str) -> Html:
    return el("section", el("h2", title), *content, class_="card", **attributes)


def empty(sentence: str, *more: Content) -> Html:
    """Nothing is there: why, and what to do."""
    return el("div", el("p", sentence), *more, class_="empty")


def note(tone: Tone, *content: Content, **attributes: str) -> Html:
    return el("div", *content, class_=f"note {tone}", **attributes)


def place(url: str) -> Html:
    """Where a store is: who opens it, and how, is not for everybody who looks.

    >>> place("redis://me:secret@db:6379/0?timeout=5").text
    '<span class="id">redis://db:6379/0</span>'
    """
    return el("span", re.sub("://[^/]*@", "://", masked(url).partition("?")[0]), class_="id")


def code(text: str) -> Html:
    """A block of what a program wrote or reads."""
    return el("pre", el("code", text), class_="code", tabindex=0)
