"""Every error yieldflow raises: its data as attributes, its sentence once, and what to do next.

Three kinds answer the question whose fault it is: `UsageError` (the caller's: nothing was changed),
`CodeError` (the deployed code cannot continue this log: the run is blocked, nothing is written) and
the outcomes of runs and steps, which a program may catch.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from datetime import datetime, timedelta


def masked(url: str) -> str:
    """A URL without its password."""
    return re.sub(r"(://[^/:@]*:)[^/]*@", r"\1***@", url)


error = attrs.define(slots=False, eq=False, str=False)  # exceptions keep identity, `__dict__` and their own `__str__`


class YieldflowError(Exception):
    """The root of all errors of yieldflow."""


class Cancelled(BaseException):
    """Thrown into a workflow at the line where it waits, when it is cancelled; it only ever means "you".

    A `BaseException`, so that `except Exception` does not swallow it. `except Cancelled:` and `finally:`
    may yield commands, and they are carried out. Whoever swallows it goes on.
    """


# --- the caller's fault: nothing was changed -------------------------------------------------------------


class UsageError(YieldflowError):
    """What was asked for cannot be done; nothing was changed."""


class NotFoundError(UsageError):
    """What was named does not exist."""


@error
class UnknownRun(NotFoundError):
    run_id: str

    def __str__(self) -> str:
        return f"there is no run {self.run_id!r}; `yieldflow ls` lists those that there are"


@error
class UnknownToken(NotFoundError):
    def __str__(self) -> str:
        return "no open hook has this token; its run may have ended, or the link was not copied whole"


@error
class UnknownTarget(NotFoundError):
    target: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.target!r} is not a workflow: {self.reason}; name one as package.module:name or path/to/file.py:name"
        )


@error
class BadRunId(UsageError):
    run_id: str

    def __str__(self) -> str:
        shown = self.run_id if len(self.run_id) <= 40 else self.run_id[:40] + "…"
        return f"{shown!r} cannot be a run id: use 1 to 200 printable characters without '~'"


@error
class BadUrl(UsageError):
    url: str
    reason: str

    def __str__(self) -> str:
        return (
            f"the store URL {masked(self.url)!r} {self.reason}; "
            "use memory:, sqlite:///file.db, redis://host:port/0, rediss:// or unix://"
        )


@error
class BadArguments(UsageError):
    name: str
    reason: str

    def __str__(self) -> str:
        return f"the arguments do not fit {self.name}: {self.reason}"


@error
class BadPayload(UsageError):
    hook: str
    reason: str

    def __str__(self) -> str:
        return f"the payload does not fit hook {self.hook!r}: {self.reason}"


@error
class RunExists(UsageError):
    run_id: str
    difference: str

    def __str__(self) -> str:
        return f"run {self.run_id!r} exists already with {self.difference}; choose another run id, or get() that run"


@error
class RunEnded(UsageError):
    run_id: str

    def __str__(self) -> str:
        return f"run {self.run_id!r} has ended and takes nothing any more"


@error
class InboxFull(UsageError):
    run_id: str
    limit: int

    def __str__(self) -> str:
        return (
            f"run {self.run_id!r} has {self.limit:,} unread payloads and takes no more until the workflow receives some"
        )


@error
class InsideWorkflow(UsageError):
    verb: str

    def __str__(self) -> str:
        return (
            f"{self.verb} was called in a workflow: `yield` a command instead (a run of its own: `yield detach(...)`)"
        )


class StoreError(YieldflowError):
    """The store cannot be used."""


@error
class StoreUnreachable(StoreError):
    url: str
    reason: str

    def __str__(self) -> str:
        asked = "is the server running, and is the URL right?"
        return f"the store {masked(self.url)} cannot be reached ({self.reason}); {asked}"


@error
class StoreUnsuitable(StoreError):
    url: str
    reason: str

    def __str__(self) -> str:
        return f"the store {masked(self.url)} cannot be used: {self.reason}"


@error
class ReplyLost(StoreError):
    """The connection broke while a call was under way: it may or may not have been applied."""

    reason: str

    def __str__(self) -> str:
        return f"the store did not answer ({self.reason}); whether the call was applied is found by reading the log"


# --- the code's fault: the run is blocked, its log stays as it is ------------------------------------------


class CodeError(YieldflowError):
    """The code at hand cannot continue this log. Never thrown into a program, never written to a log."""


@error
class NotACommand(CodeError):
    found: str
    where: str
    advice: str

    def __str__(self) -> str:
        return f"{self.where}: the workflow yielded {self.found}, which is not a command; {self.advice}"


@error
class NonDeterminism(CodeError):
    workflow: str
    path: str
    recorded: str
    asked: str
    where: str

    def __str__(self) -> str:
        return (
            f"workflow {self.workflow} has changed under a running run: at path {self.path} its log holds\n"
            f"  recorded: {self.recorded}\n"
            f"  asked:    {self.asked}\n"
            f"  at:       {self.where}\n"
            "The usual causes: steps were added, removed or reordered; a clock, random number, environment "
            "variable or unordered set decides in the workflow.\n"
            "Revert the change, or let the runs that are under way end before you deploy it; nothing is lost meanwhile."
        )


@error
class UnknownWorkflow(CodeError):
    name: str

    def __str__(self) -> str:
        return (
            f"workflow {self.name!r} is not known here; give the module that defines it: App(modules=[…]), "
            "`yieldflow worker MODULE`, $YIELDFLOW_MODULES or [tool.yieldflow] modules"
        )


@error
class Unencodable(CodeError):
    path: str
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} is a {self.kind} and cannot be stored as JSON: {self.reason}"


@error
class Undecodable(CodeError):
    path: str
    expected: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} cannot be read as {self.expected}: {self.reason}"


@error
class UnreadableLog(CodeError):
    """An event that this version does not know: it blocks here only, a newer worker may go on."""

    reason: str

    def __str__(self) -> str:
        return f"the log holds an event that this version of yieldflow cannot read ({self.reason}); upgrade this worker"


@error
class BrokenProgram(CodeError):
    """The program cannot be run here: recursion, memory, imports, syntax, arguments that no longer fit."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}; a fixed deploy continues the run"


@error
class ImpossibleEvent(YieldflowError):
    """The strict fold refuses an event: something wrote a log that no yieldflow would write."""

    event: str
    reason: str

    def __str__(self) -> str:
        return f"the log holds an impossible event ({self.reason}): {self.event}"


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

    def __str__(self) -> str:
        return f"step {self.step} failed on attempt {self.attempts}: {self.message}"


class StepTimeout(YieldflowError, TimeoutError):
    """One attempt of a step took longer than its `timeout=`."""


class WorkerLost(YieldflowError):
    """A step's workers died or fell silent as often as its `lost=` allows."""


class TimedOut(YieldflowError, TimeoutError):
    """Nothing came within the `timeout=` of a wait."""


# --- outcomes of runs ------------------------------------------------------------------------------------------


@error
class RunFailed(YieldflowError):
    run_id: str
    message: str

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
