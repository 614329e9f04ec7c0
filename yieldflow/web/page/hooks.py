"""Hooks that wait for somebody: all of them, one of them, and its answer.

Whoever sends twice, or after somebody else, changes nothing: an answer is for the very wait that its form was made for.
No token is ever shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from attrs import frozen

from yieldflow.core.chain import chain_of
from yieldflow.core.events import HookReceived
from yieldflow.core.times import Millis
from yieldflow.errors import UsageError, error, shown
from yieldflow.inspection import Inspection, look
from yieldflow.inspection.awaiting import Awaited, Hooks, Waiting, board_of
from yieldflow.inspection.awaiting import Page as Found
from yieldflow.inspection.kinds import Kind, kinds_of
from yieldflow.inspection.phrases import count, whole
from yieldflow.inspection.reading import history, newest, stand
from yieldflow.inspection.timeline import short
from yieldflow.inspection.tokens import chosen_tokens
from yieldflow.ports import LIVE, Summary
from yieldflow.reach import encoded, wanted
from yieldflow.web.discreet import why_of
from yieldflow.web.fields import fields_of
from yieldflow.web.masking import veiled
from yieldflow.web.page.answering import controls
from yieldflow.web.page.html import Content, Html, el
from yieldflow.web.page.pieces import ago, ask, badge, card, empty, facts, named, note, row, status_badge, table
from yieldflow.web.page.run.shelf import shelf_of
from yieldflow.web.page.run.sight import HIDDEN
from yieldflow.web.page.views import Action, Done, Page, Question, View
from yieldflow.web.page.visit import Visit
from yieldflow.web.payloads import Form, payload

LISTED = 50
_SEEN = "yieldflow-seen"  # a field that no type has: which wait the form was made for
_HEADS = ("Hook", "Run", "Workflow", "Waits since", "Times out")


@error
class NotAwaited(UsageError):
    run_id: str
    hook: str

    def __str__(self) -> str:
        return f"run {self.run_id!r} does not wait for hook {shown(self.hook)} now: nothing was sent"


@error
class AnsweredMeanwhile(UsageError):
    hook: str

    def __str__(self) -> str:
        return f"somebody else has answered hook {shown(self.hook)} meanwhile: nothing was sent"


@frozen
class Stand:
    """One hook, as it stands. *awaited*: None, if the run does not wait for it now; *seen* names the wait."""

    summary: Summary
    name: str
    hooks: Hooks
    now: Millis

    @property
    def awaited(self) -> Awaited | None:
        return None if self.summary.finished_at is not None else self.hooks.by_name.get(self.name)

    @property
    def received(self) -> int:
        return self.hooks.received.get(self.name, 0)

    @property
    def seen(self) -> str:
        return f"{self.summary.run_id}:{self.received}"


# --- all of them ------------------------------------------------------------------------------------------------------


def listing(visit: Visit) -> Page:
    """The oldest runs come first: whoever has waited longest shall not be forgotten."""
    name, workflow = visit.query.get("hook", "").strip() or None, visit.query.get("workflow", "").strip() or None
    fitting = wanted(LIVE, workflow, None, None, None, LISTED, oldest_first=True)
    store = visit.app.store
    try:
        found = board_of(visit.app).page(store, fitting, name=name, cursor=visit.query.get("cursor"))
    except ValueError as wrong:
        raise UsageError(str(wrong)) from wrong
    now = visit.now()
    rows = _rows(visit, found, now) if found.found else _nothing(visit, found, name or workflow)
    rows = el("div", rows, _left(visit, found), id="list")
    body = el("div", _filters(visit, name, workflow), rows, _more(visit, found, name, workflow))
    return Page("Hooks", body, live=True, section="hooks")


def _rows(visit: Visit, found: Found, now: Millis) -> Html:
    heads = (*_HEADS, "Answer") if visit.may_change else _HEADS
    return table("Hooks that wait for somebody", heads, [_row(visit, heads, one, now) for one in found.found])


def _row(visit: Visit, heads: tuple[str, ...], one: Waiting, now: Millis) -> Html:
    run, hook = one.summary, one.hook
    status: Content = None if run.status == "running" else [" ", status_badge(run.status)]
    cells: list[Content] = [
        el("a", hook.name, href=visit.link("hooks", run.run_id, hook.name), class_="id name"),
        [el("a", run.run_id, href=visit.link("runs", run.run_id), class_="id name"), status],
        el("a", short(run.workflow), href=visit.link("hooks", workflow=run.workflow), title=run.workflow),
        ago(hook.since, now),
        "never" if hook.until is None else ago(hook.until, now),
    ]
    if visit.may_change:
        cells.append(_answering(visit, one))
    return row(heads, cells, id=named("hook", run.run_id, hook.name))


def _left(visit: Visit, found: Found) -> list[Html]:
    """Of runs that wait at very many."""
    return [
        el("p", f"… and {more:,} more of ", el("a", run_id, href=visit.link("runs", run_id), class_="id"))
        for run_id, more in found.more.items()
    ]


def _answering(visit: Visit, one: Waiting) -> Html:
    """No second answer while a worker has not looked at the first; one that did not fit is none."""
    if one.hook.answered is not None:
        return badge("✓", "answered", "info")
    button = ask("Answer", visit.link("hooks", one.summary.run_id, one.hook.name, "answer"))
    came = el("span", f" {count(one.hook.came, 'payload')} came", class_="muted") if one.hook.came else None
    return el("span", button, came)


def _nothing(visit: Visit, found: Found, fitting: str | None) -> Html:
    if found.cursor is not None:
        return empty(f"Nobody is waited for by the {found.looked:,} oldest runs of these.")
    if fitting is not None:
        everything = el("a", "Show all hooks", href=visit.link("hooks"), class_="button")
        return empty("No hook that fits waits for anybody.", everything)
    how = el("p", "A workflow waits for somebody with ", el("code", 'yield from hook("approval", bool)'), ".")
    return empty("No run waits for anybody: there is nothing to answer.", how)


def _filters(visit: Visit, name: str | None, workflow: str | None) -> Html:
    fields = (("hook", "Hook", name, "approval"), ("workflow", "Workflow", workflow, "module:name"))
    return el(
        "form",
        *(
            el(
                "label",
                el("span", label),
                el("input", name=key, value=value or "", placeholder=example, autocomplete="off", type="search"),
                class_="field",
            )
            for key, label, value, example in fields
        ),
        el("button", "Filter", type="submit", class_="button"),
        el("a", "Clear", href=visit.link("hooks"), class_="button plain") if name or workflow else None,
        method="get",
        action=visit.link("hooks"),
        class_="filters",
    )


def _more(visit: Visit, found: Found, name: str | None, workflow: str | None) -> Html:
    first = el("a", "From the start", href=visit.link("hooks", hook=name, workflow=workflow), class_="button")
    link = visit.link("hooks", hook=name, workflow=workflow, cursor=found.cursor)
    onward = None if found.cursor is None else el("a", "Go on", href=link, class_="button", rel="next")
    looked = el("span", f"{count(len(found.found), 'hook')}, of {count(found.looked, 'run')} that live", class_="muted")
    back = first if "cursor" in visit.query else None
    return el("nav", back, onward, looked, class_="toolbar", id="more", aria_label="Pages")


# --- one of them ------------------------------------------------------------------------------------------------------


def one(visit: Visit) -> Page:
    stands = _stand(visit)
    story = shelf_of(visit.app).read(visit.app.store, stands.summary.run_id)
    seen = look(visit.app, story.known, veil=HIDDEN)
    coming = _is_coming(stands, seen)
    state = el("div", _told(stands, seen, coming=coming), card("The wait", _state(visit, stands, seen)), id="state")
    awaited = stands.awaited
    form = None if awaited is None or not visit.may_change else _form(visit, stands, awaited, coming=coming)
    return Page(f"Hook {stands.name}", el("div", state, form), live=True, section="hooks")


def _is_coming(stands: Stand, seen: Inspection) -> bool:
    """Whether a worker has to look at a payload. Whether one fits only the code knows; else the alarm has to do."""
    if stands.awaited is None or seen.code is not None:
        return stands.awaited is not None and stands.awaited.answered is not None
    asked = (one for one in seen.situations if (one.item.kind, one.item.name) == ("hook", stands.name))
    return any(one.doing == "ready" for one in asked)


def _state(visit: Visit, stands: Stand, seen: Inspection) -> Html:
    awaited, now, run = stands.awaited, stands.now, stands.summary
    why = None
    lines: list[tuple[str, Content]] = [
        ("Run", [el("a", run.run_id, href=visit.link("runs", run.run_id), class_="id"), " ", status_badge(run.status)]),
        ("Workflow", el("span", run.workflow, class_="id")),
    ]
    if awaited is not None:
        lines.append(("Waits since", ago(awaited.since, now)))
        lines.append(("Times out", "never" if awaited.until is None else ago(awaited.until, now)))
    if stands.received:
        lines.append(("So far", f"{count(stands.received, 'payload')} came"))
    if run.finished_at is None and not _is_doubtful(stands, seen):
        text = why_of(seen.why, shows_payloads=visit.shows_payloads, shows_others=visit.shows_others)
        why = el("p", veiled(text, chosen_tokens(seen.log)), class_="stands")
    return el("div", facts(lines), why)


def _is_doubtful(stands: Stand, seen: Inspection) -> bool:
    """Without the code nobody knows that a payload was skipped, and the run would seem to lack a worker."""
    return (
        stands.summary.status == "running"
        and seen.code is not None
        and stands.awaited is not None
        and (stands.awaited.came > 0 and stands.awaited.answered is None)
    )


def _told(stands: Stand, seen: Inspection, *, coming: bool) -> Html | None:
    """What there is to know before one answers, or instead of it."""
    awaited, name = stands.awaited, stands.name
    if coming:
        return note("info", el("p", "A payload came: a worker has to look at it."))
    if _is_doubtful(stands, seen) and awaited is not None:
        came = count(awaited.came, "payload")
        return note("info", el("p", f"{came} came, and the run still waits: most likely it does not fit."))
    if awaited is not None:
        return None
    if stands.summary.finished_at is not None:
        return note("quiet", el("p", f"The run has ended {stands.summary.status}: nobody waits for {name} any more."))
    if stands.received:
        return note("good", el("p", f"{name} was answered: the run does not wait for it now."))
    known = "does not wait for it now" if name in stands.hooks.opened else "has not asked for it so far"
    return note("quiet", el("p", f"There is nothing to answer: the run {known}."))


def _form(visit: Visit, stands: Stand, awaited: Awaited, *, coming: bool) -> Html:
    """It is kept as it is while the page is live, as long as the run waits: somebody may be writing."""
    target = visit.link("hooks", stands.summary.run_id, stands.name, "answer")
    button = el("div", el("button", "Send answer", type="submit", class_="button primary"), class_="toolbar")
    form = el("form", _fields(visit, stands), button, method="post", action=target, accept_charset="utf-8")
    inner = el("details", el("summary", "Send another payload"), form) if coming else form
    return card("Answer", inner, id=f"answer-{awaited.since}", data_kept="")


def _fields(visit: Visit, stands: Stand) -> Html:
    kind = _kind(visit, stands)
    unknown = None
    if kind is None:
        unknown = note("warn", el("p", "The type of this hook is not known here: what you send is checked by the run."))
    fields = fields_of(Any if kind is None else kind.annotation, visit.app.codec)
    seen = el("input", type="hidden", name=_SEEN, value=stands.seen)
    return el("div", unknown, seen, controls(fields, visit.given), class_="fields")


# --- its answer -------------------------------------------------------------------------------------------------------


def question(visit: Visit) -> Question:
    """Raises `NotAwaited`."""
    stands = _stand(visit)
    awaited = stands.awaited
    if awaited is None:
        raise NotAwaited(stands.summary.run_id, stands.name)
    since = whole(stands.now - awaited.since)
    sentence = f"Run {stands.summary.run_id} of {short(stands.summary.workflow)} has waited for it for {since}."
    return Question(f"Answer {stands.name}", sentence, "Send answer", _fields(visit, stands), section="hooks")


def answer(visit: Visit, given: Mapping[str, str]) -> Done:
    """Raises `BadPayload`, `NotAwaited`, `AnsweredMeanwhile`, and what `App.send` raises."""
    stands, app = _stand(visit), visit.app
    run_id, name = stands.summary.run_id, stands.name
    value = payload(Form(tuple(given.items()), page=True), b"", name, _kind(visit, stands), app.codec)
    seen = given.get(_SEEN, stands.seen)
    key = "page:" + sha256(f"{name}\0{seen}".encode()).hexdigest()
    if stands.awaited is not None and seen == stands.seen:
        app.send(run_id, name, value, key=key)
    theirs = _sent(visit, {seen.rpartition(":")[0], newest(app.store, run_id)}, key)
    if theirs is None:
        raise AnsweredMeanwhile(name) if stands.awaited is not None else NotAwaited(run_id, name)
    codec = app.codec
    if codec.decode(theirs, Any) != codec.decode(encoded(name, value, Any, codec), Any):
        raise AnsweredMeanwhile(name)
    return Done(visit.link("hooks"), f"Your answer to {name} of run {run_id} is there.")


def _sent(visit: Visit, run_ids: Iterable[str], key: str) -> bytes | None:
    """What was delivered under that key: of several who answer at once, the first has. *run_ids*: the generation that
    the form was made for, and the one that goes on now.
    """
    own = chain_of(visit.path["run_id"])[0]
    events = (event for one in run_ids if chain_of(one)[0] == own for event in history(visit.app.store, one).events)
    return next((one.payload for one in events if isinstance(one, HookReceived) and one.key == key), None)


def _stand(visit: Visit) -> Stand:
    """Raises `UnknownRun`."""
    store = visit.app.store
    log = stand(store, newest(store, visit.path["run_id"]))
    return Stand(log.summary, visit.path["hook"], board_of(visit.app).of(store, log.summary.run_id), log.now)


def _kind(visit: Visit, stands: Stand) -> Kind | None:
    return kinds_of(visit.app).of(visit.app, stands.summary.run_id, stands.name)


VIEWS = (View(("hooks",), listing), View(("hooks", "{run_id}", "{hook}"), one))
ACTIONS = (Action(("hooks", "{run_id}", "{hook}", "answer"), question, answer),)
