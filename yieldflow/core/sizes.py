"""How much an event weighs: the bytes of the values in it. The rest of it is short."""

from __future__ import annotations

from typing import assert_never

from yieldflow.core.commands import CallStep, Recorded, Send, SetData, StartChild
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
from yieldflow.core.outcome import Answer, Err, Failure, Ok


def size(event: Event) -> int:
    match event:
        case CommandIssued():
            return _command_size(event.command)
        case CommandResolved():
            return _outcome_size(event.outcome)
        case RunStarted(arguments=arguments, inbox=inbox, data=data):
            payloads = (payload for several in inbox.values() for payload in several)
            return len(arguments) + sum(map(len, payloads)) + sum(map(len, data.values()))
        case AttemptFailed(failure=failure, heartbeat=heartbeat):
            return _failure_size(failure) + len(heartbeat or b"")
        case HookReceived(payload=payload):
            return len(payload)
        case CommandAbandoned() | CancelRequested() | RunPaused() | RunResumed() | RunFinished():
            return 0
        case _:
            assert_never(event)


def _command_size(command: Recorded) -> int:
    match command:
        case CallStep() | StartChild():
            return len(command.arguments)
        case SetData(value=value) | Send(payload=value):
            return len(value)
        case _:
            return 0


def _outcome_size(outcome: Answer) -> int:
    match outcome:
        case Ok():
            return len(outcome.value)
        case Err(failure):
            return _failure_size(failure)
        case _:
            return 0


def _failure_size(failure: Failure) -> int:
    return sum(len(part) for part in (failure.message, failure.args, failure.state, failure.traceback) if part)
