"""The workflow that every schedule is: it waits until something is due, and starts that as a run of its own.

Times are looked up in a step, so that its log holds them: a newer time zone database changes no replay. What an
occurrence starts has a run id that is made of its time, so nobody can start it twice.
"""

from __future__ import annotations

from contextlib import suppress
from typing import assert_never

from attrs import asdict, evolve, frozen

from yieldflow.authoring.step import step
from yieldflow.authoring.verbs import continue_as_new, detach, hook, now, patched, run_info, set_data
from yieldflow.authoring.workflow import workflow
from yieldflow.core.asks import Flow
from yieldflow.core.chain import chain_of
from yieldflow.core.retry import Retry
from yieldflow.core.times import Millis, instant, moment
from yieldflow.errors import RunEnded, RunExists, UnknownRun, UsageError
from yieldflow.mending import cancelling, terminating
from yieldflow.ports import LIVE, NO_EVENTS, Filter, Summary
from yieldflow.runtime import here
from yieldflow.schedules.occurrences import by_name, jittered, named, next_after
from yieldflow.schedules.plan import (
    MOST_WAITING,
    TAG,
    Backfill,
    Bid,
    Change,
    Order,
    Overlap,
    Pause,
    Plan,
    State,
    Trigger,
    Update,
    fate,
    updated,
)

ORDERS = hook("orders", Order)
FRESH_AFTER = 400  # events; then it goes on with a log of its own
HEARD = "orders-are-heard-first"  # of all that has changed since; a log that went by without it ends as it began
MOST_MISSED = 10_000  # that are counted in one look
SOONEST, LATEST = 1_000, 60_000  # milliseconds between two looks whether what runs has ended
PATIENT = Retry(attempts=None, delay="1s", max_delay="1m", lost=1_000_000)  # the store will be back


@frozen
class Ahead:
    """The next occurrence, and when it begins; *missed*: so many are too old to be caught up with, *seen* the last."""

    occurrence: Millis | None
    begins: Millis
    seen: Millis
    missed: int


@step(name="yieldflow:ahead", local=True, retry=PATIENT)
def ahead(plan: Plan, schedule_id: str, seen: Millis, at: Millis) -> Ahead:
    """Of those after *seen*, as it stands *at* that instant."""
    oldest, missed = at - plan.catch_up, 0
    while (occurrence := next_after(plan.times, seen)) is not None:
        begins = occurrence + jittered(named(schedule_id, occurrence), plan.jitter)
        if begins >= oldest:
            return Ahead(occurrence, begins, seen, missed)
        seen, missed = occurrence, missed + 1
        if missed % MOST_MISSED == 0:  # down for years: the rest is not counted
            seen = max(seen, oldest - plan.jitter - 1)
    return Ahead(None, 0, seen, missed)


@step(name="yieldflow:still_running", retry=PATIENT)
def still_running(run_ids: tuple[str, ...]) -> tuple[str, ...]:
    """Those of them that have not ended."""
    store = here.get().store
    stand = [(run_id, store.read(store.newest(chain_of(run_id)[0]), NO_EVENTS)) for run_id in run_ids]
    live = ("running", "paused", "blocked", "continued")
    return tuple(run_id for run_id, log in stand if log is not None and log.summary.status in live)


@step(name="yieldflow:end", retry=PATIENT)
def end(run_ids: tuple[str, ...], overlap: Overlap) -> None:
    """By the policy, which is one of those that end others."""
    runtime, reason = here.get(), "its schedule is due again"
    cancels = overlap == "cancel_other"
    verb = cancelling(reason, again=False, hinted=lambda: True) if cancels else terminating(reason)
    for run_id in run_ids:
        with suppress(RunEnded, UnknownRun):
            runtime.ask(run_id, verb.asking, runtime.hints or runtime.pool)


@step(name="yieldflow:started_by", retry=PATIENT)
def started_by(schedule_id: str) -> tuple[str, ...]:
    """What it has started and has not ended."""
    page = here.get().store.find(Filter(LIVE, tags={TAG: schedule_id}, limit=MOST_WAITING))
    return tuple(run.run_id for run in page.runs if is_started_by(schedule_id, run))


STEPS = (ahead, still_running, end, started_by)


def is_started_by(schedule_id: str, run: Summary) -> bool:
    """Not so its own logs, nor the children of what it has started, which have its tag, too."""
    return run.parent is not None and chain_of(run.parent)[0] == schedule_id


@workflow(name="yieldflow:schedule")
def schedule(plan: Plan, state: State, change: Change | None = None) -> Flow[str]:
    """How it ended: "over" or "deleted". *change*: what is to hold once all that was due before it is dealt with."""
    if state.seen is None:
        state = evolve(state, seen=instant((yield from now())))
    while True:
        if change is None and (yield from is_long()):
            return (yield from continue_as_new(schedule(plan, state)))
        state, begins = yield from looked_ahead(plan, state)
        if change is not None:
            return (yield from changed(plan, state, begins, change))
        yield set_data("state", asdict(state))
        over = state.next is None and not (state.paused or state.waiting or state.backlog)
        match (yield from told(state, begins, over=over)):
            case None if over:
                return "over"
            case None:
                state = yield from on_time(plan, state, begins)
            case Update() as update:
                at = instant((yield from now()))
                return (yield from changed(plan, state, begins, Change(update, at)))
            case Bid("delete"):
                return "deleted"
            case Pause() | Bid() | Trigger() | Backfill() as order:
                state = yield from obeyed(plan, state, order)
            case other:
                assert_never(other)


def obeyed(plan: Plan, state: State, order: Pause | Bid | Trigger | Backfill) -> Flow[State]:
    match order:
        case Pause(reason):
            return evolve(state, paused=True, reason=reason)
        case Bid():
            return (yield from resumed(state))
        case Trigger(at, name):
            return (yield from begin(plan, evolve(state, by_hand=state.by_hand + 1), at, name))
        case Backfill(occurrences):
            return evolve(state, backlog=(*state.backlog, *occurrences), since=instant((yield from now())))
        case _:
            assert_never(order)


def is_long() -> Flow[bool]:
    info = yield from run_info()
    return info.continue_suggested or info.history_length > FRESH_AFTER


def told(state: State, begins: Millis, *, over: bool) -> Flow[Order | None]:
    """None: there is something to do by itself, or it is over. What was said before that is heard before it."""
    at = instant((yield from now()))
    until = at if over else wakes(state, begins, at)
    if until is not None and until <= at and not (yield from patched(HEARD)):
        return None
    wait = ORDERS if until is None else ORDERS.options(timeout=moment(until), default=None)
    order: Order | None = yield from wait
    return order


def resumed(state: State) -> Flow[State]:
    """What passed in the pause is not made up for; where there was none, nothing passed."""
    seen = instant((yield from now())) if state.paused or not (yield from patched(HEARD)) else state.seen
    return evolve(state, paused=False, reason=None, seen=seen)


def wakes(state: State, begins: Millis, at: Millis) -> Millis | None:
    """When there is something to do by itself; the longer something waits, the seldomer one looks."""
    if state.paused:
        return None
    times = [] if state.next is None else [begins]
    if state.waiting or state.backlog:
        times.append(at + min(max((at - state.since) // 10, SOONEST), LATEST) if state.running else at)
    return min(times, default=None)


def looked_ahead(plan: Plan, state: State) -> Flow[tuple[State, Millis]]:
    """What is next, and when it begins. Paused, nothing is; what passes meanwhile is not caught up with."""
    if state.paused or (plan.limit is not None and state.started + len(state.waiting) >= plan.limit):
        return evolve(state, next=None), 0
    schedule_id, at = (yield from run_info()).run_id, (yield from now())
    call = ahead(plan, schedule_id, state.seen or 0, instant(at))
    try:
        found = yield from call
    except UsageError:  # who has tried it knows no such zone: it is left to whoever does
        found = yield from call.options(local=False)
    state = evolve(state, next=found.occurrence, seen=found.seen, missed=state.missed + found.missed)
    return state, found.begins


def on_time(plan: Plan, state: State, begins: Millis) -> Flow[State]:
    """What is due, and is not too late, meets what runs; then what waits may have its turn."""
    at = instant((yield from now()))
    if state.next is not None and not state.paused and begins <= at <= begins + plan.catch_up:
        state = yield from arrive(plan, state, state.next, at)
    if plan.overlap == "allow_all":
        return (yield from all_at_once(plan, state))
    if state.paused or not (state.waiting or state.backlog):
        return state
    state = yield from looked(state)
    return state if state.running else (yield from next_in_line(plan, state, at))


def all_at_once(plan: Plan, state: State) -> Flow[State]:
    """What waits was due by a plan that did not allow it."""
    if state.waiting and (yield from patched(HEARD)):
        for occurrence in state.waiting:
            state = yield from begin(plan, state, occurrence)
        state = evolve(state, waiting=(), started=state.started + len(state.waiting))
    for occurrence in state.backlog:
        state = yield from begin(plan, state, occurrence)
    return evolve(state, backlog=(), by_hand=state.by_hand + len(state.backlog))


def changed(plan: Plan, state: State, begins: Millis, change: Change) -> Flow[str]:
    """All that was due by this plan meets its fate by it, also what waits for its jitter; then the new one holds."""
    while not state.paused and state.next is not None and state.next <= change.at:
        if (yield from is_long()) and (yield from patched(HEARD)):
            return (yield from continue_as_new(schedule(plan, state, change)))
        state = yield from on_time(plan, state, min(begins, instant((yield from now()))))
        state, begins = yield from looked_ahead(plan, state)
    new = updated(plan, change.update)
    if plan.overlap == "allow_all" != new.overlap:  # until now nobody wanted to know what runs
        schedule_id = (yield from run_info()).run_id
        state = evolve(state, running=(yield from started_by(schedule_id)))
    return (yield from continue_as_new(schedule(new, evolve(state, seen=max(state.seen or 0, change.at)))))


def arrive(plan: Plan, state: State, occurrence: Millis, at: Millis) -> Flow[State]:
    state = evolve((yield from looked(state)), seen=occurrence, next=None)
    what = fate(plan.overlap, len(state.waiting), busy=bool(state.running))
    match what:
        case "start":
            return (yield from begin(plan, evolve(state, started=state.started + 1), occurrence))
        case "skip":
            return evolve(state, skipped=state.skipped + 1)
        case "wait":
            since = state.since if state.waiting or state.backlog else at
            return evolve(state, waiting=(*state.waiting, occurrence), since=since)
        case "replace":
            yield end(state.running, plan.overlap)
            skipped = state.skipped + len(state.waiting)
            return evolve(state, waiting=(occurrence,), skipped=skipped, since=at)
        case _:
            assert_never(what)


def next_in_line(plan: Plan, state: State, at: Millis) -> Flow[State]:
    """What was due comes before what was asked for by hand."""
    if state.waiting:
        first, state = state.waiting[0], evolve(state, waiting=state.waiting[1:], started=state.started + 1, since=at)
    else:
        first, state = state.backlog[0], evolve(state, backlog=state.backlog[1:], by_hand=state.by_hand + 1, since=at)
    return (yield from begin(plan, state, first))


def begin(plan: Plan, state: State, occurrence: Millis, name: str | None = None) -> Flow[State]:
    """One that is there already was started before, maybe by a schedule of this name that was deleted."""
    schedule_id = (yield from run_info()).run_id
    run_id = named(schedule_id, occurrence) if name is None else by_name(schedule_id, name)
    with suppress(RunExists):
        yield detach(plan.target.call(run_id))
    if plan.overlap == "allow_all":
        return state
    state = yield from looked(state)
    return evolve(state, running=(*state.running, run_id))


def looked(state: State) -> Flow[State]:
    """Forget those that have ended."""
    if not state.running:
        return state
    return evolve(state, running=(yield from still_running(state.running)))
