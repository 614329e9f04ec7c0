"""Queues and workers: what waits where, who serves it, and who carries out what.

What it costs does not grow with the store: the newest runs are looked at, and the server tells the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from yieldflow import identity
from yieldflow.app import App
from yieldflow.connect import fleet
from yieldflow.core.times import Millis
from yieldflow.inspection.phrases import count, whole
from yieldflow.inspection.workload import Carried, Workload, workload
from yieldflow.presence import Backlog, Member
from yieldflow.web.page.html import Content, Html, el
from yieldflow.web.page.pieces import ago, badge, card, empty, named, row, table
from yieldflow.web.page.views import Page, View
from yieldflow.web.page.visit import Visit
from yieldflow.web.page.wellness import alarms, store

_CARRIED = 20  # pieces of work of one worker that are shown
_LONGEST_WAIT: Millis = 30_000  # of a hint, before it is a bad sign


@frozen
class Floor:
    """*members*: None, if nobody knows who works on this store. *late*: how long the first alarm is overdue."""

    load: Workload
    members: Sequence[Member] | None
    backlogs: Mapping[str, Backlog]
    queues: Sequence[str]
    late: Millis

    def serving(self, queue: str) -> list[Member]:
        return [one for one in self.members or () if queue in one.queues]

    def carried_by(self, place: str) -> list[Carried]:
        return [one for one in self.load.carried if identity.short(one.claim.worker) == place]

    @property
    def strangers(self) -> tuple[str, ...]:
        """Places of those who hold work and are not listed as workers."""
        known = {one.place for one in self.members or ()}
        held = dict.fromkeys(identity.short(one.claim.worker) for one in self.load.carried)
        return tuple(place for place in held if place not in known)


def floor(app: App) -> Floor:
    """Raises `StoreError`."""
    load = workload(app)
    first, now = app.store.next_alarm()
    late = 0 if first is None else max(0, now - first)
    own = (app.queue, app.limits.step_queue or app.queue)
    if app.embedded:
        return Floor(load, None, {}, sorted({*load.queues, *own}), late)
    here = fleet(app.client)
    members: list[Member] = here.members()
    queues = sorted({*load.queues, *own, *(queue for one in members for queue in one.queues)})
    return Floor(load, members, {one.queue: one for one in here.backlogs(queues)}, queues, late)


def listing(visit: Visit) -> Page:
    found = floor(visit.app)
    body = el(
        "div",
        card("Queues", _queues(found), id="queues"),
        card("Workers", _workers(visit, found), id="workers"),
        el("div", alarms(visit.app, found.members, found.late), store(visit), class_="grid"),
    )
    return Page("Workers", body, live=True, section="workers")


# --- queues -----------------------------------------------------------------------------------------------------------


def _queues(found: Floor) -> Html:
    served = found.members is not None
    heads = ("Queue", "Runs", "Work due", *(("Hints", "Oldest hint") if served else ()), "Served by")
    rows = [row(heads, list(_queue(found, queue, served=served)), id=named("queue", queue)) for queue in found.queues]
    return el("div", table("Queues, and what waits in them", heads, rows), _looked(found.load))


def _queue(found: Floor, queue: str, *, served: bool) -> Iterator[Content]:
    load = found.load
    yield el("span", queue, class_="id name")
    unseen = load.unseen.get(queue, 0)
    yield [
        _figure(load.runs.get(queue, 0)),
        [" ", el("span", f"({unseen:,} not looked at)", class_="muted num")] if unseen else None,
    ]
    yield _figure(load.due.get(queue, 0))
    backlog = found.backlogs.get(queue)
    if served:
        yield _figure(0 if backlog is None else backlog.hints)
        yield _oldest(backlog, load.now)
    yield _served(found, queue)


def _oldest(backlog: Backlog | None, now: Millis) -> Content:
    if backlog is None or backlog.since is None:
        return "none"
    waits = now - backlog.since
    return badge("!", f"{whole(waits)} ago", "bad") if waits > _LONGEST_WAIT else ago(min(backlog.since, now), now)


def _served(found: Floor, queue: str) -> Html:
    if found.members is None:
        return el("span", "not known", class_="muted")
    several = len(found.serving(queue))
    if several:
        return badge("✓", count(several, "worker"), "good")
    load = found.load
    backlog = found.backlogs.get(queue)
    needed = load.runs.get(queue, 0) or load.due.get(queue, 0) or (backlog is not None and backlog.hints)
    advice = el("code", f"yieldflow worker MODULE --queue {queue}")
    mark = badge("✗", "no worker serves it", "bad") if needed else badge("·", "no worker serves it", "quiet")
    return el("span", mark, " ", advice)


def _figure(number: int) -> Html:
    return el("span", f"{number:,}", class_="num")


def _looked(load: Workload) -> Html | None:
    if load.whole:
        return None
    text = f"Runs and work due are those of the newest {load.looked:,} runs that go on; there are more."
    return el("p", text, class_="muted")


# --- workers ----------------------------------------------------------------------------------------------------------


def _workers(visit: Visit, found: Floor) -> Html:
    known = found.members is not None
    heads = ("Worker", "Queues", *(("Began",) if known else ()), "Heard of", "Carries out")
    rows = [row(heads, list(_worker(visit, found, one)), id=named("worker", one.name)) for one in found.members or ()]
    rows += [
        row(heads, list(_stranger(visit, found, place, known=known)), id=named("stranger", place))
        for place in found.strangers
    ]
    if rows:
        return el("div", _told(visit.app, found), table("Workers, and what they carry out", heads, rows))
    if found.members is None:
        return el("div", _told(visit.app, found), empty("Nobody carries out anything now."))
    start = el("code", "yieldflow worker MODULE")
    return empty("No worker is running: nothing goes on until there is one.", el("p", "Start one: ", start))


def _told(app: App, found: Floor) -> Html | None:
    if found.members is not None:
        return None
    here = "This process works on its runs. " if app.working else ""
    text = f"{here}Workers of this store do not announce themselves: only those that carry out something are known."
    return el("p", text, class_="muted")


def _worker(visit: Visit, found: Floor, one: Member) -> Iterator[Content]:
    now, said = found.load.now, one.presence
    heard = one.heard if said is None else max(said.at, one.heard or 0)
    yield [el("span", one.name, class_="id"), el("span", f" {one.place}", class_="muted id")]
    yield el("span", ", ".join(one.queues), class_="id")
    yield None if one.born is None else ago(one.born, now)
    yield None if heard is None else ago(min(heard, now), now)
    yield [*([mark, " "] for mark in _marks(one)), _carried(visit, found, one.place)]


def _marks(one: Member) -> Iterator[Content]:
    said = one.presence
    if said is None:
        yield badge("·", "stock RQ worker", "quiet")
        return
    if said.rings:
        yield badge("✓", "rings", "info")
    if said.stuck:
        yield badge("!", f"{count(said.stuck, 'thread')} stuck in a body", "bad")


def _stranger(visit: Visit, found: Floor, place: str, *, known: bool) -> Iterator[Content]:
    """Whoever carries out something and is not in the list of workers; *known*: there is one."""
    held = found.carried_by(place)
    yield el("span", place, class_="id")
    yield el("span", ", ".join(sorted({one.claim.work.queue for one in held})), class_="id")
    if known:
        yield None
    yield ago(min(found.load.now, max(one.claim.until - one.claim.work.lease for one in held)), found.load.now)
    yield _carried(visit, found, place)


def _carried(visit: Visit, found: Floor, place: str) -> Html:
    held = found.carried_by(place)
    if not held:
        return el("span", "nothing now", class_="muted")
    lines = [_piece(visit, one, found.load.now) for one in held[:_CARRIED]]
    rest = len(held) - _CARRIED
    more = el("li", f"and {rest:,} more", class_="muted") if rest > 0 else None
    return el("ul", *lines, more, class_="pieces")


def _piece(visit: Visit, one: Carried, now: Millis) -> Html:
    run = el("a", one.summary.run_id, href=visit.link("runs", one.summary.run_id), class_="id")
    since = el("span", f" for {whole(now - one.claim.since)}", class_="muted")
    late: Content = [" ", badge("!", "its lease is over", "bad")] if one.is_late(now) else None
    again = f", attempt {one.claim.work.attempt}" if one.claim.work.attempt > 1 else ""
    return el("li", el("span", one.what, class_="id"), f"{again} of ", run, since, late)


VIEWS = (View(("workers",), listing),)
