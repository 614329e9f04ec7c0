"""What a schedule is: when it is due, which call it starts, and what happens if the former one still runs.

Values that travel as the arguments of its run and as payloads for it; nothing is done here.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal, TypeAlias

from attrs import evolve, field, frozen

from yieldflow.authoring.workflow import WorkflowCall
from yieldflow.codec.untyped import Raw
from yieldflow.core.asks import WorkflowDefinition
from yieldflow.core.commands import ChildOptions
from yieldflow.core.times import Millis
from yieldflow.core.values import KnownShape, Parameters
from yieldflow.schedules.occurrences import Times

Overlap: TypeAlias = Literal["skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other", "allow_all"]
MOST_WAITING = 1_000  # occurrences that wait for others to end
TAG = "schedule"  # of all runs of a schedule and of what it starts: its id


@frozen
class Target:
    """The call of a workflow, for whoever does not have its code: arguments as JSON, as they are stored."""

    workflow: str
    args: list[Any]
    kwargs: dict[str, Any]
    version: str | None = None
    queue: str | None = None
    timeout: Millis | None = None
    tags: dict[str, str] = field(factory=dict)

    def call(self, run_id: str) -> WorkflowCall[Any]:
        options = ChildOptions(run_id, self.tags, self.timeout, self.queue)
        definition = WorkflowDefinition(self.workflow, _elsewhere, _RAW, self.version)
        return WorkflowCall(definition, tuple(self.args), self.kwargs, options)


@frozen
class Plan:
    """*jitter*: an occurrence begins up to so much later; *catch_up*: one that is later than this is left out; *limit*:
    so many are started, then it is over.
    """

    target: Target
    times: Times
    overlap: Overlap = "skip"
    jitter: Millis = 0
    catch_up: Millis = 3_600_000
    limit: int | None = None


@frozen
class State:
    """What a schedule carries from one log to the next. Instants are those of occurrences.

    *seen*: the last one that was dealt with, None before the first look; *running*: what has not been seen to end;
    *waiting* for that, *backlog*: asked for by hand, one after the other; *since* when something waits.
    """

    seen: Millis | None = None
    next: Millis | None = None
    paused: bool = False
    reason: str | None = None
    running: tuple[str, ...] = ()
    waiting: tuple[Millis, ...] = ()
    backlog: tuple[Millis, ...] = ()
    since: Millis = 0
    started: int = 0
    skipped: int = 0
    missed: int = 0
    by_hand: int = 0


# --- what it is told: each has a field that has to be said, or any JSON that is sent by hand would be one ------------


@frozen
class Pause:
    reason: str | None


@frozen
class Bid:
    verb: Literal["resume", "delete"]


Part: TypeAlias = Literal["target", "rule", "tz", "start", "end", "overlap", "jitter", "catch_up", "limit"]
_OF_TIMES: tuple[Part, ...] = ("rule", "tz", "start", "end")


@frozen
class Update:
    """*parts*: those of the plan that are meant; None: all of it."""

    plan: Plan
    parts: tuple[Part, ...] | None = None


@frozen
class Trigger:
    """Start it now, as the occurrence of this instant or under a *name* of its own, whatever runs."""

    at: Millis
    name: str | None = None


@frozen
class Backfill:
    """Start these, one after the other unless the plan allows all at once."""

    occurrences: tuple[Millis, ...]


RESUME, DELETE = Bid("resume"), Bid("delete")
Order: TypeAlias = Pause | Bid | Update | Trigger | Backfill


@frozen
class Change:
    """An update that was told *at* an instant; what was due by then is dealt with first, maybe in several logs."""

    update: Update
    at: Millis


def updated(former: Plan, update: Update) -> Plan:
    """Only what is given: of two updates that were asked for at once, both hold.

    >>> from yieldflow.schedules.occurrences import Every
    >>> plan = Plan(Target("shop:report", [], {}), Times(Every(5_000)))
    >>> one = updated(plan, Update(evolve(plan, limit=3), ("limit",)))
    >>> both = updated(one, Update(evolve(plan, jitter=9), ("jitter",)))
    >>> both.limit, both.jitter
    (3, 9)
    """
    if update.parts is None:
        return update.plan
    times = {part: getattr(update.plan.times, part) for part in update.parts if part in _OF_TIMES}
    rest = {part: getattr(update.plan, part) for part in update.parts if part not in _OF_TIMES}
    return evolve(former, times=evolve(former.times, **times), **rest)


# --- what an occurrence meets -----------------------------------------------------------------------------------------

Fate: TypeAlias = Literal["start", "wait", "skip", "replace"]
"""replace: what runs is ended, and what waits is left out for it."""


def fate(overlap: Overlap, waiting: int, *, busy: bool) -> Fate:
    """What becomes of an occurrence that is due, when the former one runs (*busy*) or others wait.

    >>> fate("buffer_one", 0, busy=True), fate("buffer_one", 1, busy=True)
    ('wait', 'skip')
    """
    if overlap == "allow_all" or not (busy or waiting):
        return "start"
    match overlap:
        case "skip":
            return "skip"
        case "buffer_one":
            return "skip" if waiting else "wait"
        case "buffer_all":
            return "skip" if waiting >= MOST_WAITING else "wait"
        case "cancel_other" | "terminate_other":
            return "replace"


def _elsewhere(*_: Any, **__: Any) -> Generator[Any, Any, Any]:
    raise AssertionError("what a schedule starts is looked up by its name")
    yield


_RAW = KnownShape(Parameters(rest=Raw, others=Raw))
