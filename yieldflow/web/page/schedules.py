"""Schedules: which there are, when each is due and what it has started; pause, resume, trigger, backfill, delete.

What is asked of a schedule is done by a worker: the page says that it was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from attrs import frozen

from yieldflow.core.times import Millis, instant, moment
from yieldflow.errors import UsageError, shown
from yieldflow.inspection.phrases import count, whole
from yieldflow.ports import Summary
from yieldflow.reach import LONGEST_REASON
from yieldflow.runtime import fresh
from yieldflow.schedules import Schedule, Shown
from yieldflow.schedules.occurrences import known_zone
from yieldflow.schedules.phrases import call_of, spelled
from yieldflow.schedules.verbs import Standing, shown_each
from yieldflow.web.page import pieces
from yieldflow.web.page.answering import labelled
from yieldflow.web.page.cadence import OVERLAPS, in_words
from yieldflow.web.page.html import Content, Html, el
from yieldflow.web.page.pieces import Tone, ago, ask, badge, card, empty, facts, named, note, row, status_badge, table
from yieldflow.web.page.run.sight import to_run
from yieldflow.web.page.views import Action, Done, Page, Question, View
from yieldflow.web.page.visit import Visit

LISTED = 20
_RECENT = 25  # of the runs that one has started
_BADGES: dict[Standing, tuple[str, Tone]] = {
    "active": ("✓", "good"),
    "paused": ("‖", "warn"),
    "blocked": ("!", "bad"),
    "over": ("·", "quiet"),
    "deleted": ("⊘", "quiet"),
    "stopped": ("✗", "bad"),
}
_HEADS = ("Schedule", "State", "Due", "Next", "Starts", "Last run")
_ONCE = "yieldflow-once"  # a hidden field
_STARTED = ("Run", "How it stands", "Started", "Took")

# --- all of them ------------------------------------------------------------------------------------------------------


def listing(visit: Visit) -> Page:
    """By their ids, some at a time: each is read as a whole."""
    ended, after = visit.query.get("ended") == "1", visit.query.get("after", "")
    known = [one for one in visit.app.schedules.list(ended=ended) if one.schedule_id > after]
    now = visit.now()
    rows = [_row(visit, *one, now) for one in shown_each(known[:LISTED])]
    found = table("Schedules", _HEADS, rows) if rows else _nothing(visit, ended=ended)
    more = known[LISTED - 1].schedule_id if len(known) > LISTED else None
    body = el("div", el("div", found, id="list"), _more(visit, more, ended=ended))
    return Page("Schedules", body, live=True, section="schedules")


def _row(visit: Visit, schedule_id: str, found: Shown | None, now: Millis) -> Html:
    cells = _unreadable(visit, schedule_id) if found is None else _cells(visit, found, now)
    return row(_HEADS, cells, id=named("schedule", schedule_id))


def _unreadable(visit: Visit, schedule_id: str) -> list[Content]:
    run = el("a", schedule_id, href=visit.link("runs", schedule_id), class_="id")
    return [run, badge("✗", "its log cannot be read", "bad"), None, None, None, None]


def _cells(visit: Visit, one: Shown, now: Millis) -> list[Content]:
    last = one.recent[0] if one.recent else None
    return [
        el("a", one.schedule_id, href=visit.link("schedules", one.schedule_id), class_="id"),
        _standing(one),
        _due(one),
        _first(one, now),
        el("span", _starts(visit, one), class_="id"),
        "none yet" if last is None else [status_badge(last.status), " ", _when(visit, last, now)],
    ]


def _when(visit: Visit, run: Summary, now: Millis) -> Html:
    return el("a", ago(run.started_at, now), href=to_run(visit, run), title=run.run_id)


def _standing(one: Shown) -> Html:
    mark, tone = _BADGES[one.standing]
    return badge(mark, one.standing, tone)


def _first(one: Shown, now: Millis) -> Content:
    if one.standing in ("paused", "blocked"):
        return f"not while {one.standing}"
    if one.next:
        return ago(instant(one.next[0]), now)
    return "never" if known_zone(one.plan.times.tz) else "not known here"


def _due(one: Shown) -> str:
    zone = "" if one.plan.times.tz == "UTC" else f", {one.plan.times.tz}"
    return f"{in_words(one.plan.times)}{zone}"


def _starts(visit: Visit, one: Shown) -> str:
    return call_of(one.plan) if visit.shows_payloads else f"{one.plan.target.workflow}(…)"


def _nothing(visit: Visit, *, ended: bool) -> Html:
    if "after" in visit.query:
        return empty("There are no more.")
    code = el("code", 'app.schedule(report("all"), cron="30 7 * * mon-fri")')
    how = el("p", "One is made with ", code, " or ", el("code", "yieldflow schedule add"), ".")
    return empty("There are no schedules." if ended else "No schedule is there now.", how)


def _more(visit: Visit, last: str | None, *, ended: bool) -> Html:
    link = visit.link
    others = ("Only those that go on", link("schedules")) if ended else ("Also those that ended", _ended(visit))
    onward = None if last is None else link("schedules", after=last, ended=1 if ended else None)
    return el(
        "nav",
        el("a", "From the start", href=link("schedules"), class_="button") if "after" in visit.query else None,
        None if onward is None else el("a", "Go on", href=onward, class_="button", rel="next"),
        el("a", others[0], href=others[1], class_="button"),
        class_="toolbar",
        id="more",
        aria_label="Pages",
    )


def _ended(visit: Visit) -> str:
    return visit.link("schedules", ended=1)


# --- one of them ------------------------------------------------------------------------------------------------------


def one(visit: Visit) -> Page:
    """Raises `UnknownSchedule`, `UnreadableLog`."""
    found, now = _of(visit).show(), visit.now()
    body = el(
        "div",
        el("div", _actions(visit, found), id="actions"),
        el("div", _told(visit, found), id="told"),
        el(
            "div",
            card("Plan", _facts(visit, found), id="state"),
            card("Next", _next(found, now), id="next"),
            class_="pair",
        ),
        card("What it has started", _started(visit, found, now), id="started"),
    )
    return Page(f"Schedule {found.schedule_id}", body, live=True, section="schedules")


def _of(visit: Visit) -> Schedule:
    return visit.app.schedules.get(visit.path["schedule_id"])


def _actions(visit: Visit, found: Shown) -> Html | None:
    if not visit.may_change or found.standing in ("over", "deleted", "stopped"):
        return None
    verbs = ["resume" if found.state.paused else "pause", "trigger", "backfill", "delete"]
    buttons = [
        ask(
            verb.capitalize(),
            visit.link("schedules", found.schedule_id, verb),
            danger=verb == "delete",
            id=f"ask-{verb}",
        )
        for verb in verbs
    ]
    return pieces.toolbar(*buttons)


def _told(visit: Visit, found: Shown) -> Html | None:
    match found.standing:
        case "paused" if found.state.paused:
            reason = f": {found.state.reason}" if found.state.reason else ""
            return note("warn", el("p", f"It is paused, and starts nothing by itself{reason}"))
        case "paused" | "blocked" as why:
            run = el("a", "its run", href=visit.link("runs", found.schedule_id))
            return note("bad", el("p", "It starts nothing: ", run, f" is {why}."))
        case "over" | "deleted" | "stopped" as why:
            return note("quiet", el("p", f"It is {why}, and starts nothing any more."))
        case "active":
            return None


def _facts(visit: Visit, found: Shown) -> Html:
    plan, times = found.plan, found.plan.times
    late = f"one that could not begin for {spelled(plan.catch_up)} is left out"
    lines: list[tuple[str, Content]] = [
        ("State", _standing(found)),
        ("Starts", el("span", _starts(visit, found), class_="id")),
        ("Due", [in_words(times), "" if times.tz == "UTC" else f", by the clocks of {times.tz}"]),
        ("If one still runs", [OVERLAPS[plan.overlap], " ", el("span", f"({plan.overlap})", class_="muted")]),
        ("If it is late", late),
    ]
    lines += [("Jitter", f"each begins up to {spelled(plan.jitter)} later")] if plan.jitter else []
    lines += [("From", pieces.moment(times.start))] if times.start is not None else []
    lines += [("Until", pieces.moment(times.end))] if times.end is not None else []
    lines += [("At most", f"{count(plan.limit, 'run')}")] if plan.limit is not None else []
    own = el("a", "its own run", href=visit.link("runs", found.schedule_id))
    return facts([*lines, ("So far", _so_far(found)), ("Seen as", own)])


def _so_far(found: Shown) -> str:
    state = found.state
    waiting = len(state.waiting) + len(state.backlog)
    counts = {
        "started": state.started,
        "by hand": state.by_hand,
        "skipped": state.skipped,
        "missed": state.missed,
        "waiting": waiting,
    }
    return ", ".join(f"{number:,} {name}" for name, number in counts.items() if number) or "nothing was started"


def _next(found: Shown, now: Millis) -> Html:
    if found.standing in ("paused", "blocked"):
        return empty(f"It starts nothing while it is {found.standing}.")
    tz = found.plan.times.tz
    zone, strange = known_zone(tz), None
    if zone is None:
        text = f"The time zone {tz} is not known on this machine (pip install tzdata): what is known is shown in UTC."
        strange = note("warn", el("p", text))
    if not found.next:
        return strange or empty("It is not due again.")
    lines = [
        el(
            "li",
            pieces.moment(at, f"{moment(at).astimezone(zone or UTC):%a %Y-%m-%d %H:%M:%S %Z}"),
            " ",
            _away(at, now),
        )
        for at in map(instant, found.next)
    ]
    return el("div", strange, el("ol", *lines, class_="times"))


def _away(at: Millis, now: Millis) -> Html:
    text = f"in {whole(at - now)}" if at > now else "now"
    return el("span", text, class_="muted num")


def _started(visit: Visit, found: Shown, now: Millis) -> Html:
    if not found.recent:
        return empty("It has started nothing so far.")
    rows = []
    for run in found.recent[:_RECENT]:
        took = None if run.finished_at is None else pieces.took(run.finished_at - run.started_at)
        name = el("a", run.run_id, href=to_run(visit, run), class_="id")
        cells = (name, status_badge(run.status), ago(run.started_at, now), took)
        rows.append(row(_STARTED, cells, id=named("run", run.run_id)))
    return table("Runs that it has started, newest first", _STARTED, rows)


# --- what is done with it ---------------------------------------------------------------------------------------------


@frozen
class Verb:
    """*sentence*: what it means, before it is done."""

    name: str
    sentence: str
    button: str
    do: Callable[[Schedule, Mapping[str, str]], str]  # answers what is said then
    fields: Callable[[Mapping[str, str]], Html] | None = None
    danger: bool = False

    @property
    def action(self) -> Action:
        return Action(("schedules", "{schedule_id}", self.name), self._question, self._done)

    def _question(self, visit: Visit) -> Question:
        schedule = _of(visit)
        fields = None if self.fields is None else self.fields(visit.given)
        title = f"{self.name.capitalize()} {schedule.schedule_id}?"
        return Question(title, self.sentence, self.button, fields, self.danger, "schedules")

    def _done(self, visit: Visit, given: Mapping[str, str]) -> Done:
        schedule = _of(visit)
        return Done(visit.link("schedules", schedule.schedule_id), self.do(schedule, given))


def _pause(schedule: Schedule, given: Mapping[str, str]) -> str:
    schedule.pause(given.get("reason", "").strip() or None)
    return f"{schedule.schedule_id} was asked to pause: it shows when a worker has looked."


def _resume(schedule: Schedule, _: Mapping[str, str]) -> str:
    schedule.resume()
    return f"{schedule.schedule_id} was asked to go on: it shows when a worker has looked."


def _trigger(schedule: Schedule, given: Mapping[str, str]) -> str:
    return f"Run {schedule.trigger(key=given.get(_ONCE))} will be started as soon as a worker has looked."


def _delete(schedule: Schedule, _: Mapping[str, str]) -> str:
    schedule.delete()
    return f"{schedule.schedule_id} was asked to end: it shows when a worker has looked."


def _backfill(schedule: Schedule, given: Mapping[str, str]) -> str:
    """Raises `UsageError`."""
    found = schedule.backfill(_moment("since", given), _moment("until", given))
    if not found:
        return "Nothing was due then: nothing will be started."
    return f"{count(len(found), 'run')} will be started, the first {found[0]}."


def _moment(name: str, given: Mapping[str, str]) -> datetime:
    """Raises `UsageError`."""
    text = given.get(name, "")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{shown(text)} is no time: write {name} as 2026-01-31T12:00, in UTC") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _once(given: Mapping[str, str]) -> Html:
    """Which question this is: pressed twice it is one."""
    return el("input", type="hidden", name=_ONCE, value=given.get(_ONCE) or f"page:{fresh()}")


def _reason(given: Mapping[str, str]) -> Html:
    control = el("input", name="reason", value=given.get("reason", ""), maxlength=LONGEST_REASON, autocomplete="off")
    return el("label", labelled("Reason", must=False), control, class_="field")


def _span(given: Mapping[str, str]) -> Html:
    controls = [
        el(
            "label",
            el("span", f"{name.capitalize()} (UTC)"),
            el("input", name=name, type="datetime-local", step=1, value=given.get(name, ""), required=True),
            class_="field",
        )
        for name in ("since", "until")
    ]
    return el("div", *controls, class_="fields")


VERBS = (
    Verb("pause", "It starts nothing by itself until it is resumed.", "Pause", _pause, _reason),
    Verb(
        "resume",
        "It goes on with what is due from now on; what passed meanwhile is not made up for.",
        "Resume",
        _resume,
    ),
    Verb("trigger", "It is started now, once, whatever else runs.", "Trigger now", _trigger, _once),
    Verb(
        "backfill",
        "What was due in that time and has not been started is started, one after the other.",
        "Backfill",
        _backfill,
        _span,
    ),
    Verb(
        "delete", "It ends; what it has started goes on, and its id may be used again.", "Delete", _delete, danger=True
    ),
)
VIEWS = (View(("schedules",), listing), View(("schedules", "{schedule_id}"), one))
ACTIONS = tuple(verb.action for verb in VERBS)
