"""The workflow that every schedule is: it waits until something is due, and starts that as a run of its own.

Times are looked up in a step, so that its log holds them: a newer time zone database changes no replay. What an
occurrence starts has a run id that is made of its time, so nobody can start it twice.
"""

from __future__ import annotations

from contextlib import suppress
from typing import assert_never

from attrs import asdict, evolve, frozen

from yieldflow.authoring.step import step
from yieldflow.authoring.verbs import continue_as_new, detach, hook, now, run_info, set_data
from yieldflow.authoring.workflow import workflow
from yieldflow.core.asks import Flow
from yieldflow.core.chain import chain_of
from yieldflow.core.retry import Retry
from yieldflow.core.times import Millis, instant, moment
from yieldflow.errors import RunEnded, RunExists, UnknownRun
from yieldflow.mending import cancelling, terminating
from yieldflow.ports import NO_EVENTS
from yieldflow.runtime import here
from yieldflow.schedules.occurrences import jittered, named, next_after
from yieldflow.schedules.plan import (
    Backfill,
    Bid,
    Order,
    Overlap,
    Pause,
    Plan,
    State,
    Trigger,
    Update,
    fate,
)

ORDERS = hook("orders", Order)
FRESH_AFTER = 400  # events; then it goes on with a log of its own
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


@step(name="yieldflow:ahead", local=True)
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


STEPS = (ahead, still_running, end)


@workflow(name="yieldflow:schedule")
def schedule(plan: Plan, state: State) -> Flow[str]:
    """How it ended: "over" or "deleted"."""
    if state.seen is None:
        state = evolve(state, seen=instant((yield from now())))
    while True:
        info = yield from run_info()
        if info.continue_suggested or info.history_length > FRESH_AFTER:
            return (yield from continue_as_new(schedule(plan, state)))
        state, begins = yield from looked_ahead(plan, state)
        yield set_data("state", asdict(state))
        if state.next is None and not (state.paused or state.waiting or state.backlog):
            return "over"
        order = yield from told(state, begins)
        match order:
            case None:
                state = yield from on_time(plan, state, begins)
            case Pause(reason):
                state = evolve(state, paused=True, reason=reason)
            case Bid("delete"):
                return "deleted"
            case Bid():
                state = evolve(state, paused=False, reason=None, seen=instant((yield from now())))
            case Update(changed):
                state = yield from caught_up(plan, state, begins)
                return (yield from continue_as_new(schedule(changed, state)))
            case Trigger(at):
                state = yield from begin(plan, evolve(state, by_hand=state.by_hand + 1), at)
            case Backfill(occurrences):
                state = evolve(state, backlog=(*state.backlog, *occurrences), since=instant((yield from now())))
            case _:
                assert_never(order)


def told(state: State, begins: Millis) -> Flow[Order | None]:
    """None: there is something to do by itself."""
    at = instant((yield from now()))
    until = wakes(state, begins, at)
    if until is not None and until <= at:
        return None
    wait = ORDERS if until is None else ORDERS.options(timeout=moment(until), default=None)
    order: Order | None = yield from wait
    return order


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
    found = yield from ahead(plan, schedule_id, state.seen or 0, instant(at))
    state = evolve(state, next=found.occurrence, seen=found.seen, missed=state.missed + found.missed)
    return state, found.begins


def on_time(plan: Plan, state: State, begins: Millis) -> Flow[State]:
    """What is due, and is not too late, meets what runs; then what waits may have its turn."""
    at = instant((yield from now()))
    if state.next is not None and not state.paused and begins <= at <= begins + plan.catch_up:
        state = yield from arrive(plan, state, state.next, at)
    if plan.overlap == "allow_all":
        for occurrence in state.backlog:
            state = yield from begin(plan, state, occurrence)
        return evolve(state, backlog=(), by_hand=state.by_hand + len(state.backlog))
    if state.paused or not (state.waiting or state.backlog):
        return state
    state = yield from looked(state)
    return state if state.running else (yield from next_in_line(plan, state, at))


def caught_up(plan: Plan, state: State, begins: Millis) -> Flow[State]:
    """All that was due by this plan has met its fate, and what only waits for its jitter is still to come."""
    at = instant((yield from now()))
    while not state.paused and state.next is not None and begins <= at:
        state = yield from on_time(plan, state, begins)
        state, begins = yield from looked_ahead(plan, state)
    since = at if state.next is None else min(at, state.next - 1)
    return evolve(state, seen=max(state.seen or 0, since))


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


def begin(plan: Plan, state: State, occurrence: Millis) -> Flow[State]:
    """One that is there already was started before, maybe by a schedule of this name that was deleted."""
    run_id = named((yield from run_info()).run_id, occurrence)
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
