"""What a schedule has to start when it is told things at any moment, worked out from the rules alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field, frozen

from yieldflow import Workflow
from yieldflow.codec import JsonCodec
from yieldflow.schedules.asking import Asked, target_of
from yieldflow.schedules.occurrences import between, jittered, named
from yieldflow.schedules.plan import RESUME, Backfill, Bid, Order, Pause, Plan, Trigger, Update, updated

HOUR, DAY = 3_600_000, 86_400_000
RULES = (
    {"cron": "30 2 * 3,4,10,11 sun"},
    {"cron": "0 12 1,15 * *"},
    {"every": "11d"},
)


def plan_of(chance: random.Random, workflow: Workflow[[], Any], tz: str) -> Plan:
    """Nothing that overlaps is left out, and downtimes are made up for: each occurrence counts."""
    overlap, jitter = chance.choice(("allow_all", "buffer_all")), chance.choice((None, "3d", "20d"))
    asked = Asked(**chance.choice(RULES), tz=tz, overlap=overlap, jitter=jitter, catch_up="1000d")
    return asked.plan(target_of(workflow(), JsonCodec()))


@define
class Model:
    """*seen*: the last instant that was dealt with."""

    schedule_id: str
    plan: Plan
    seen: int
    paused: bool = False
    by_itself: list[str] = field(factory=list)
    by_hand: list[str] = field(factory=list)

    def work(self, until: int) -> None:
        """Somebody works until then."""
        for occurrence in () if self.paused else self._due(until):
            if self._begins(occurrence) > until:
                break
            self._start(occurrence)

    def tell(self, order: Order, at: int) -> None:
        match order:
            case Pause():
                self.paused = True
            case Bid():
                self.paused, self.seen = False, at if self.paused else self.seen
            case Update():
                for occurrence in () if self.paused else self._due(at):
                    self._start(occurrence)
                self.plan, self.seen = updated(self.plan, order), at
            case Trigger():
                self.by_hand.append(named(self.schedule_id, order.at))
            case Backfill(occurrences):
                self.by_hand += [named(self.schedule_id, occurrence) for occurrence in occurrences]

    def is_busy(self, at: int) -> bool:
        """Whether something is due or begins about then: who dies meanwhile may be late by that much."""
        around = between(self.plan.times, at - 21 * DAY, at + HOUR)
        return any(abs(one - at) < HOUR for occurrence in around for one in (occurrence, self._begins(occurrence)))

    def _due(self, until: int) -> tuple[int, ...]:
        return tuple(between(self.plan.times, self.seen + 1, until + 1))

    def _begins(self, occurrence: int) -> int:
        return occurrence + jittered(named(self.schedule_id, occurrence), self.plan.jitter)

    def _start(self, occurrence: int) -> None:
        self.by_itself.append(named(self.schedule_id, occurrence))
        self.seen = occurrence


@frozen
class Moment:
    """*idle*: nobody has worked since then. *orders* come in this order, at this instant."""

    idle: int
    at: int
    orders: tuple[Order, ...]


def story(model: Model, chance: random.Random, until: int, plan: Callable[[], Plan]) -> Iterator[Moment]:
    """Random moments; *model* has lived through each of them before it is told. In the end nothing waits any more."""
    last = at = model.seen
    while (at := _quiet(model, at + chance.randrange(5 * DAY, 90 * DAY))) < until:
        idle = chance.random() < 0.3
        since = _quiet(model, last + chance.randrange((at - last) // 2)) if idle else at
        model.work(min(since, at))
        orders = tuple(_order(model, chance, at, plan) for _ in range(1 if idle else chance.choice((1, 1, 2, 3))))
        yield Moment(min(since, at), at, orders)
        last = at
    for at, orders in ((_quiet(model, until), (RESUME,)), (_quiet(model, until + 2 * DAY), ())):
        model.work(at)
        for order in orders:
            model.tell(order, at)
        yield Moment(at, at, orders)


def _quiet(model: Model, at: int) -> int:
    while model.is_busy(at):
        at += HOUR
    return at


def _order(model: Model, chance: random.Random, at: int, plan: Callable[[], Plan]) -> Order:
    made: Order
    match chance.choice(("pause", "resume", "resume", "update", "update", "part", "trigger", "backfill")):
        case "pause":
            made = Pause("for a while")
        case "resume":
            made = RESUME
        case "update":
            made = Update(plan())
        case "part":
            made = Update(plan(), ("overlap", "jitter"))
        case "trigger":
            made = Trigger(at - len(model.by_hand))
        case _:
            made = Backfill(tuple(between(model.plan.times, at - 40 * DAY, at)))
    model.tell(made, at)
    return made
