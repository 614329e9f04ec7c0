"""`@scheduled`: schedules that belong to the code. Here they are only noted; whoever works on that code starts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from attrs import frozen

from yieldflow.authoring.signatures import home
from yieldflow.authoring.workflow import Workflow
from yieldflow.codec import JsonCodec
from yieldflow.core.times import Duration
from yieldflow.errors import BadDefinition, shown
from yieldflow.schedules.asking import Asked, expect_id, target_of
from yieldflow.schedules.plan import Overlap, Plan

P = ParamSpec("P")
R = TypeVar("R")


@frozen
class Declared:
    """*package*: the outermost one of the function's module, or the stem of its file."""

    plan: Plan
    package: str


DECLARED: dict[str, Declared] = {}


def scheduled(
    *,
    cron: str | None = None,
    every: Duration | None = None,
    at: Iterable[datetime] | None = None,
    tz: str = "UTC",
    overlap: Overlap = "skip",
    jitter: Duration | None = None,
    catch_up: Duration = "1h",
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int | None = None,
    schedule_id: str | None = None,
) -> Callable[[Workflow[P, R]], Workflow[P, R]]:
    """A schedule that belongs to the code: above `@workflow`, of one that can be called without arguments.

    The options are those of `App.schedule`. It is put in place when a worker begins whose app has `modules`, or by
    `app.schedules.declare()`; one that is there and says otherwise is changed. Taken out of the code it goes on until
    it is deleted. Raises `UsageError`, and `BadDefinition` for an id that another workflow has.

    >>> from yieldflow import Flow, sleep, workflow
    >>> @scheduled(cron="30 7 * * mon-fri", tz="Europe/Berlin", schedule_id="doctest")
    ... @workflow
    ... def reminder() -> Flow[None]:
    ...     yield sleep("1s")
    >>> DECLARED.pop("doctest").plan.times.rule
    Cron(line='30 7 * * mon-fri')
    """
    asked = Asked(cron, every, at, tz, overlap, jitter, catch_up, start, end, limit)

    def declare(workflow: Workflow[P, R]) -> Workflow[P, R]:
        _note(workflow, schedule_id, asked)
        return workflow

    return declare


def _note(workflow: Workflow[..., Any], schedule_id: str | None, asked: Asked) -> None:
    if not isinstance(workflow, Workflow):
        raise BadDefinition(f"@scheduled stands above @workflow: {shown(workflow)} is no workflow")
    name = workflow.fn.__name__ if schedule_id is None else schedule_id
    expect_id(name)
    plan = asked.plan(target_of(_called(workflow), JsonCodec()))
    former = DECLARED.get(name)
    if former is not None and former.plan.target.workflow != plan.target.workflow:
        both = f"for {former.plan.target.workflow} and for {plan.target.workflow}"
        raise BadDefinition(f"schedule {name!r} is declared twice, {both}: give one of them a schedule_id=")
    DECLARED[name] = Declared(plan, home(workflow.fn).partition(".")[0])


def _called(workflow: Workflow[..., Any]) -> Any:
    try:
        return workflow()
    except TypeError as error:
        raise BadDefinition(f"@scheduled starts a workflow without arguments, and {error}") from None
