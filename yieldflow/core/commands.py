"""What is recorded of a command when it is issued: enough for a worker that does not have the program.

A command keeps what was asked ("3 days"); the end of a wait is computed by the fold from the time of its
event, so that two workers who decide at different moments write the same command.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, TypeGuard, assert_never

from attrs import field

from yieldflow.core.record import record
from yieldflow.core.retry import Retry
from yieldflow.core.times import End, Millis


@record
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
    local: bool = False  # carried out in the turn itself: never queued, claimed or tried again


@record
class CallStep:
    name: str
    arguments: bytes
    options: StepOptions = StepOptions()


@record
class Sleep:
    end: End


@record
class OpenHook:
    """Needs no answer where its token is derived from the run's seed; a *token* of one's own has to be reserved.

    *response*: what whoever delivers to it over HTTP is told; *within*: and for how long an answer of the program is
    waited for. Neither is compared on replay.
    """

    name: str
    token: str | None = None
    response: bytes | None = None
    within: Millis | None = None


@record
class Respond:
    """Needs no answer: what whoever sent the payload at *position* is told."""

    hook: str
    position: int
    value: bytes


@record
class Receive:
    hook: str
    timeout: End | None = None


@record
class SetData:
    """Needs no answer: it holds from here on."""

    key: str
    value: bytes


@record
class MarkPatch:
    """Needs no answer: the mark that this log was written by code with the change."""

    change_id: str


@record
class ChildOptions:
    """How a child run is started. Never compared on replay."""

    run_id: str | None = None  # None: derived from the parent and the path
    tags: Mapping[str, str] = field(factory=dict)
    timeout: Millis | None = None
    queue: str | None = None  # None: the parent's
    on_parent_close: Literal["cancel", "abandon"] = "cancel"


@record
class StartChild:
    """Open until the child's end is reported; *detached*: until it is started, and its run id is the answer."""

    workflow: str
    arguments: bytes
    detached: bool = False
    version: str | None = None
    options: ChildOptions = ChildOptions()

    @property
    def cancels(self) -> bool:
        """Whether letting it go means that the child is cancelled and waited for."""
        return not self.detached and self.options.on_parent_close == "cancel"


@record
class Send:
    """Open until it is delivered to the other run's hook."""

    run_id: str
    hook: str
    payload: bytes


Recorded: TypeAlias = CallStep | Sleep | OpenHook | Receive | Respond | SetData | MarkPatch | StartChild | Send
Work: TypeAlias = CallStep | StartChild | Send
"""What somebody has to do; a step that is not local, a debt to another run."""


def is_work(command: Recorded) -> TypeGuard[Work]:
    """Whether the table of open work has an entry for it."""
    match command:
        case CallStep(options=options):
            return not options.local
        case StartChild() | Send():
            return True
        case Sleep() | OpenHook() | Receive() | Respond() | SetData() | MarkPatch():
            return False
        case _:
            assert_never(command)
