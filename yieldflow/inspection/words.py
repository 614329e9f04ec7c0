"""The events of a log in the words that people know: `step_completed`, `hook_received`, `run_failed`, ….

The words follow from event and command; nothing of them is stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from attrs import frozen

from yieldflow.core.commands import (
    CallStep,
    MarkPatch,
    OpenHook,
    Receive,
    Respond,
    Send,
    SetData,
    Sleep,
    StartChild,
)
from yieldflow.core.events import (
    AttemptFailed,
    CancelRequested,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Event,
    HookReceived,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
)
from yieldflow.core.outcome import Cancelled, ContinuedAs, Ending, Err, Expired, Ok, Taken
from yieldflow.core.path import show
from yieldflow.core.times import After, End, Millis
from yieldflow.inspection.phrases import error, span, stamp
from yieldflow.inspection.timeline import Item, Timeline

_ISSUED = {
    "step": "step_started",
    "sleep": "sleep_started",
    "hook": "wait_created",
    "child": "child_started",
    "send": "send_started",
    "data": "data_set",
    "patch": "patched",
    "response": "hook_responded",
}


@frozen
class Told:
    """One event: *what* happened to *whom*, and the rest of it; *value* is what it carries, encoded."""

    position: int
    at: Millis
    what: str
    path: str = ""
    whom: str = ""
    rest: str = ""
    value: bytes | None = None


def told(event: Event, timeline: Timeline) -> Told:
    """*timeline* has been fed the log up to and with this event."""
    position = timeline.run.length
    match event:
        case RunStarted(at, run_id, workflow):
            return Told(position, at, "run_started", whom=run_id, rest=workflow, value=event.arguments)
        case CommandIssued() | CommandResolved() | AttemptFailed() | CommandAbandoned():
            return _command(event, timeline.items[event.path], position)
        case HookReceived(at, name, payload):
            return Told(position, at, "hook_received", whom=name, value=payload)
        case CancelRequested(at, _, reason):
            return Told(position, at, "cancel_requested", rest=reason or "")
        case RunPaused(at, by, reason):
            return Told(position, at, "run_paused", whom=by or "", rest=reason or "")
        case RunResumed(at, by):
            return Told(position, at, "run_resumed", whom=by or "")
        case RunFinished(at, outcome):
            return _end(position, at, outcome)
        case _:
            assert_never(event)


def all_told(events: Iterable[Event]) -> tuple[Told, ...]:
    """A log from its beginning."""
    timeline, words = Timeline(), list[Told]()
    for event in events:
        timeline.add(event)
        words.append(told(event, timeline))
    return tuple(words)


def _command(
    event: CommandIssued | CommandResolved | AttemptFailed | CommandAbandoned, item: Item, position: int
) -> Told:
    path = show(event.path)
    match event:
        case CommandIssued(at):
            what = _opened(event.command) if isinstance(event.command, OpenHook) else _ISSUED[item.kind]
            return Told(position, at, what, path, item.label, _asked(event), item.given)
        case CommandResolved(at):
            return _resolved(event, item, position)
        case AttemptFailed(at, _, number, failure, retry_at, reason):
            lost = "its worker was lost, " if reason == "lost" else ""
            rest = f"attempt {number}, {lost}again in {span(retry_at - at)}: {error(failure)}"
            return Told(position, at, "step_retrying", path, item.label, rest)
        case CommandAbandoned(at):
            return Told(position, at, f"{'wait' if item.kind == 'hook' else item.kind}_abandoned", path, item.label)
        case _:
            assert_never(event)


def _asked(event: CommandIssued) -> str:
    match event.command:
        case Sleep(end):
            return _until(end)
        case Receive(timeout=timeout):
            return "" if timeout is None else f"times out {_until(timeout)}"
        case StartChild(detached=True):
            return "detached"
        case Respond(position=position):
            return f"the payload at position {position}" if position > 0 else "a payload of an earlier generation"
        case CallStep() | OpenHook() | SetData() | MarkPatch() | StartChild() | Send():
            return ""
        case _:
            assert_never(event.command)


def _opened(command: OpenHook) -> str:
    return "hook_opened" if command.token is None else "hook_reserving"


def _until(end: End) -> str:
    return f"after {span(end.millis)}" if isinstance(end, After) else f"at {stamp(end.instant)}"


def _resolved(event: CommandResolved, item: Item, position: int) -> Told:
    took = "" if event.started_at is None else f"in {span(event.at - event.started_at)}"
    number = f"attempt {event.attempt} " if event.attempt > 1 else ""
    path, at = show(event.path), event.at
    match event.outcome:
        case Ok() if item.kind == "hook":
            return Told(position, at, "hook_opened", path, item.label, "under a token of its own")
        case Ok():
            rest = "replaced in this fork" if item.replaced else f"{number}{took}"
            return Told(position, at, f"{item.kind}_completed", path, item.label, rest, item.answer)
        case Err(failure):
            rest = f"attempt {event.attempt} {took}: {error(failure)}"
            return Told(position, at, f"{item.kind}_failed", path, item.label, rest)
        case Expired():
            return Told(position, at, "wait_timed_out", path, item.label)
        case Taken(taken):
            rest = f"the payload at position {taken}"
            return Told(position, at, "wait_completed", path, item.label, rest, item.answer)
        case Cancelled(reason):
            return Told(position, at, f"{item.kind}_cancelled", path, item.label, reason or "")
        case _:
            assert_never(event.outcome)


def _end(position: int, at: Millis, outcome: Ending) -> Told:
    match outcome:
        case Ok(value):
            return Told(position, at, "run_completed", value=value)
        case Err(failure):
            return Told(position, at, "run_failed", rest=error(failure))
        case Cancelled(reason, forced):
            return Told(position, at, "run_terminated" if forced else "run_cancelled", rest=reason or "")
        case ContinuedAs(run_id):
            return Told(position, at, "run_continued", whom=run_id)
        case _:
            assert_never(outcome)
