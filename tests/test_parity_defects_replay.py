"""More of what was found broken elsewhere: what replays see, durations, races, and what two runs share."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Thread

import pytest

from tests.features.moments import SOON, forgotten, until_it_is, until_it_waits
from tests.test_parity_defects import GO, RAN, InsufficientFunds, app, counted, nothing_ran, pays, suspended
from yieldflow import (
    App,
    Flow,
    Retry,
    RunFailed,
    RunTimeout,
    StepTimeout,
    TimedOut,
    gather,
    hook,
    rng,
    set_data,
    sleep,
    step,
    uuid4,
    workflow,
)
from yieldflow.core.events import CommandIssued, CommandResolved
from yieldflow.core.times import After

__all__ = ["app", "nothing_ran"]  # fixtures


# --- 13 to 15 -------------------------------------------------------------------------------------------------


@workflow
def buys(cents: int) -> Flow[list[object]]:
    try:
        yield pays(cents)
    except InsufficientFunds as error:
        told = [error.needed, str(error), type(error.__cause__).__name__, error.__cause__.attempts]
    yield GO
    return told


def test_defect_13_an_exception_of_ones_own_reaches_the_workflow_as_what_it_is(app: App):
    with app.worker():
        handle = app.start(buys(5))
        until_it_waits(handle, "go")
        forgotten(app, handle)  # and on replay
        handle.send(GO, "on")
        assert handle.result(timeout=SOON) == [5, "5 cents are missing", "StepFailed", 2]


@step
def answers_a_tuple() -> tuple[int, str]:
    return 1, "x"


@step
def answers_a_dict() -> dict[int, str]:
    return {1: "x"}


@step
def answers_anything(value: object) -> object:
    return value


@step(retry=1)
def stumbles() -> None:
    raise ValueError("x")


TRAP = {"__type__": "os:system", "__class__": ["x"], "$": {"$": 1}, "type": "tuple"}


@workflow
def looks_twice() -> Flow[str]:
    found = [(yield answers_a_tuple()), (yield answers_a_dict()), (yield answers_anything(TRAP))]
    found.append((yield answers_anything({1: (2, 3), "s": {4}})))
    try:
        yield stumbles()
    except Exception as error:
        found.append(error)
    yield set_data("first", repr(found))
    yield GO
    return repr(found)


def test_defect_14_the_first_look_is_that_of_every_replay(app: App):
    with app.worker():
        handle = app.start(looks_twice())
        first = handle.data("first", str, timeout=SOON)
        until_it_waits(handle, "go")
        forgotten(app, handle)
        handle.send(GO, "on")
        assert handle.result(timeout=SOON) == first
    assert first == repr([(1, "x"), {1: "x"}, TRAP, {1: (2, 3), "s": {4}}, ValueError("x")])


def deployed(version: int):
    @workflow(name="changed under a run")
    def changing() -> Flow[list[object]]:
        first = yield counted("first")
        if version == 2:
            yield counted("brand new")
        return [first, (yield GO)]

    return changing


def test_defect_15_a_change_of_the_code_is_found_and_nothing_new_is_carried_out(app: App):
    with app.worker():
        handle = app.start(deployed(1)())
        until_it_waits(handle, "go")
        deployed(2)
        forgotten(app, handle)
        handle.send(GO, "on")
        until_it_is(handle, "blocked")
        assert "has changed under a running run" in handle.summary().note.reason
        assert RAN["brand new"] == 0
        deployed(1)
        app.runtime.pool.offer(handle.run_id, "")
        assert handle.result(timeout=SOON) == [1, "on"]


# --- 20 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spelled", "seconds"),
    [("30s", 30), ("1h30m", 5_400), ("1 h 30 min", 5_400), ("3 days", 259_200), ("250ms", 0.25), ("1.5s", 1.5)],
)
def test_defect_20_durations_are_what_they_say(app: App, spelled, seconds):
    assert Retry(delay=spelled).delay == timedelta(seconds=seconds)
    handle = app.start(naps(spelled))
    app.runtime.tend(handle.run_id)
    (issued,) = [event for event in handle.history() if isinstance(event, CommandIssued)]
    assert issued.command.end == After(round(seconds * 1_000))


@workflow
def naps(spelled: str) -> Flow[None]:
    yield sleep(spelled)


@step(retry=1, timeout="30ms")
def too_slow() -> str:
    time.sleep(0.5)
    return "too late"


@workflow
def slow_step() -> Flow[str]:
    try:
        return (yield from too_slow())
    except StepTimeout:
        return "timed out"


def test_defect_20_timeouts_do_what_they_say(app: App):
    with app.worker():
        assert app.start(slow_step()).result(timeout=SOON) == "timed out"
        handle = app.start(suspended(), timeout="30ms")
        with pytest.raises(RunFailed) as failed:
            handle.result(timeout=SOON)
    assert isinstance(failed.value.__cause__, RunTimeout)


@pytest.mark.parametrize("wrong", ["fixed", "exponential", "30 parsecs", "", "-1s", "1h-30m"])
def test_defect_20_what_is_no_duration_is_refused_and_never_a_second(wrong):
    with pytest.raises(ValueError, match="duration"):
        Retry(delay=wrong)


# --- 21 -------------------------------------------------------------------------------------------------------


@workflow
def two_sleeps() -> Flow[list[object]]:
    def one() -> Flow[str]:
        yield sleep("20ms")
        return "short"

    def other() -> Flow[str]:
        yield sleep("1h")
        return "long"

    return list((yield gather(one(), GO, other())))


def test_defect_21_what_wakes_a_run_ends_no_other_sleep(app: App):
    handle = app.start(two_sleeps())
    handle.send(GO, "woken")
    with pytest.raises(TimedOut):
        handle.result(timeout=0.2)
    resolved = {event.path for event in handle.history() if isinstance(event, CommandResolved)}
    assert resolved == {(1, 1, 1), (1, 2)}


@workflow
def takes_one_of_each() -> Flow[list[object]]:
    return [(yield GO), (yield hook("end"))]


def test_defect_21_a_delivery_and_a_start_count_once_however_many_race(app: App):
    with app.worker(), ThreadPoolExecutor(8) as threads:
        handles = list(threads.map(lambda _: app.start(takes_one_of_each(), run_id="r"), range(16)))
        positions = set(threads.map(lambda handle: handle.send(GO, "once", key="k"), handles))
        assert len(positions) == 1
        handles[0].send("end", None)
        assert handles[0].result(timeout=SOON) == ["once", None]
    assert len(app.runs().runs) == 1


# --- 22 -------------------------------------------------------------------------------------------------------


@workflow
def draws() -> Flow[list[object]]:
    numbers = yield from rng()
    drawn = [numbers.random(), str((yield from uuid4()))]
    yield set_data("drawn", drawn)
    yield GO
    return drawn


def test_defect_22_each_run_has_its_own_ids_and_numbers_and_keeps_them(app: App):
    with app.worker(threads=1):
        runs = [app.start(draws()) for _ in range(4)]
        first = [handle.data("drawn", timeout=SOON) for handle in runs]
        for handle in runs:
            forgotten(app, handle)
        senders = [Thread(target=handle.send, args=(GO, "on")) for handle in runs]
        for sender in senders:
            sender.start()
        assert [handle.result(timeout=SOON) for handle in runs] == first
        for sender in senders:
            sender.join()
    assert len({drawn for pair in first for drawn in pair}) == 8
