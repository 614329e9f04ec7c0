"""What a review of runs that deal with other runs has found, each as its scenario."""

from __future__ import annotations

import threading

import pytest

from yieldflow import (
    App,
    Cancelled,
    Flow,
    RunBlocked,
    UnknownRun,
    continue_as_new,
    gather,
    hook,
    sleep,
    step,
    workflow,
)
from yieldflow.core.events import CancelRequested, HookReceived
from yieldflow.errors import RunEnded, StoreUnreachable
from yieldflow.ports import NO_EVENTS

BODIES: list[int] = []


@pytest.fixture
def alone():
    """Nobody works but the test."""
    BODIES.clear()
    app = App("memory:")
    yield app
    app.close()


def tend(app: App, *run_ids: str) -> None:
    for run_id in run_ids:
        app.runtime.tend(run_id)


@workflow
def listens() -> Flow[int]:
    try:
        first = yield from hook("h", int)
        return first + (yield from hook("h", int))
    except Cancelled:
        yield sleep("1 day")
        raise


def test_a_fork_of_a_run_that_was_cancelled_is_cancelled_already(alone: App):
    alone.start(listens(), run_id="r")
    tend(alone, "r")
    alone.cancel("r")
    tend(alone, "r")
    alone.fork("r", new_run_id="f")
    tend(alone, "f")
    alone.cancel("f")
    alone.runtime.cache.clear()
    tend(alone, "f")
    assert alone.get("f").status() == "running"
    assert sum(isinstance(event, CancelRequested) for event in alone.get("f").history()) == 1
    alone.terminate("f")


def test_a_payload_that_a_fork_has_copied_counts_once_in_it(alone: App):
    alone.start(listens(), run_id="r")
    tend(alone, "r")
    alone.send("r", "h", 1, key="k")
    tend(alone, "r")
    alone.fork("r", new_run_id="f")
    assert alone.send("f", "h", 5, key="k") == alone.send("r", "h", 5, key="k")
    assert alone.send("f", "h", 2, key="l") > 0
    tend(alone, "f")
    assert alone.get("f").result(timeout=5) == 3


@workflow
def stubborn(times: int) -> Flow[str]:
    try:
        yield sleep("1h")
    except Cancelled:
        if times:
            return (yield from continue_as_new(stubborn(times - 1)))
        raise
    return "slept"


def test_a_run_that_went_on_as_new_when_it_was_cancelled_may_be_cancelled_again(alone: App):
    alone.start(stubborn(1), run_id="s")
    tend(alone, "s")
    alone.cancel("s")
    tend(alone, "s", "s~2")
    assert alone.get("s").status() == "running"
    alone.cancel("s")
    tend(alone, "s~2")
    assert alone.get("s").status() == "cancelled"


@step
def count() -> int:
    BODIES.append(1)
    return len(BODIES)


@workflow
def goes_on(again: bool) -> Flow[int]:
    counted = yield from count()
    if again:
        return (yield from continue_as_new(goes_on(again=False)))
    return counted


def test_a_prune_that_dies_between_generations_wakes_nobody(alone: App):
    alone.start(goes_on(again=True), run_id="r")
    tend(alone, "r", "r~2")
    assert alone.get("r").result(timeout=5) == 2
    alone.store.delete("r~2")  # and then it dies
    with pytest.raises(RunEnded):
        alone.send("r", "h", 1)
    tend(alone, "r")
    assert alone.store.read("r~2", NO_EVENTS) is None
    assert len(BODIES) == 2
    alone.prune(0)
    with pytest.raises(UnknownRun):
        alone.get("r")


def away_once(app: App, run_id: str, when: threading.Event) -> None:
    """The store is away for one read of that run."""
    read = app.store.read

    def reads(asked, *args, **options):
        if asked == run_id and not when.is_set():
            when.set()
            raise StoreUnreachable("memory:", "away for a moment")
        return read(asked, *args, **options)

    app.store.read = reads


def test_a_payload_whose_hint_is_lost_was_sent(alone: App):
    alone.start(listens(), run_id="r")
    tend(alone, "r")
    away_once(alone, "r", threading.Event())
    assert alone.send("r", "h", 1) == 3
    assert sum(isinstance(event, HookReceived) for event in alone.get("r").history()) == 1


@workflow
def naps() -> Flow[int]:
    yield sleep("50ms")
    return (yield from count())


@workflow
def waits_for_a_nap() -> Flow[int]:
    return (yield from naps().options(run_id="kid"))


def test_a_child_that_the_store_was_away_for_is_looked_at_again(alone: App):
    handle = alone.start(waits_for_a_nap())
    once = threading.Event()
    away_once(alone, "kid", once)
    assert handle.result(timeout=10) == 1
    assert once.is_set()


@step(local=True)
def local(number: int) -> int:
    return number


@workflow
def locally() -> Flow[tuple[int, int]]:
    return (yield from gather(local(1), local(2)))


def test_a_local_step_whose_arguments_cannot_be_read_blocks_its_run(alone: App, monkeypatch):
    handle = alone.start(locally())
    decode, asked = type(alone.codec).decode_arguments, []

    def decodes(self, data, parameters):
        asked.append(data)
        return decode(self, data if len(asked) == 1 else b'[["one"],{}]', parameters)

    monkeypatch.setattr(type(alone.codec), "decode_arguments", decodes)
    with pytest.raises(RunBlocked, match="cannot be read"):
        handle.drive()


def test_a_worker_that_stops_begins_no_further_local_step(alone: App):
    handle = alone.start(locally())
    tended = alone.runtime.tend(handle.run_id, stopping=lambda: True)
    assert tended.state == "stopped"
    assert alone.runtime.tend(handle.run_id).state == "ended"


def test_who_waits_for_a_result_may_spell_the_time_as_everywhere(alone: App):
    handle = alone.start(locally())
    assert handle.result(timeout="5s") == (1, 2)
    with pytest.raises(ValueError, match="is not a duration"):
        handle.result(timeout="soon")
