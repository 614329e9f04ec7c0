"""From the events of a commit to what is told of it: a function of those events and of what was issued before them.

Nothing is read, and what is of no interest to anybody is not unpacked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from yieldflow import identity
from yieldflow.codec.packing import pack, unpack
from yieldflow.core.commands import CallStep, Receive
from yieldflow.core.events import (
    AttemptFailed,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Event,
    RunFinished,
)
from yieldflow.core.outcome import Err, Expired, Failure, Ok, Taken
from yieldflow.core.path import Path, parse
from yieldflow.core.retry import class_name
from yieldflow.engine.requests import Body, Execute, ExecuteLocal, Returned
from yieldflow.errors import WorkerLost
from yieldflow.observing.told import AttemptEnded, Came, Told, WaitEnded

Begun: TypeAlias = CommandIssued | Execute | ExecuteLocal
"""How a command began: what issued it, or the call of its body in this process."""
Bodies: TypeAlias = Mapping[tuple[str, Path], tuple[Execute | ExecuteLocal, Body | None]]
"""Bodies of this process, by run and path, and how they came out so far."""


def _head(event: Event) -> bytes:
    """How all events of its kind begin, packed."""
    return pack(event).partition(b",")[0]


_REPORTS = (_head(CommandResolved(0, (1,), Ok(b"1"))), _head(AttemptFailed(0, (1,), 1, Failure((), ""), 0)))
_ENDS = _head(RunFinished(0, Ok(b"1")))
ISSUED, _ABANDONED = _head(CommandIssued(0, (1,), Receive(""))), _head(CommandAbandoned(0, (1,)))
_OF_A_WAIT = pack(CommandIssued(0, (1,), Receive(""))).partition(b'"path":"1",')[2].partition(b",")[0]
_LOST = (class_name(WorkerLost),)
_ANSWERED = re.compile(rb'\{"e":"resolved","at":([0-9]{1,15}),"path":"([0-9.]{1,200})","is":"ok",')


def of_interest(data: bytes, *, follows: bool) -> Event | None:
    """What may end something, and with *follows* what begins a wait; None: it is nothing of that."""
    if data.startswith(_REPORTS):
        return unpack(data)
    if follows and (data.startswith(_ABANDONED) or (data.startswith(ISSUED) and _OF_A_WAIT in data)):
        return unpack(data)
    return None


def reported(run_id: str, data: bytes, bodies: Bodies) -> AttemptEnded | None:
    """What the report of a body of this process says that has returned: its answer, which may be large, is not read for
    that. None: it is something else.
    """
    front = _ANSWERED.match(data)
    known = None if front is None else bodies.get((run_id, parse(front[2].decode())))
    if front is None or known is None:
        return None
    request, body = known
    if not isinstance(body, Returned) or not data.endswith(b'"started_at":%d}' % body.started_at):
        return None
    attempt, queue, worker = 1, None, identity.name()
    if isinstance(request, Execute):
        claim = request.claim
        attempt, queue, worker = claim.work.attempt, claim.work.queue, claim.worker
    at, name = int(front[1]), request.call.name
    return AttemptEnded(run_id, request.path, attempt, name, queue, worker, body.started_at, at, "done")


def ended(packed: bytes) -> RunFinished | None:
    """The end of a run, if it is that."""
    event = unpack(packed) if packed.startswith(_ENDS) else None
    return event if isinstance(event, RunFinished) else None


def nothing(_: Path) -> None:
    """Waits are not told of."""


def closed(
    run_id: str,
    event: Event,
    begun: Callable[[Path], Begun | None],
    waited: Callable[[Path], CommandIssued | None] = nothing,
) -> Told | None:
    """What *event* ends, but for runs; *begun* answers how the call at a path began, *waited* how the wait did."""
    match event:
        case CommandResolved(attempt=attempt, started_at=int(since)) if attempt > 0:
            failure = event.outcome.failure if isinstance(event.outcome, Err) else None
            return _attempt(run_id, event, since, failure, begun(event.path))
        case AttemptFailed(failure=failure):
            since = event.at if event.started_at is None else event.started_at
            return _attempt(run_id, event, since, failure, begun(event.path))
        case CommandResolved(outcome=Taken() | Expired()) | CommandAbandoned():
            return _wait(run_id, event, waited(event.path))
        case _:
            return None


def _attempt(
    run_id: str, event: CommandResolved | AttemptFailed, since: int, failure: Failure | None, begun: Begun | None
) -> AttemptEnded | None:
    match begun:
        case Execute(call=call, claim=claim):
            queue: str | None = claim.work.queue
        case ExecuteLocal(call=call):
            queue = None
        case CommandIssued(command=CallStep() as call):
            queue = call.options.queue
        case _:
            return None
    came, worker = _came(event, failure), event.worker
    return AttemptEnded(run_id, event.path, event.attempt, call.name, queue, worker, since, event.at, came, failure)


def _came(event: CommandResolved | AttemptFailed, failure: Failure | None) -> Came:
    if failure is None:
        return "done"
    if failure.names[:1] == _LOST:
        return "lost"
    return "retried" if isinstance(event, AttemptFailed) else "failed"


def _wait(run_id: str, event: CommandResolved | CommandAbandoned, began: CommandIssued | None) -> WaitEnded | None:
    match began:
        case CommandIssued(at=since, command=Receive(hook)):
            came: Literal["received", "expired", "abandoned"] = "abandoned"
            if isinstance(event, CommandResolved):
                came = "received" if isinstance(event.outcome, Taken) else "expired"
            return WaitEnded(run_id, event.path, hook, since, event.at, came)
        case _:
            return None
