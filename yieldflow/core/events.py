"""The nine events of a log, and the decisions from which some of them are made.

A *fact* changes what the program sees; a *decision* records what it asked. `at` is the store's time in
milliseconds. Fields are only ever added, with defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, assert_never

from attrs import field

from yieldflow.core.commands import Recorded
from yieldflow.core.outcome import Answer, Ending, Failure, Taken
from yieldflow.core.path import Path
from yieldflow.core.record import record
from yieldflow.core.times import Millis


@record
class Parent:
    run_id: str
    path: Path
    detached: bool = False  # it does not wait for the end, and is told nothing


@record
class Next:
    """The run goes on from the end of this generation (`continue_as_new`)."""

    run_id: str


@record
class ForkOf:
    """The first *position* events are those of another run, which had this seed."""

    run_id: str
    position: int
    seed: bytes
    before: ForkOf | None = None  # where that run was a fork itself
    replaced: tuple[Path, ...] = ()  # whose answers are not those that the other run got


@record
class RetryOf:
    """The first *position* events are those of a generation that failed."""

    run_id: str  # the generation that failed first
    position: int
    fork: ForkOf | None = None  # where that run was a fork


Cause: TypeAlias = Next | RetryOf | ForkOf


def fork_of(cause: Cause | None) -> ForkOf | None:
    match cause:
        case RetryOf(fork=fork):
            return fork
        case ForkOf():
            return cause
        case _:
            return None


@record
class Limits:
    """Settings that a replay must not see change: copied into the log when the run starts."""

    lease: Millis = 10_000
    step_queue: str | None = None  # None: the run's own queue
    inbox: int = 1_000  # unread payloads
    history: int = 50_000  # events; beyond it no command is taken
    history_bytes: int = 64 << 20  # of the values in it
    history_warn: int = 10_000  # events; beyond it `run_info()` suggests to continue as new


@record
class RunStarted:
    at: Millis
    run_id: str
    workflow: str
    arguments: bytes
    seed: bytes  # 128 random bits; rng, uuid4 and hook tokens derive from it
    queue: str = "yieldflow"
    version: str | None = None
    parent: Parent | None = None
    cause: Cause | None = None
    tags: Mapping[str, str] = field(factory=dict)
    deadline: Millis | None = None
    limits: Limits = Limits()
    base_url: str | None = None
    token_seed: bytes | None = None  # of the chain's hook tokens, so that mailed links survive; None: the own seed
    inbox: Mapping[str, tuple[bytes, ...]] = field(factory=dict)
    data: Mapping[str, bytes] = field(factory=dict)
    anew: tuple[int, ...] = ()  # after so many events attempts count anew: what is copied was retried there
    tokens: Mapping[str, str] = field(factory=dict)  # by hook: those of its own that the chain has reserved so far


@record
class CommandIssued:
    at: Millis
    path: Path
    command: Recorded


@record
class CommandResolved:
    at: Millis
    path: Path
    outcome: Answer
    attempt: int = 0  # 0: no worker was needed
    worker: str | None = None
    started_at: Millis | None = None


Reason: TypeAlias = Literal["raised", "timeout", "lost"]


@record
class AttemptFailed:
    at: Millis
    path: Path
    attempt: int
    failure: Failure
    retry_at: Millis
    reason: Reason = "raised"
    heartbeat: bytes | None = None
    worker: str | None = None
    started_at: Millis | None = None


@record
class CommandAbandoned:
    at: Millis
    path: Path


@record
class HookReceived:
    at: Millis
    name: str
    payload: bytes
    key: str  # a delivery counts once
    by: str | None = None


@record
class CancelRequested:
    at: Millis
    key: str
    reason: str | None = None
    by: str | None = None


@record
class RunPaused:
    at: Millis
    by: str | None = None
    reason: str | None = None


@record
class RunResumed:
    at: Millis
    by: str | None = None


@record
class RunFinished:
    at: Millis
    outcome: Ending
    origin: Path | None = None  # of the command whose failure ended the run


Event: TypeAlias = (
    RunStarted
    | CommandIssued
    | CommandResolved
    | AttemptFailed
    | CommandAbandoned
    | HookReceived
    | CancelRequested
    | RunPaused
    | RunResumed
    | RunFinished
)


@record
class Issue:
    path: Path
    command: Recorded


@record
class Take:
    """The receive at *path* was answered by the payload at *position*."""

    path: Path
    position: int


@record
class Abandon:
    path: Path


@record
class Finish:
    outcome: Ending
    origin: Path | None = None


Decision: TypeAlias = Issue | Take | Abandon | Finish


def stamped(decision: Decision, at: Millis) -> Event:
    match decision:
        case Issue(path, command):
            return CommandIssued(at, path, command)
        case Take(path, position):
            return CommandResolved(at, path, Taken(position))
        case Abandon(path):
            return CommandAbandoned(at, path)
        case Finish(outcome, origin):
            return RunFinished(at, outcome, origin)
        case _:
            assert_never(decision)


def is_fact(event: Event) -> bool:
    """Facts are fed to the program in log order; decisions may be written later without changing meaning."""
    match event:
        case CommandResolved(outcome=outcome):
            return not isinstance(outcome, Taken)
        case CommandIssued() | CommandAbandoned() | RunFinished():
            return False
        case _:
            return True
