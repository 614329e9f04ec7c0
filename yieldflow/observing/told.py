"""What observers are told, as values, and what an observer is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

from yieldflow.core.events import RunStarted
from yieldflow.core.outcome import Ending, Failure
from yieldflow.core.path import Path
from yieldflow.core.record import record
from yieldflow.core.times import Millis
from yieldflow.engine.requests import Body, Execute, ExecuteLocal
from yieldflow.ports import Commit, Reply, Summary

Came: TypeAlias = Literal["done", "failed", "retried", "lost"]


@record
class RunBegan:
    summary: Summary


@record
class RunEnded:
    """One generation of a run."""

    summary: Summary
    at: Millis
    outcome: Ending


@record
class AttemptEnded:
    """*came*: done · failed: for good · retried: it is tried again · lost: its worker was. *queue*: None for a local
    step, and where it is not known.
    """

    run_id: str
    path: Path
    attempt: int
    step: str
    queue: str | None
    worker: str | None
    since: Millis
    at: Millis
    came: Came
    failure: Failure | None = None


@record
class WaitEnded:
    """Of a run for a hook. *came*: received · expired · abandoned: nobody waits any more."""

    run_id: str
    path: Path
    hook: str
    since: Millis
    at: Millis
    came: Literal["received", "expired", "abandoned"]


Told: TypeAlias = RunBegan | RunEnded | AttemptEnded | WaitEnded
Births: TypeAlias = Callable[[str], RunStarted | None]
"""The first event of a run, read if it has to be; None: there is no such run any more."""
Leave: TypeAlias = Callable[[Body | None], None]
"""None: it came to no end."""


class Observer(Protocol):
    """Safe to share between threads.

    *follows*: it is told of waits, too, and of the first events of runs, which has its price.
    """

    @property
    def follows(self) -> bool: ...

    def carried(self) -> Mapping[str, str]:
        """Tags for a run that is started here and now."""

    def begins(self, request: Execute | ExecuteLocal, births: Births, now: Millis) -> Leave:
        """A body begins in this context; what is answered is called at its end, in the same one."""

    def committed(self, commit: Commit, reply: Reply, told: Sequence[Told], births: Births) -> None:
        """A commit was answered; *told*: what it has ended, or begun."""

    def called(self, call: str, seconds: float, answered: bool) -> None:
        """One round trip to the store."""

    def place(self, run_id: str) -> Mapping[str, str]:
        """What a log line of that run says beside it."""

    def flush(self) -> None:
        """Send what is kept: the process may be about to end."""
