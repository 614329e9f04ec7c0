"""Every error yieldflow raises: its data as attributes, its sentence once, and what to do next.

Three kinds answer the question whose fault it is: `UsageError` (the caller's: nothing was changed),
`CodeError` (the deployed code cannot continue this log: the run is blocked, nothing is written) and
the outcomes of runs and steps, which a program may catch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yieldflow.errors.code import (
    BrokenProgram,
    CodeError,
    DeadlyReplay,
    HookClash,
    ImpossibleEvent,
    NonDeterminism,
    NotACommand,
    StillSealed,
    Undecodable,
    Unencodable,
    UnknownWorkflow,
    UnreadableLog,
)
from yieldflow.errors.root import Cancelled, YieldflowError, error, kind_of, masked, shortened, shown
from yieldflow.errors.usage import (
    BadArguments,
    BadPayload,
    BadRunId,
    BadUrl,
    HookTokenTaken,
    InboxFull,
    InsideWorkflow,
    NotFailed,
    NotFoundError,
    ReplyLost,
    RunEnded,
    RunExists,
    StoreError,
    StoreUnreachable,
    StoreUnsuitable,
    UnknownData,
    UnknownRun,
    UnknownTarget,
    UnknownToken,
    UsageError,
)

if TYPE_CHECKING:
    from datetime import datetime, timedelta

__all__ = [
    "BadArguments",
    "BadDefinition",
    "BadPayload",
    "BadRunId",
    "BadUrl",
    "BrokenProgram",
    "Cancelled",
    "CodeError",
    "Deadlock",
    "DeadlyReplay",
    "FatalError",
    "HistoryFull",
    "HookClash",
    "HookTokenTaken",
    "ImpossibleEvent",
    "InboxFull",
    "InsideWorkflow",
    "NonDeterminism",
    "NotACommand",
    "NotFailed",
    "NotFoundError",
    "ReplyLost",
    "RetryableError",
    "RunBlocked",
    "RunCancelled",
    "RunEnded",
    "RunExists",
    "RunFailed",
    "RunTimeout",
    "StepFailed",
    "StepTimeout",
    "StillSealed",
    "StoreError",
    "StoreUnreachable",
    "StoreUnsuitable",
    "TaskCancelled",
    "TimedOut",
    "Undecodable",
    "UndoFailed",
    "Unencodable",
    "UnknownData",
    "UnknownRun",
    "UnknownTarget",
    "UnknownToken",
    "UnknownWorkflow",
    "UnreadableLog",
    "UsageError",
    "WorkerLost",
    "YieldflowError",
    "error",
    "kind_of",
    "masked",
    "shortened",
    "shown",
]


# --- definitions that are refused ----------------------------------------------------------------------------


class BadDefinition(YieldflowError, TypeError):
    """A step or workflow that cannot be one; said when it is defined."""


# --- outcomes of steps ------------------------------------------------------------------------------------------


class FatalError(YieldflowError):
    """Raise it in a step: this attempt is the last, whatever the retry policy says."""


class RetryableError(YieldflowError):
    """Raise it in a step to be tried again after *retry_after* (seconds, "30s", a timedelta or an aware datetime).

    Without *retry_after* the step's policy sets the delay.
    """

    def __init__(self, message: str = "", *, retry_after: str | float | timedelta | datetime | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@error
class StepFailed(YieldflowError):
    """The `__cause__` of what a failed step raises in its workflow: which step, which attempt, the remote traceback."""

    step: str
    attempts: int
    message: str
    traceback: str | None = None
    path: str | None = None

    def __str__(self) -> str:
        return f"step {self.step} failed on attempt {self.attempts}: {self.message}"


class StepTimeout(YieldflowError, TimeoutError):
    """One attempt of a step took longer than its `timeout=`."""


class WorkerLost(YieldflowError):
    """A step's workers died or fell silent as often as its `lost=` allows."""


class TimedOut(YieldflowError, TimeoutError):
    """Nothing came within the `timeout=` of a wait."""


class TaskCancelled(YieldflowError):
    """What awaiting a `Task` raises that was cancelled; the `BaseException` `Cancelled` only ever means "you"."""


@error
class Deadlock(YieldflowError):
    """Everything waits for conditions or tasks, and nothing is under way that could change them."""

    lines: tuple[str, ...]

    def __str__(self) -> str:
        waiting = "".join(f"\n  {line}" for line in self.lines)
        return (
            f"nothing is under way that could end these waits:{waiting}\nspawn what changes them, or give a timeout()"
        )


@error
class UndoFailed(YieldflowError):
    """Some of what a workflow undid at its end failed: `Compensations.undo()` raises it, after all were tried."""

    left: tuple[str, ...]
    undos: int

    def __str__(self) -> str:
        said = "".join(f"\n  {one}" for one in self.left)
        return f"{len(self.left)} of {self.undos} undos failed, put right by hand what is left:{said}"


@error
class HistoryFull(YieldflowError):
    """Raised where a workflow asks more than the history of one run may hold."""

    events: int

    def __str__(self) -> str:
        return (
            f"the history of this run has {self.events:,} events and takes no further command; "
            "end it, or go on with a fresh one: `return (yield from continue_as_new(...))`"
        )


class RunTimeout(YieldflowError, TimeoutError):
    """A run took longer than its `timeout=`, was cancelled for it and did not go on."""


# --- outcomes of runs ------------------------------------------------------------------------------------------


@error
class RunFailed(YieldflowError):
    """A run failed; `__cause__` is its own exception. In a parent it is the `__cause__` of the child's exception."""

    run_id: str
    message: str
    path: str | None = None

    def __str__(self) -> str:
        return f"run {self.run_id!r} failed: {self.message}"


@error
class RunCancelled(YieldflowError):
    run_id: str
    reason: str | None

    def __str__(self) -> str:
        return f"run {self.run_id!r} was cancelled" + (f": {self.reason}" if self.reason else "")


@error
class RunBlocked(YieldflowError):
    run_id: str
    reason: str

    def __str__(self) -> str:
        return f"run {self.run_id!r} is blocked: {self.reason}"
