"""One run, seen from all sides: where its program waits and why, and what became of all that it asked.

Reads the log and replays the program over it, now or up to any position of the past. Changes nothing: what is
wrong with a log or with the code becomes part of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from yieldflow.authoring.loaded import loaded
from yieldflow.authoring.options import is_position
from yieldflow.core.chain import expect_possible
from yieldflow.core.events import Event, HookReceived
from yieldflow.core.outcome import Cancelled, ContinuedAs, Ending, Err, Ok
from yieldflow.core.questions import hook_token, hook_url
from yieldflow.core.times import Millis
from yieldflow.engine.planning import status as status_of
from yieldflow.errors import UsageError, shown
from yieldflow.inspection.around import UNKNOWN, Around, Standing
from yieldflow.inspection.branches import Line, Seen, Waiting, see
from yieldflow.inspection.family import Family, family
from yieldflow.inspection.phrases import error, span
from yieldflow.inspection.reading import History, Moment, Past, history, meant, position, up_to
from yieldflow.inspection.situations import Situation, situations
from yieldflow.inspection.staff import staff
from yieldflow.inspection.timeline import Item, Timeline
from yieldflow.inspection.tokens import chosen_tokens
from yieldflow.inspection.variables import PLAIN, Veil, veiled
from yieldflow.inspection.waiting import around, blocked, going, paused
from yieldflow.inspection.words import Told, all_told
from yieldflow.ports import Claimed, Status, Summary

if TYPE_CHECKING:
    from yieldflow.app import App


@frozen
class OpenHook:
    """A hook that the run has opened; whoever has its *token* can answer."""

    name: str
    since: Millis
    token: str
    url: str | None = None


@frozen
class Inspection:
    """How a run stands after *position* events of *length*."""

    run_id: str
    position: int
    length: int
    status: Status
    why: str  # one sentence
    now: Millis  # the store's time, or that of the last event where the past is looked at
    summary: Summary
    timeline: Timeline
    situations: tuple[Situation, ...]
    branches: tuple[Waiting, ...]
    code: str | None  # why there are no lines of the program, or why it cannot go on; None: all is well
    hooks: tuple[OpenHook, ...]
    unread: Mapping[int, HookReceived]
    claims: tuple[Claimed, ...]
    free: Mapping[str, int]  # queue -> steps that a worker may take
    alarm: Millis | None
    log: tuple[Event, ...] = ()  # up to the position
    raised: tuple[Line, ...] = ()  # where the error of a run that failed left its program, outermost first
    children: Family = Family()
    newer: str | None = None  # the version of the code at hand, if that is another one
    advice: tuple[str, ...] = ()  # what to do so that it goes on
    stored: bool = True  # False: a history from a file, so that what only a store knows is not here

    @property
    def live(self) -> bool:
        """Whether this is how it stands now, not how it once stood."""
        return self.stored and self.position == self.length

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(self.timeline.items.values())

    @property
    def events(self) -> tuple[Told, ...]:
        """The log in words; folded anew each time."""
        return all_told(self.log)

    @property
    def version(self) -> str | None:
        """Of the workflow, when the run was started."""
        started = self.timeline.run.started
        return None if started is None else started.version

    @property
    def outcome(self) -> Ending | None:
        return self.timeline.run.outcome


def inspect(app: App, run_id: str, at: Moment | None = None, *, veil: Veil = PLAIN) -> Inspection:
    """Look at a run, now or at a moment of the past: after its first *at* events, at an aware datetime, or a timedelta
    ago. It is the newest generation of the run, or that of an id such as `order-42~1`. *veil*: what of its local
    variables is not shown. Raises `UnknownRun`, `UsageError`, `StoreError`.
    """
    expect_possible(run_id)
    if at is not None and not isinstance(at, datetime | timedelta) and not is_position(at, -(2**31)):
        raise UsageError(f"{shown(at)} is no position: events are counted from 1")
    return look(app, read(app, run_id), at, veil)


def read(app: App, run_id: str) -> History:
    """The whole log of the generation that a run id means. Raises `UnknownRun`, `StoreError`."""
    return history(app.store, meant(app.store, run_id))


def look(app: App, known: History, at: Moment | None = None, veil: Veil = PLAIN) -> Inspection:
    """The same of a history that was read before: any moment of it without reading again. Raises `UsageError`."""
    number = None if at is None else position(known, at)
    live = number is None or number == known.length
    found = up_to(known, number)
    log, timeline = found.log, found.timeline
    now = log.now if live or not found.events else found.events[-1].at
    claims = log.claimed if live else ()
    near = around(app.store, staff(app), log, timeline) if live and known.stored else UNKNOWN
    hooks = _hooks(timeline)
    seen = _see(app, found, veiled(veil, chosen_tokens(known.events)))
    waiting: tuple[Situation, ...] = ()
    if timeline.run.ended is None:
        waiting = situations(timeline, claims, now, around=near, rejected=seen.rejected)
    stands = _why(found, waiting, now, near, live=live)
    return Inspection(
        run_id=log.summary.run_id,
        position=timeline.run.length,
        length=known.length,
        status=_status(log.summary, timeline, live=live and known.stored),
        why=stands.text,
        now=now,
        summary=log.summary,
        timeline=timeline,
        situations=waiting,
        branches=seen.branches,
        code=found.problem or seen.problem,
        hooks=hooks,
        unread=dict(timeline.run.unread),
        claims=claims,
        free=log.free if live else {},
        alarm=log.alarm if live else None,
        log=found.events,
        raised=seen.raised,
        children=family(app.store if live and known.stored else None, timeline),
        newer=_newer(app, found),
        stored=known.stored,
        advice=stands.advice,
    )


def _see(app: App, found: Past, veil: Veil) -> Seen:
    outcome = found.timeline.run.outcome
    if outcome is not None and not isinstance(outcome, Err):
        return Seen()
    name = found.log.summary.workflow
    workflow = app.registry.workflow(name)
    if workflow is None:
        return Seen(problem=f"the code of workflow {name} is not at hand, so its lines cannot be shown")
    seen = see(workflow, app.codec, loaded, found.events, veil)
    if outcome is not None and seen.problem is not None:
        return Seen(problem=f"the code of workflow {name} has changed since, so its lines cannot be shown")
    return seen


def _newer(app: App, found: Past) -> str | None:
    workflow, started = app.registry.workflow(found.log.summary.workflow), found.timeline.run.started
    return None if workflow is None or started is None or workflow.version == started.version else workflow.version


def _status(summary: Summary, timeline: Timeline, *, live: bool) -> Status:
    if live:
        return summary.status
    return "paused" if timeline.run.paused else status_of(timeline.run.outcome)


def _why(found: Past, waiting: tuple[Situation, ...], now: Millis, near: Around, *, live: bool) -> Standing:
    run, note, run_id = found.timeline.run, found.log.summary.note, found.log.summary.run_id
    if run.ended is not None:
        return Standing(_ended(run.ended.outcome, run.ended.at - (run.started.at if run.started else 0)))
    if live and note is not None:
        return blocked(note.reason, run_id)
    if found.problem is not None:
        return Standing(f"blocked: {found.problem}")
    if run.paused:
        return paused(found.events, now, run_id)
    return going(found.timeline, waiting, near, now)


def _ended(outcome: Ending, took: Millis) -> str:
    match outcome:
        case Ok():
            return f"completed after {span(took)}"
        case Err(failure):
            return f"failed after {span(took)}: {error(failure)}"
        case Cancelled(reason):
            return f"cancelled after {span(took)}" + (f": {reason}" if reason else "")
        case ContinuedAs(run_id):
            return f"went on as {run_id}"


def _hooks(timeline: Timeline) -> tuple[OpenHook, ...]:
    started = timeline.run.started
    if started is None or timeline.run.ended is not None:
        return ()
    run = timeline.run
    tokens = {name: hook_token(run, name) for name in timeline.opened}
    return tuple(
        OpenHook(name, since, tokens[name], hook_url(run, tokens[name])) for name, since in timeline.opened.items()
    )


__all__ = ["Inspection", "OpenHook", "inspect", "look", "read"]
