"""What the log of a schedule says: its plan, its state, and when it is due. Asks no store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice

from yieldflow.core.commands import SetData
from yieldflow.core.events import CommandIssued, Event, HookReceived, RunStarted
from yieldflow.core.times import LATEST, Millis, moment
from yieldflow.core.values import Codec
from yieldflow.errors import Undecodable, UsageError
from yieldflow.schedules.occurrences import between
from yieldflow.schedules.plan import Backfill, Change, Order, Plan, State, Update, updated
from yieldflow.schedules.program import ORDERS, schedule

UPCOMING = 5  # occurrences that are shown


def last_plan(events: Sequence[Event], codec: Codec) -> Plan:
    """What it was told last: a change begins a log of its own, so one that this log holds is still to be made."""
    plan, _, change = _begun(events[0], codec)
    for order in (*(() if change is None else (change.update,)), *_orders(events, codec)):
        plan = updated(plan, order) if isinstance(order, Update) else plan
    return plan


def last_state(events: Sequence[Event], codec: Codec) -> State:
    issued = next((event for event in reversed(events) if _sets_state(event)), None)
    if isinstance(issued, CommandIssued) and isinstance(issued.command, SetData):
        state = codec.decode(issued.command.value, State)
        assert isinstance(state, State)
        return state
    return _begun(events[0], codec)[1]


def backlog(events: Sequence[Event], codec: Codec) -> int:
    """How many occurrences are still to be started by hand. What was told a moment ago may be counted or not."""
    last = max((place for place, event in enumerate(events) if _sets_state(event)), default=0)
    told = sum(len(order.occurrences) for order in _orders(events[last:], codec) if isinstance(order, Backfill))
    return told + len(last_state(events, codec).backlog)


def upcoming(plan: Plan, state: State, now: Millis) -> tuple[datetime, ...]:
    """When it is due next, as often as its limit leaves. Where its zone is not known: what a worker has found."""
    left = UPCOMING if plan.limit is None else min(UPCOMING, plan.limit - state.started - len(state.waiting))
    seen = now if state.seen is None else state.seen
    try:
        return tuple(map(moment, islice(between(plan.times, seen + 1, LATEST + 1), max(left, 0))))
    except UsageError:
        return () if state.next is None else (moment(state.next),)


def _begun(started: Event, codec: Codec) -> tuple[Plan, State, Change | None]:
    assert isinstance(started, RunStarted)
    given = codec.decode_arguments(started.arguments, schedule.definition.parameters).args
    plan, state, change = (*given, None)[:3]
    assert isinstance(plan, Plan)
    assert isinstance(state, State)
    assert change is None or isinstance(change, Change)
    return plan, state, change


def _orders(events: Iterable[Event], codec: Codec) -> Iterator[Order]:
    for event in events:
        match event:
            case RunStarted(inbox=inbox):
                told = inbox.get(ORDERS.hook, ())
            case HookReceived(name=ORDERS.hook, payload=payload):
                told = (payload,)
            case _:
                continue
        for one in told:
            with suppress(Undecodable):  # somebody else has sent it: it is skipped
                order: Order = codec.decode(one, ORDERS.type)  # type: ignore[assignment]  # by its annotation
                yield order


def _sets_state(event: Event) -> bool:
    return isinstance(event, CommandIssued) and isinstance(event.command, SetData) and event.command.key == "state"
