"""The page of one run: how it stands and why, its source with arrows, its time line, its log, and a slider through it.

Shows what `yieldflow inspect` says, at any moment of its history, and nothing else.
"""

from __future__ import annotations

from yieldflow.web.page.html import Html, joined
from yieldflow.web.page.run.actions import ACTIONS
from yieldflow.web.page.run.belongings import belongings
from yieldflow.web.page.run.head import head
from yieldflow.web.page.run.log import events, one
from yieldflow.web.page.run.rows import rows
from yieldflow.web.page.run.sight import Sight, sight
from yieldflow.web.page.run.source import source
from yieldflow.web.page.run.travel import travel
from yieldflow.web.page.views import Page, View
from yieldflow.web.page.visit import Visit


def show(visit: Visit) -> Page:
    """Raises `UnknownRun`, `UsageError`, `StoreError`."""
    seen = sight(visit)
    goes_on = seen.status in ("running", "paused", "blocked")
    return Page(seen.run_id, drawn(seen), live=goes_on and seen.at is None)


def drawn(seen: Sight) -> Html:
    return joined([head(seen), travel(seen), source(seen), rows(seen), *belongings(seen), events(seen)])


VIEWS = (View(("runs", "{run_id}"), show), View(("runs", "{run_id}", "events", "{position}"), one))

__all__ = ["ACTIONS", "VIEWS"]
