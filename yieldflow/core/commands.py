"""What is recorded of a command when it is issued: enough for a worker that does not have the program.

A command keeps what was asked ("3 days"); the end of a wait is computed by the fold from the time of its
event, so that two workers who decide at different moments write the same command.
"""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen

from yieldflow.core.retry import Retry
from yieldflow.core.times import End, Millis


@frozen
class StepOptions:
    """How a step is carried out. Never compared on replay: tuning it blocks no run."""

    queue: str | None = None  # None: the run's own
    attempts: int | None = 3  # None: no limit
    lost: int = 5
    timeout: Millis | None = None
    lease: Millis | None = None  # None: the run's own
    heartbeat: Millis | None = None
    label: str | None = None
    retry: Retry | None = None  # the call's own policy; else the executing worker's decorator holds


@frozen
class CallStep:
    name: str
    arguments: bytes
    options: StepOptions = StepOptions()


@frozen
class Sleep:
    end: End


@frozen
class OpenHook:
    """Needs no answer: its token is derived from the run's seed."""

    name: str


@frozen
class Receive:
    hook: str
    timeout: End | None = None


Recorded: TypeAlias = CallStep | Sleep | OpenHook | Receive
