"""Runs that do not go on by themselves: blocked ones by what blocks them, and all that are stuck.

Says what to do and does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from attrs import frozen

from yieldflow.core.times import Millis
from yieldflow.errors import UsageError
from yieldflow.inspection.around import Standing
from yieldflow.inspection.phrases import clipped, count, whole
from yieldflow.inspection.staff import staff
from yieldflow.inspection.stuck import StuckPage, stuck
from yieldflow.inspection.timeline import short
from yieldflow.ports import NO_EVENTS, Filter, Log, Look, Summary
from yieldflow.ports import Page as Found
from yieldflow.reach import wanted
from yieldflow.web.discreet import alike, reason_of, why_of
from yieldflow.web.page.html import Content, Html, el
from yieldflow.web.page.pieces import ago, card, code, empty, named, row, table
from yieldflow.web.page.views import Page, View
from yieldflow.web.page.visit import Visit

LISTED = 100
_STUCK = 25  # each is read as a whole
_LOOKED = 1_000  # runs that are looked at for those
_SHOWN = 10  # runs of a group
_LONGEST = 4_000  # characters of a reason
_HEADS = ("Run", "Started", "Events", "Looks again")
_STUCK_HEADS = ("Run", "Workflow", "Started", "Why")


@frozen
class Group:
    """Runs of one workflow that the same change blocks, whatever their values. *reason*: that of the first."""

    workflow: str
    reason: str
    logs: tuple[Log, ...]


# --- blocked ----------------------------------------------------------------------------------------------------------


def listing(visit: Visit) -> Page:
    """Newest first, as many as are on a page, by what blocks them."""
    workflow = visit.query.get("workflow", "").strip() or None
    found = _find(visit, wanted("blocked", workflow, None, None, None, LISTED))
    looks = [Look(run.run_id, NO_EVENTS) for run in found.runs]
    logs = [log for log in (visit.app.store.read_each(looks) if looks else ()) if log is not None]
    groups = grouped([log for log in logs if log.summary.status == "blocked"])
    parts: list[Content] = [_group(visit, one) for one in groups]
    body = el("div", _tabs(visit, "blocked"), parts or _none(visit), _more(visit, found, workflow), id="list")
    return Page("Blocked runs", body, live=True, section="blocked")


def grouped(logs: Sequence[Log]) -> tuple[Group, ...]:
    """The largest first."""
    together: dict[tuple[str, str], list[Log]] = {}
    for log in logs:
        together.setdefault((log.summary.workflow, alike(_reason(log))), []).append(log)
    groups = [Group(workflow, _reason(found[0]), tuple(found)) for (workflow, _), found in together.items()]
    return tuple(sorted(groups, key=lambda one: -len(one.logs)))


def _reason(log: Log) -> str:
    written = log.summary.note
    return "the code at hand cannot continue it" if written is None else written.reason


def _find(visit: Visit, fitting: Filter) -> Found:
    """Raises `UsageError` for what is no cursor."""
    try:
        return visit.app.store.find(fitting, visit.query.get("cursor"))
    except ValueError as wrong:
        raise UsageError(str(wrong)) from wrong


def _group(visit: Visit, group: Group) -> Html:
    first = group.logs[0]
    rows = [_row(visit, log) for log in group.logs[:_SHOWN]]
    rest = len(group.logs) - _SHOWN
    such = el("p", "As it is of ", el("span", first.summary.run_id, class_="id"), ":") if len(group.logs) > 1 else None
    link = visit.link("runs", status="blocked", workflow=group.workflow)
    return card(
        f"{short(group.workflow)}: {count(len(group.logs), 'run')}",
        el("p", group.workflow, class_="muted id"),
        such,
        code(clipped(reason_of(group.reason, shows_payloads=visit.shows_others), _LONGEST)),
        None if "fork" in group.reason else _advice(first),
        table(f"Runs of {group.workflow} that this blocks", _HEADS, rows),
        el("p", el("a", f"and {rest:,} more", href=link)) if rest > 0 else None,
        id=named("group", group.workflow, sha256(alike(group.reason).encode()).hexdigest()[:16]),
    )


def _row(visit: Visit, log: Log) -> Html:
    run = log.summary
    cells: list[Content] = [
        el("a", run.run_id, href=visit.link("runs", run.run_id), class_="id"),
        ago(run.started_at, log.now),
        el("span", f"{log.head.length:,}", class_="num"),
        _looks_again(log),
    ]
    return row(_HEADS, cells, id=named("blocked", run.run_id))


def _looks_again(log: Log) -> Content:
    """A run that stays blocked is looked at ever more seldom."""
    tried = f"rung {count(log.rings, 'time')} in vain" if log.rings else None
    if log.alarm is None:
        return "nobody will: it has no alarm (yieldflow doctor --repair)"
    if log.alarm <= log.now:
        return [f"due since {whole(log.now - log.alarm)}", _muted(tried)]
    return [ago(log.alarm, log.now), _muted(tried)]


def _muted(text: str | None) -> Html | None:
    return None if text is None else el("span", f" ({text})", class_="muted")


def _advice(log: Log) -> Html:
    """Of all of a group the same: what goes on by itself, and what one can do."""
    return el(
        "p",
        "Nothing is lost. Deploy code that fits, and they go on when they are looked at next; or go on in a fork from "
        "before that point: ",
        el("code", f"yieldflow fork {log.summary.run_id} --at POSITION"),
    )


def _none(visit: Visit) -> Html:
    if "cursor" in visit.query:
        return empty("There are no more.")
    return empty("No run is blocked: the code at hand can continue all of them.")


def _tabs(visit: Visit, here: str) -> Html:
    """Blocked runs are known by an index, stuck ones are searched for."""
    tabs = (("blocked", "Blocked", visit.link("blocked")), ("stuck", "Stuck", visit.link("blocked", "stuck")))
    links = [
        el("li", el("a", name, href=link, aria_current="page" if key == here else None)) for key, name, link in tabs
    ]
    return el("nav", el("ul", *links), class_="tabs", aria_label="Which runs")


def _more(visit: Visit, found: Found, workflow: str | None) -> Html | None:
    if found.cursor is None and "cursor" not in visit.query:
        return None
    link = visit.link("blocked", workflow=workflow, cursor=found.cursor)
    onward = None if found.cursor is None else el("a", "Go on", href=link, class_="button", rel="next")
    first = el("a", "From the start", href=visit.link("blocked", workflow=workflow), class_="button")
    return el("nav", first, onward, class_="toolbar", aria_label="Pages")


# --- stuck ------------------------------------------------------------------------------------------------------------


def stuck_ones(visit: Visit) -> Page:
    """Not live: each candidate is read as a whole."""
    app = visit.app
    try:
        found = stuck(app.store, staff(app), Filter("running", limit=_STUCK), visit.query.get("cursor"), most=_LOOKED)
    except ValueError as wrong:
        raise UsageError(str(wrong)) from wrong
    now = visit.now()
    rows = [_stuck_row(visit, run, stands, now) for run, stands in found.runs]
    shown = table("Runs that nobody will move by himself", _STUCK_HEADS, rows) if rows else _nothing_stuck(found)
    return Page("Stuck runs", el("div", _tabs(visit, "stuck"), shown, _looked(visit, found)), section="blocked")


def _stuck_row(visit: Visit, run: Summary, stands: Standing, now: Millis) -> Html:
    advice = [el("li", text) for text in stands.advice]
    why = why_of(stands.text, shows_payloads=visit.shows_others, shows_others=visit.shows_others)
    cells: list[Content] = [
        el("a", run.run_id, href=visit.link("runs", run.run_id), class_="id"),
        el("span", short(run.workflow), title=run.workflow, class_="id"),
        ago(run.started_at, now),
        [el("p", clipped(" ".join(why.split()), _LONGEST)), el("ul", *advice) if advice else None],
    ]
    return row(_STUCK_HEADS, cells)


def _nothing_stuck(found: StuckPage) -> Html:
    if found.cursor is not None:
        return empty(f"None of the {found.looked:,} runs that were looked at is stuck.")
    return empty("No run is stuck: each goes on by itself, or waits for somebody who can answer it.")


def _looked(visit: Visit, found: StuckPage) -> Html:
    link = visit.link("blocked", "stuck", cursor=found.cursor)
    onward = None if found.cursor is None else el("a", "Go on", href=link, class_="button", rel="next")
    back = el("a", "From the start", href=visit.link("blocked", "stuck"), class_="button")
    looked = el("span", f"{count(found.looked, 'run')} looked at; those that are blocked are not", class_="muted")
    return el("nav", back if "cursor" in visit.query else None, onward, looked, class_="toolbar", aria_label="Pages")


VIEWS = (View(("blocked",), listing), View(("blocked", "stuck"), stuck_ones))
