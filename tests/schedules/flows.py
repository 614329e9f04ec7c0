"""What is scheduled in these tests, and schedules in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from yieldflow import Cancelled, Flow, sleep, step, workflow
from yieldflow.codec import JsonCodec
from yieldflow.schedules import program
from yieldflow.schedules.asking import Asked, target_of
from yieldflow.schedules.plan import State
from yieldflow.testing import simulate

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


@step
def written(day: str) -> str:
    return f"report {day}"


@workflow
def report(takes: str = "1s") -> Flow[str]:
    yield sleep(takes)
    return takes


@workflow
def stubborn(takes: str, tidies: str) -> Flow[str]:
    """Takes its time to clean up when it is cancelled."""
    try:
        yield sleep(takes)
    except Cancelled:
        yield sleep(tidies)
        raise
    return takes


class Played:
    """A schedule in virtual time; what its steps do to other runs is done to those of the same stage."""

    def __init__(
        self, call: Any, *, since: datetime = MIDNIGHT, ahead: Callable[..., Any] = program.ahead.fn, **options: Any
    ) -> None:
        plan = Asked(**options).plan(target_of(call, JsonCodec()))
        self.ended: list[tuple[str, str]] = []
        fakes: dict[Any, Callable[..., Any]] = {
            program.still_running: self._still_running,
            program.started_by: self._started_by,
            program.ahead: ahead,
            program.end: self._end,
        }
        self.sim = simulate(program.schedule(plan, State()), steps=fakes, at=since, run_id="daily")

    def _still_running(self, run_ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(run_id for run_id in run_ids if self.sim.children[run_id] == "running")

    def _started_by(self, schedule_id: str) -> tuple[str, ...]:
        return self._still_running(tuple(self.sim.children))

    def _end(self, run_ids: tuple[str, ...], overlap: str) -> None:
        """Cancelled a moment later: a fake is called in the midst of a turn."""
        self.ended += [(run_id, overlap) for run_id in run_ids]

    def tell(self, *orders: Any) -> Played:
        for order in orders:
            self.sim.send(program.ORDERS, order)
        return self

    def advance(self, span: str) -> Played:
        self.sim.advance(span)
        while self.ended:
            run_id, _ = self.ended.pop()
            if self.sim.children[run_id] == "running":
                self.sim.cancel("its schedule is due again", run_id=run_id)
        return self

    @property
    def started(self) -> list[str]:
        return [run_id.removeprefix("daily@") for run_id in self.sim.children]

    @property
    def state(self) -> Any:
        return self.sim.data["state"]
