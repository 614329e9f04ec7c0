"""Whether a store is well: its alarms, what its server says of itself, and what the doctor finds on request.

The first two are cheap enough to be asked again and again; the doctor reads much, and repairs nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from time import monotonic
from typing import assert_never
from weakref import WeakKeyDictionary

from yieldflow.app import App
from yieldflow.connect import file_of, scheme_of
from yieldflow.core.times import Millis
from yieldflow.doctor import Report, examine, server
from yieldflow.doctor.findings import Finding, Level
from yieldflow.doctor.fleet import overdue
from yieldflow.doctor.places import keeper_of
from yieldflow.inspection.around import LATE
from yieldflow.inspection.phrases import count, whole
from yieldflow.presence import Member
from yieldflow.settings import Durability
from yieldflow.web.page.html import Content, Html, el, joined
from yieldflow.web.page.pieces import Tone, badge, card, facts, note, place, row, table
from yieldflow.web.page.views import Page, View
from yieldflow.web.page.visit import Visit

_SAMPLE = 200  # runs that the doctor looks at
_KEEPS = 5.0  # seconds that his answer is shown to whoever asks again
_KEPT: MutableMapping[App, tuple[Report, float]] = WeakKeyDictionary()
_LEVELS: Mapping[Level, tuple[str, Tone]] = {"ok": ("✓", "good"), "warning": ("!", "warn"), "error": ("✗", "bad")}
_ORDER: tuple[Level, ...] = ("error", "warning", "ok")
_BLOCKED = "blocked"  # a check of the doctor
_HEADS = ("Level", "Looked at", "What it says")
_KINDS = {"memory": "memory of this process", "sqlite": "SQLite file"}

# --- alarms and store -------------------------------------------------------------------------------------------------


def alarms(app: App, members: Sequence[Member] | None, late: Millis) -> Html:
    """*late*: how long the first is overdue. Raises `StoreError`."""
    return card("Alarms", _overdue(app, members, late), _ringing(members), id="alarms")


def _overdue(app: App, members: Sequence[Member] | None, late: Millis) -> Html:
    if late <= LATE:
        return el("p", badge("✓", "none is overdue", "good"))
    if scheme_of(app.settings.url) == "memory":
        return el("p", badge("!", f"overdue by {whole(late)}", "warn"))
    keeper = keeper_of(app)
    try:
        one = overdue(keeper.overdue(LATE), whole(late), members)
        return _finding(one, one.level)
    finally:
        keeper.close()


def _ringing(members: Sequence[Member] | None) -> Html:
    if members is None:
        return el("p", "Whoever works on this store rings, too.", class_="muted")
    ringing = [one.name for one in members if one.presence is not None and one.presence.rings]
    if ringing:
        return el("p", "Rung for by ", joined([el("span", name, class_="id") for name in ringing], ", "), ".")
    return el("p", "No worker rings. If none of your machines runs ", el("code", "yieldflow alarms"), ", nobody does.")


def store(visit: Visit) -> Html:
    """Raises `StoreError`."""
    app = visit.app
    look = el("a", "Have the doctor look", href=visit.link("workers", "doctor"), class_="button")
    return card("Store", facts(_about(app)), el("div", *_well(app), class_="findings"), el("p", look), id="store")


def _about(app: App) -> Iterator[tuple[str, Content]]:
    scheme = scheme_of(app.settings.url)
    yield "Kind", _KINDS.get(scheme, "Redis server")
    yield "Where", place(app.settings.url)
    if scheme == "sqlite":
        file = Path(file_of(app.settings.url))
        if file.exists():
            yield "Size", f"{file.stat().st_size / (1 << 20):,.1f} MiB"
    yield "Durability", _durability(app.settings.durability, scheme)


def _durability(asked: Durability, scheme: str) -> str:
    match asked:
        case _ if scheme == "memory":
            return "none: it ends with this process"
        case "fsync":
            return "each commit is on the disk (fsync)"
        case "server" if scheme == "sqlite":
            return "each commit is in the file; a power cut may take the last ones"
        case "server":
            return "as the server keeps it"
        case _:
            assert_never(asked)


def _well(app: App) -> list[Html]:
    """A server tells of itself at once; to check a file takes as long as it is large."""
    if app.embedded:
        return []
    keeper = keeper_of(app)
    return [_finding(one, one.check) for one in server.judged(keeper.settings())]


def _finding(one: Finding, name: str) -> Html:
    mark, tone = _LEVELS[one.level]
    advice: Content = [" → ", one.do] if one.do else None
    return el("p", badge(mark, name, tone), " ", one.says, advice)


# --- the doctor -------------------------------------------------------------------------------------------------------


def doctor(visit: Visit) -> Page:
    """Reads much, once, when it is asked, and not soon again: not live. Raises `UsageError`, `StoreError`."""
    report = _examined(visit.app)
    found = sorted(report.findings, key=lambda one: _ORDER.index(one.level))
    rows = [row(_HEADS, _judged(visit, one)) for one in found if one.check != _BLOCKED]
    reasons = sum(one.check == _BLOCKED for one in found)
    rows += [row(_HEADS, _blocked(visit, reasons))] if reasons else []
    again = el("a", "Look again", href=visit.link("workers", "doctor"), class_="button")
    back = el("a", "Workers", href=visit.link("workers"), class_="button")
    body = el("div", _verdict(report), table("What the doctor found", _HEADS, rows), el("p", back, " ", again))
    return Page("Doctor", body, section="workers")


def _examined(app: App) -> Report:
    kept, until = _KEPT.get(app, (None, 0.0))
    if kept is None or monotonic() >= until:
        kept = examine(app, sample=_SAMPLE)
        _KEPT[app] = kept, monotonic() + _KEEPS
    return kept


def _verdict(report: Report) -> Html:
    levels = [one.level for one in report.findings]
    parts = [count(levels.count(level), level) for level in ("error", "warning") if level in levels]
    some = f"{report.looked_at:,} of {count(report.known, 'run')} looked at, drawn by chance"
    looked = some if report.looked_at < report.known else f"{count(report.known, 'run')} looked at"
    tone: Tone = "good" if not parts else "warn" if report.is_well else "bad"
    return note(tone, el("p", f"{', '.join(parts) or 'All is well'}; {looked}."))


def _judged(visit: Visit, one: Finding) -> list[Content]:
    mark, tone = _LEVELS[one.level]
    advice = el("p", "→ ", one.do) if one.do else None
    run = None
    if one.run_id is not None:
        run = el("p", el("a", one.run_id, href=visit.link("runs", one.run_id), class_="id"))
    return [badge(mark, one.level, tone), one.check, el("div", el("p", one.says), advice, run)]


def _blocked(visit: Visit, reasons: int) -> list[Content]:
    """Why each is, another page says: with the values that differ, or without."""
    mark, tone = _LEVELS["warning"]
    says: Content = [
        f"{count(reasons, 'reason')} why runs are blocked: see ",
        el("a", "Blocked", href=visit.link("blocked")),
    ]
    return [badge(mark, "warning", tone), _BLOCKED, says]


VIEWS = (View(("workers", "doctor"), doctor, alone=True),)
