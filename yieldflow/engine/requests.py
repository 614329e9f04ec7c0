"""What `tend` asks of whoever drives it, and who does the asking.

A driver performs requests one by one, or those of many runs together; one in the tests crashes before or
after any of them, loses them, doubles them and delays them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from attrs import field

from yieldflow.core.asks import StepDefinition
from yieldflow.core.commands import CallStep
from yieldflow.core.outcome import Failure
from yieldflow.core.path import Path
from yieldflow.core.record import record
from yieldflow.core.times import End, Millis
from yieldflow.ports import Claimed, Commit, Mark


@record
class Read:
    """Answered by a `Log`, or None: there is no such run. *replaying*: a program is about to be run over all of it,
    if the run is of one of these queues; None: of any.
    """

    run_id: str
    after: Mark | None
    replaying: tuple[str, ...] | None = ()


@record
class Newest:
    """Answered by the id of the newest generation of a chain."""

    chain: str


@record
class Save:
    """Answered by a `Reply`; `ReplyLost` is thrown in where it is not known whether the commit was applied."""

    commit: Commit


@record
class Take:
    """Claim one free entry of these queues. Answered by `Granted`."""

    run_id: str
    queues: tuple[str, ...]
    token: str


@record
class Wait:
    """Somebody else in this process has the execution of that run. Answered when it may be free; *block* does nothing
    else for at most so many seconds.
    """

    run_id: str
    block: Callable[[float], None]


@record
class Inspect:
    """Read the whole work table, to repair it. Answered by its entries."""

    run_id: str


@record
class Release:
    """Give a claim back whose body has not begun."""

    run_id: str
    path: Path
    token: str
    not_before: Millis = 0


@record
class Execute:
    """Run a step's body. Answered by a `Body`."""

    run_id: str
    claim: Claimed
    call: CallStep
    step: StepDefinition
    tags: Mapping[str, str] = field(factory=dict)
    keys: str = ""  # the run id of its idempotency key

    @property
    def path(self) -> Path:
        return self.claim.path


@record
class ExecuteLocal:
    """Run the body of a local step: nobody holds a claim for it. Answered by `Returned` or `Threw`."""

    run_id: str
    path: Path
    call: CallStep
    step: StepDefinition
    tags: Mapping[str, str] = field(factory=dict)
    keys: str = ""


@record
class Offer:
    """Leave hints for others, at most *count*."""

    run_id: str
    queue: str
    count: int


Request: TypeAlias = Read | Newest | Save | Take | Wait | Inspect | Release | Execute | ExecuteLocal | Offer


# --- how a body came out --------------------------------------------------------------------------------------


@record
class Returned:
    value: bytes
    started_at: Millis


@record
class Threw:
    failure: Failure
    started_at: Millis
    wait: End | None = None  # what a RetryableError asked for
    details: bytes | None = None  # of its last heartbeat


@record
class Stopped:
    """The worker is told to stop and the body did not end in time: nothing is reported, the lease runs out."""


@record
class Unfit:
    """The step of this worker cannot take this call; another deploy's may."""

    reason: str


Body: TypeAlias = Returned | Threw | Stopped | Unfit


# --- who asks ---------------------------------------------------------------------------------------------------


Inline: TypeAlias = Literal["always", "alone", "never"]
"""Whether a tender runs bodies itself. alone: only when nothing else is owed before one ends; others are there for
the rest. never: all are left to others."""


@record
class Worker:
    """A worker, as the engine needs to know it. Everything impure is a function it was given."""

    name: str
    queues: tuple[str, ...] | None  # None: all there are, for want of other workers
    now: Callable[[], Millis]  # the store's time, as far as it is known here
    fresh: Callable[[], str]  # random ids: claim tokens and commit ids
    gone: Callable[[str], bool]  # whether the process of the worker of that name is known to be dead
    stopping: Callable[[], bool]
    slice: Millis = 1_000  # how long one tend may go on taking work
    inline: Inline = "always"

    def serves(self, queue: str) -> bool:
        return self.queues is None or queue in self.queues


# --- how a tend ended ---------------------------------------------------------------------------------------------


@record
class Tended:
    """*ended*: the run has finished · *waiting*: nothing is left to do here, until the head moves or *alarm* ·
    *blocked*: the code at hand cannot go on · *unknown*: there is no such run · *stopped*: time is up, a hint was left.
    """

    state: Literal["ended", "waiting", "blocked", "unknown", "stopped"]
    head: Mark | None = None
    alarm: Millis | None = None
    reason: str = ""
    children: tuple[str, ...] = ()  # runs that it waits for
