"""One run, seen from all sides: where its program waits and why, and what became of all that it asked.

Reads the log and replays the program over it, now or up to any position of the past. Changes nothing: what is
wrong with a log or with the code becomes part of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from yieldflow.authoring.loaded import loaded
from yieldflow.authoring.options import is_position
from yieldflow.core.chain import chain_of, expect_possible, generation
from yieldflow.core.events import HookReceived
from yieldflow.core.outcome import Cancelled, ContinuedAs, Ending, Err, Ok
from yieldflow.core.questions import hook_token, hook_url
from yieldflow.core.times import Millis
from yieldflow.engine.planning import status as status_of
from yieldflow.errors import UsageError, shown
from yieldflow.inspection.branches import Seen, Waiting, see
from yieldflow.inspection.phrases import error, span
from yieldflow.inspection.reading import Past, past
from yieldflow.inspection.situations import Situation, because, situations
from yieldflow.inspection.timeline import Item, Timeline
from yieldflow.inspection.words import Told
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
    events: tuple[Told, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(self.timeline.items.values())

    @property
    def version(self) -> str | None:
        """Of the workflow, when the run was started."""
        started = self.timeline.run.started
        return None if started is None else started.version

    @property
    def outcome(self) -> Ending | None:
        return self.timeline.run.outcome


def inspect(app: App, run_id: str, at: int | None = None) -> Inspection:
    """Look at a run, now or after its first *at* events: at its newest generation, or at that of an id such as
    `order-42~1`. Raises `UnknownRun`, `UsageError`, `StoreError`.
    """
    expect_possible(run_id)
    if at is not None and not is_position(at, -(2**31)):
        raise UsageError(f"{shown(at)} is no position: events are counted from 1")
    chain, number = chain_of(run_id)
    run_id = app.store.newest(chain) if chain == run_id else generation(chain, number)
    found = past(app.store, run_id, None if at is None else max(at, 0))
    length = found.log.head.length
    if at is not None and not 1 <= at <= length:
        raise UsageError(f"run {run_id!r} has no position {at}; its log has the positions 1 to {length}")
    live = at is None or at == length
    log, timeline = found.log, found.timeline
    now = log.now if live or not found.events else found.events[-1].at
    claims = log.claimed if live else ()
    waiting = () if timeline.run.ended is not None else situations(timeline, claims, now)
    seen = _see(app, found)
    return Inspection(
        run_id=run_id,
        position=timeline.run.length,
        length=length,
        status=_status(log.summary, timeline, live=live),
        why=_why(found, waiting, now, live=live),
        now=now,
        summary=log.summary,
        timeline=timeline,
        situations=waiting,
        branches=seen.branches,
        code=found.problem or seen.problem,
        hooks=_hooks(timeline),
        unread=dict(timeline.run.unread),
        claims=claims,
        free=log.free if live else {},
        alarm=log.alarm if live else None,
        events=found.told,
    )


def _see(app: App, found: Past) -> Seen:
    if found.timeline.run.ended is not None:
        return Seen()
    name = found.log.summary.workflow
    workflow = app.registry.workflow(name)
    if workflow is None:
        return Seen(problem=f"the code of workflow {name} is not at hand, so its lines cannot be shown")
    return see(workflow, app.codec, loaded, found.events)


def _status(summary: Summary, timeline: Timeline, *, live: bool) -> Status:
    if live:
        return summary.status
    return "paused" if timeline.run.paused else status_of(timeline.run.outcome)


def _why(found: Past, waiting: tuple[Situation, ...], now: Millis, *, live: bool) -> str:
    run, note = found.timeline.run, found.log.summary.note
    if run.ended is not None:
        return _ended(run.ended.outcome, run.ended.at - (run.started.at if run.started else 0))
    if live and note is not None:
        return f"blocked: {note.reason}"
    if found.problem is not None:
        return f"blocked: {found.problem}"
    if run.paused:
        return "paused: it goes on when it is resumed"
    asked = "a cancellation was asked; " if run.cancelled is not None else ""
    return asked + (because(waiting) or _unbegun(found, now))


def _unbegun(found: Past, now: Millis) -> str:
    last = found.events[-1].at if found.events else now
    since = span(now - last)
    if found.timeline.run.length <= 1:
        return f"nobody has begun it yet, it was started {since} ago"
    return f"nobody has decided how it goes on after its last event, {since} ago"


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
    tokens = {name: hook_token(started, name) for name in timeline.opened}
    return tuple(
        OpenHook(name, since, tokens[name], hook_url(started, tokens[name])) for name, since in timeline.opened.items()
    )


__all__ = ["Inspection", "OpenHook", "inspect"]
