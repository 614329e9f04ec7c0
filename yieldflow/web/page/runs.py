"""The list of runs: filters, newest first, a page at a time; read by an index, however many there are.

A search takes an exact id, and else looks among the newest: stores have no index of parts of ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from attrs import evolve, frozen

from yieldflow.app import App
from yieldflow.core.times import Millis
from yieldflow.errors import UnknownRun, UsageError, shortened
from yieldflow.given import instant_of
from yieldflow.inspection.awaiting import board_of
from yieldflow.inspection.phrases import count
from yieldflow.ports import LIVE, Filter, Note, Status, Summary
from yieldflow.reach import wanted
from yieldflow.web.discreet import reason_of
from yieldflow.web.page.html import Content, Html, el
from yieldflow.web.page.pieces import ago, empty, named, note, row, status_badge, table, took
from yieldflow.web.page.run.sight import to_run
from yieldflow.web.page.views import Page, View
from yieldflow.web.page.visit import Visit

SHOWN = 50  # runs of a page
SEARCHED = 1_000  # runs that a search looks at, if none has that very id
_CALL = 200  # runs in a call of the store
_CHOICES: Mapping[str, tuple[Status, ...]] = {
    "": (),
    "unfinished": LIVE,
    **{one: (one,) for one in get_args(Status)},
}
_HEADS = ("Run", "Status", "Workflow", "Started", "Took", "Tags")
_TAGS = 4  # of a run, in the list
_HOOKS = 3  # that a run waits at, in the list
_LONGEST = 60  # characters of a tag or a hook, in the list
_NOTE = 160  # characters of why a run is blocked, in the list


@frozen
class Wish:
    """What is asked for, as it was written."""

    status: str = ""
    workflow: str = ""
    tag: str = ""  # name=value, several separated by commas
    since: str = ""
    until: str = ""
    q: str = ""
    oldest: str = ""
    cursor: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wish:
        return cls(**{name: query.get(name, "").strip() for name in _NAMES})

    @property
    def is_narrow(self) -> bool:
        return any((self.status, self.workflow, self.tag, self.since, self.until, self.q))

    def link(self, visit: Visit) -> str:
        return visit.link("runs", **{name: getattr(self, name) or None for name in _NAMES})

    def filter(self, now: Millis, limit: int) -> Filter:
        """Raises `UsageError`."""
        if self.status not in _CHOICES:
            raise UsageError(f"no run has the status {shortened(self.status, 60)!r}; there are {', '.join(_CHOICES)}")
        since, until = instant_of("since", self.since or None, now), instant_of("until", self.until or None, now)
        status, tags = _CHOICES[self.status], _tags(self.tag)
        return wanted(status, self.workflow or None, tags, since, until, limit, oldest_first=bool(self.oldest))


_NAMES = ("status", "workflow", "tag", "since", "until", "q", "oldest", "cursor")


@frozen
class Found:
    """*cursor*: of the next page; *searched*: among so many, if no run has that very id."""

    runs: tuple[Summary, ...]
    now: Millis
    cursor: str | None = None
    searched: int | None = None
    wrong: str | None = None


def show(visit: Visit) -> Page:
    """Raises `StoreError`; what cannot be asked for is said above an empty list."""
    wish, now = Wish.of(visit.query), visit.now()
    try:
        found = _searched(visit.app, wish, now) if wish.q else _page(visit.app, wish, now)
    except (UsageError, ValueError) as error:
        found = Found((), now, wrong=str(error))
    body = el(
        "div",
        _tabs(visit, wish),
        _filters(visit, wish),
        el("div", *_listed(visit, wish, found), id="list"),
    )
    return Page("Runs", body, live=not wish.cursor, section="runs")


VIEW = View(("runs",), show)


# --- what is found --------------------------------------------------------------------------------------------------


def _page(app: App, wish: Wish, now: Millis) -> Found:
    """Raises `UsageError`, ValueError for what is no cursor."""
    found = app.store.find(wish.filter(now, SHOWN), wish.cursor or None)
    return Found(found.runs, now, found.cursor)


def _searched(app: App, wish: Wish, now: Millis) -> Found:
    """Raises `UsageError`."""
    asked = wish.filter(now, _CALL)
    exact, looked = _exact(app, wish.q, asked), 0
    found, cursor = ([] if exact is None or wish.cursor else [exact]), wish.cursor or None  # it was on the first page
    while looked < SEARCHED and len(found) < SHOWN:
        page = app.store.find(asked, cursor)
        looked, cursor = looked + len(page.runs), page.cursor
        found += [one for one in page.runs if _fits(one, wish.q) and (exact is None or one.run_id != exact.run_id)]
        if cursor is None:
            break
    return Found(tuple(found), now, cursor, looked)


def _exact(app: App, run_id: str, asked: Filter) -> Summary | None:
    try:
        found = app.get(run_id).summary()
    except UnknownRun:
        return None
    return found if _is_asked(found, asked) else None


def _is_asked(run: Summary, asked: Filter) -> bool:
    """As a store would have it. *asked*: its statuses are a tuple, as `wanted` makes them."""
    return (
        (not asked.status or run.status in asked.status)
        and asked.workflow in (None, run.workflow)
        and asked.tags.items() <= run.tags.items()
        and (asked.since is None or asked.since <= run.started_at)
        and (asked.until is None or run.started_at < asked.until)
    )


def _fits(run: Summary, text: str) -> bool:
    return text.lower() in run.run_id.lower()


def _tags(text: str) -> dict[str, str]:
    """Raises `UsageError`."""
    tags, last = dict[str, str](), ""
    for part in text.split(",") if text else ():
        name, equals, value = part.strip().partition("=")
        if equals and name:
            last = name
            tags[name] = value
        elif last:
            tags[last] += f",{part}"  # of a value that has a comma in it
        else:
            raise UsageError("a tag is written name=value, several are separated by commas")
    return tags


# --- what is shown --------------------------------------------------------------------------------------------------


def _tabs(visit: Visit, wish: Wish) -> Html:
    links = [
        el(
            "li",
            el(
                "a",
                (one or "all").capitalize(),
                href=evolve(wish, status=one, cursor="").link(visit),
                aria_current="true" if one == wish.status else None,
            ),
        )
        for one in _CHOICES
        if one != "continued"
    ]
    return el("nav", el("ul", *links), class_="tabs", aria_label="By status")


def _filters(visit: Visit, wish: Wish) -> Html:
    known = sorted({one.name for one in visit.app.registry.workflows()})
    choices = el("datalist", *(el("option", value=name) for name in known), id="workflows")
    by = [
        _control("Workflow", "workflow", wish.workflow, "module:name", list_="workflows"),
        _control("Tags", "tag", wish.tag, "team=shop, …"),
        _control("Since", "since", wish.since, "2h, 3d, 2026-01-31"),
        _control("Until", "until", wish.until, "1h"),
    ]
    opened = any((wish.workflow, wish.tag, wish.since, wish.until))
    inner = [
        _control("Search", "q", wish.q, "a run id, or a part of one", type_="search"),
        el("button", "Find", type="submit", class_="button"),
        el("a", "Clear", href=visit.link("runs"), class_="button plain") if wish.is_narrow else None,
        el("details", el("summary", "By workflow, tags or time"), el("div", by, choices), open=opened),
        el("input", type="hidden", name="status", value=wish.status) if wish.status else None,
        el("input", type="hidden", name="oldest", value=wish.oldest) if wish.oldest else None,
    ]
    return el("form", *inner, class_="filters", method="get", action=visit.link("runs"), role="search")


def _control(label: str, name: str, value: str, example: str, *, type_: str = "text", list_: str | None = None) -> Html:
    control = el(
        "input",
        name=name,
        value=value,
        placeholder=example,
        type=type_,
        list=list_,
        autocomplete="off",
        spellcheck="false",
        id=f"by-{name}",
    )
    return el("label", el("span", label), control, class_="field")


def _listed(visit: Visit, wish: Wish, found: Found) -> Iterator[Content]:
    if found.wrong is not None:
        yield note("bad", el("p", found.wrong), role="alert")
        return
    if not found.runs:
        yield _nothing(visit, wish, found)
        return
    yield el("p", _summary(wish, found), class_="muted", role="status", id="summary")
    running = [run for run in found.runs if run.status == "running"]
    waited = board_of(visit.app).waited(visit.app.store, running)
    rows = (_row(visit, run, waited.get(run.run_id, ()), found.now) for run in found.runs)
    yield table("Runs", _HEADS, rows, id="runs")
    yield _pages(visit, wish, found)


def _summary(wish: Wish, found: Found) -> str:
    """How many there are is not known without reading all of them."""
    more = "" if found.cursor is None and not wish.cursor else " on this page"
    order = "oldest first" if wish.oldest else "newest first"
    among = "" if found.searched is None else f", of {found.searched:,} looked at"
    return f"{count(len(found.runs), 'run')}{more}, {order}{among}"


def _why(visit: Visit, note: Note) -> str:
    return reason_of(note.reason, shows_payloads=visit.shows_others)


def _row(visit: Visit, run: Summary, waited: Sequence[str], now: Millis) -> Html:
    """*waited*: hooks at which it waits for somebody."""
    link = el("a", run.run_id, href=to_run(visit, run), class_="id")
    workflow = el("a", _short(run.workflow), href=visit.link("runs", workflow=run.workflow), title=run.workflow)
    waits = None if run.note is None else el("div", shortened(_why(visit, run.note), _NOTE), class_="why")
    cells: tuple[Content, ...] = (
        [link, _hooks(waited), waits],
        status_badge(run.status),
        workflow,
        ago(run.started_at, now),
        None if run.finished_at is None else took(run.finished_at - run.started_at),
        _tag_links(visit, run),
    )
    return row(_HEADS, cells, id=named("run", run.run_id))


def _hooks(waited: Sequence[str]) -> Html | None:
    if not waited:
        return None
    more = f" and {len(waited) - _HOOKS:,} more" if len(waited) > _HOOKS else ""
    names = ", ".join(shortened(one, _LONGEST) for one in waited[:_HOOKS])
    return el("span", f" waits: {names}{more}", class_="muted")


def _tag_links(visit: Visit, run: Summary) -> list[Html]:
    pairs = [f"{name}={value}" for name, value in run.tags.items()]
    links = [el("a", shortened(one, _LONGEST), href=visit.link("runs", tag=one), class_="tag") for one in pairs[:_TAGS]]
    more = len(pairs) - len(links)
    return [*links, el("span", f"+{more}", class_="muted", title="\n".join(pairs))] if more else links


def _short(workflow: str) -> str:
    """Its function: the module is in the title."""
    return workflow.rpartition(":")[2] or workflow


def _pages(visit: Visit, wish: Wish, found: Found) -> Html:
    first = el("a", "First page", href=evolve(wish, cursor="").link(visit), class_="button") if wish.cursor else None
    turned = evolve(wish, oldest="" if wish.oldest else "1", cursor="").link(visit)
    turn = el("a", "Newest first" if wish.oldest else "Oldest first", href=turned, class_="button")
    following = None
    if found.cursor is not None:
        text = "Next page" if found.searched is None else "Search on"
        following = el("a", text, href=evolve(wish, cursor=found.cursor).link(visit), class_="button", rel="next")
    return el("nav", first, turn, following, class_="toolbar", aria_label="Pages", id="pages")


def _nothing(visit: Visit, wish: Wish, found: Found) -> Html:
    if found.cursor is not None:
        on = el("a", "Search on", href=evolve(wish, cursor=found.cursor).link(visit), class_="button")
        return empty(f"None of {count(found.searched or 0, 'run')} that were looked at has that in its id.", on)
    if wish.is_narrow or wish.cursor:
        every = el("a", "All runs", href=visit.link("runs"), class_="button")
        return empty("No run fits what was asked for.", every)
    start = "yieldflow start shop.flows:checkout '\"order-1\"'"
    return empty("There are no runs yet. Start one:", el("pre", el("code", start), class_="code"))
