"""What a part of the page hands over: what it shows, and what it asks before it does something.

Values only; `table` has all of them, and the frame makes them into replies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from attrs import frozen

from yieldflow.web.page.html import Html
from yieldflow.web.page.visit import Visit

Section: TypeAlias = Literal["runs", "hooks", "schedules", "workers", "blocked"]


@frozen
class Page:
    """*title*: also the heading (h1), so *body* begins with h2s. *live*: the script asks again every 2 s, and swaps
    those elements of *body* that have an id and have changed. *section*: what is marked in the navigation.
    """

    title: str
    body: Html
    live: bool = False
    section: Section = "runs"


@frozen
class View:
    """*segments* of the path below `ui/`; one in braces is a parameter: `("runs", "{run_id}")`. *alone*: it takes so
    much that it is shown to one at a time.
    """

    segments: tuple[str, ...]
    show: Callable[[Visit], Page]
    alone: bool = False


@frozen
class Question:
    """What is asked before it is done: a page, or with the script a dialog. *fields*: controls of the form, if any.
    *danger*: it cannot be undone.
    """

    title: str
    sentence: str
    button: str
    fields: Html | None = None
    danger: bool = False
    section: Section = "runs"


@frozen
class Done:
    """*to*: the link of where to go now; *said*: one sentence that is shown there once."""

    to: str
    said: str


@frozen
class Action:
    """A GET of it asks, a POST does it, with what the form had in it. *do* raises `UsageError` (or another of ours) for
    what it cannot do: that is shown with the question again.
    """

    segments: tuple[str, ...]
    question: Callable[[Visit], Question]
    do: Callable[[Visit, Mapping[str, str]], Done]
