"""Conditions, tasks, timeouts and shields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.features.moments import SOON, failure, fold_of, until_it_has_slept, until_it_waits
from tests.features.shop import GO, PaymentDeclined, add, decline, listening, note
from yieldflow import (
    App,
    Cancelled,
    Deadlock,
    Flow,
    RunCancelled,
    TaskCancelled,
    TimedOut,
    gather,
    hook,
    now,
    race,
    set_data,
    shield,
    sleep,
    spawn,
    timeout,
    until,
    workflow,
)

NEVER = hook("never")

# --- until ----------------------------------------------------------------------------------------------------


@workflow
def two_of_three() -> Flow[list[object]]:
    done = []

    def branch(name: str, ask) -> Flow[None]:
        yield ask
        done.append(name)

    for name, ask in (("never", NEVER), ("a", add(1, 1)), ("b", sleep("1ms"))):
        yield spawn(branch(name, ask))
    answer = yield until(lambda: len(done) >= 2)
    return [answer, sorted(done)]


@workflow
def semaphore() -> Flow[list[int]]:
    free, most, order = [2], [0], []

    def worker(n: int) -> Flow[None]:
        yield until(lambda: free[0] > 0)
        free[0] -= 1
        most[0] = max(most[0], 2 - free[0])
        yield add(n, n)
        order.append(n)
        free[0] += 1

    yield gather(*[worker(n) for n in range(5)])
    return [most[0], *sorted(order)]


@workflow
def channel() -> Flow[list[int]]:
    queue, got = [], []

    def producer() -> Flow[None]:
        for n in range(3):
            queue.append((yield from add(n, 10)))

    def consumer() -> Flow[None]:
        for _ in range(3):
            yield until(lambda: queue)
            got.append(queue.pop(0))

    yield gather(consumer(), producer())
    return got


@workflow
def true_already() -> Flow[object]:
    return (yield until(lambda: True))


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (two_of_three(), [None, ["a", "b"]]),
        (semaphore(), [2, 0, 1, 2, 3, 4]),
        (channel(), [10, 11, 12]),
        (true_already(), None),
    ],
    ids=["two of three", "semaphore", "channel", "true already"],
)
def test_conditions_over_shared_variables(app: App, call, answer):
    assert app.start(call).result(timeout=SOON) == answer


@workflow
def waits_in_vain() -> Flow[None]:
    yield add(1, 1)
    yield until(lambda: False)


@workflow
def a_condition_that_raises() -> Flow[str]:
    try:
        yield until(lambda: {}["nothing"])
    except KeyError as error:
        return f"nothing at {error}"
    return ""


def test_a_condition_that_nothing_can_change_is_a_deadlock_that_names_the_line(app: App):
    error = failure(app.start(waits_in_vain()))
    assert isinstance(error, Deadlock)
    assert ", line " in str(error)  # without the file: a replay may find it elsewhere
    assert "waits_in_vain" in str(error)


def test_what_a_condition_raises_is_raised_where_it_is_yielded(app: App):
    assert app.start(a_condition_that_raises()).result(timeout=SOON) == "nothing at 'nothing'"


# --- spawn ----------------------------------------------------------------------------------------------------


@workflow
def spawns() -> Flow[list[object]]:
    def branch(n: int) -> Flow[int]:
        yield sleep("1ms")
        return n

    command = yield from spawn(add(1, 2))
    generator = yield from spawn(branch(5))
    child = yield from spawn(listening())
    own = (yield from now()).tzinfo is UTC  # it goes on at once
    yield child.cancel()
    try:
        yield child
    except TaskCancelled as error:
        cancelled = type(error).__name__
    return [own, (yield command), (yield from generator), (yield command), cancelled]


def test_a_task_goes_on_beside_its_branch_and_answers_as_often_as_it_is_asked(app: App):
    assert app.start(spawns()).result(timeout=SOON) == [True, 3, 5, 3, "TaskCancelled"]


@workflow
def ends_before_its_task() -> Flow[str]:
    def task() -> Flow[None]:
        try:
            yield NEVER
        finally:
            yield set_data("cleaned", (yield from note("up")))

    yield spawn(task())
    return (yield from note("done"))


def test_a_task_that_is_open_at_the_end_of_its_branch_is_cancelled_and_waited_for(app: App):
    handle = app.start(ends_before_its_task())
    assert handle.result(timeout=SOON) == "done"
    assert handle.data() == {"cleaned": "up"}
    assert not fold_of(handle).open


@workflow
def nobody_asks_its_task(caught: bool) -> Flow[str]:
    task = yield from spawn(decline("o", 5))
    if caught:
        try:
            yield task
        except PaymentDeclined as error:
            return f"caught {error.code}"
    yield sleep("250ms")
    return "done"


def test_a_failure_that_nobody_awaited_fails_the_branch_at_its_end(app: App):
    assert isinstance(failure(app.start(nobody_asks_its_task(caught=False))), PaymentDeclined)
    assert app.start(nobody_asks_its_task(caught=True)).result(timeout=SOON) == "caught too-poor"


# --- timeout --------------------------------------------------------------------------------------------------


@workflow
def timed() -> Flow[list[object]]:
    told = []

    def branch() -> Flow[None]:
        try:
            yield NEVER
        except Cancelled:
            told.append((yield note("cleaned up")))
            raise

    told.append((yield timeout(add(1, 2), "1h")))
    told.append((yield timeout(NEVER, "1ms", default="late")))
    told.append((yield timeout(branch(), timedelta(milliseconds=1), default=None)))
    told.append((yield timeout(listening(), datetime(2020, 1, 1, tzinfo=UTC), default="past")))
    try:
        yield timeout(gather(NEVER, sleep("1h")), 0.001)
    except TimedOut as error:
        told.append(isinstance(error, TimeoutError))
    return told


def test_past_its_time_what_was_asked_is_cancelled_and_the_default_is_the_answer(app: App):
    assert app.start(timed()).result(timeout=SOON) == [3, "late", "cleaned up", None, "past", True]


@workflow
def fails_in_time() -> Flow[None]:
    yield timeout(decline("o", 5), "1h", default=None)


def test_a_failure_in_time_is_raised_and_is_no_default(app: App):
    assert isinstance(failure(app.start(fails_in_time())), PaymentDeclined)


# --- shield ---------------------------------------------------------------------------------------------------


@workflow
def saga() -> Flow[str]:
    undo = []

    def booking(what: str) -> Flow[str]:
        yield GO
        return (yield from note(f"ref of {what}"))

    try:
        ref = yield from shield(booking("trip"))
        undo.append(ref)
        yield sleep("1h")
    finally:
        for ref in reversed(undo):
            yield set_data("undone", (yield from note(f"cancelled {ref}")))
    return "on holiday"


def test_a_cancellation_waits_until_the_shielded_answer_is_there(app: App):
    handle = app.start(saga())
    until_it_waits(handle, "go")
    handle.cancel("no money")
    until_it_waits(handle, "go")
    handle.send(GO, "booked")
    with pytest.raises(RunCancelled, match="no money"):
        handle.result(timeout=SOON)
    assert handle.data() == {"undone": "cancelled ref of trip"}


@workflow
def shield_in_a_race() -> Flow[list[object]]:
    told = []

    def careful() -> Flow[str]:
        told.append((yield shield(hook("go", str))))
        return told[0]

    answer = yield from race(careful(), sleep("1ms"))
    return [*told, *answer]


def test_a_race_waits_for_the_shield_of_its_loser(app: App):
    handle = app.start(shield_in_a_race())
    until_it_waits(handle, "go")
    until_it_has_slept(handle)
    handle.send(GO, "kept")
    assert handle.result(timeout=SOON) == ["kept", 1, None]
