"""How often the engine waits for Redis, counted exactly: no timers, no heart beats, hints to a list."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from threading import Thread
from typing import Any

import pytest
from attrs import define, field

from tests.e2e import flows
from tests.proxy import Proxy, counting
from tests.servers import Server
from yieldflow import App, Flow, Handle, WorkflowCall, open_hook, sleep, workflow
from yieldflow.alarms import ring_once
from yieldflow.errors import UnknownToken
from yieldflow.heart import Heart, Held
from yieldflow.ports import NO_EVENTS, Due
from yieldflow.runtime import Runtime

FEW, MANY = 5, 25


@workflow
def asks_by_link() -> Flow[str]:
    asked = yield from open_hook("approval", str)
    return (yield from asked)


@workflow
def naps() -> Flow[None]:
    yield sleep("750ms")  # longer than it takes to start some


@define
class Hints:
    """A queue of our own, on no connection."""

    offered: list[tuple[str, int]] = field(factory=list)

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:
        self.offered.append((run_id, count))

    def offer_each(self, runs: Sequence[Due]) -> None:
        for run in runs:
            self.offer(run.run_id, run.queue)


def nothing_more(most: int, here: Collection[str]) -> list[str]:
    return []


@define
class Counted:
    proxy: Proxy
    app: App
    runtime: Runtime

    def new(self, call: WorkflowCall[Any], run_id: str) -> Handle[Any]:
        return self.app.start(call, run_id=run_id)

    def trips(self, do) -> int:
        before = self.proxy.bursts
        do()
        return self.proxy.bursts - before

    def of_run(self, call: WorkflowCall[Any]) -> int:
        """From the hint to the end of a run that is started already."""
        handle = self.new(call, f"{call.definition.fn.__name__}-{call.args}")
        trips = self.trips(lambda: self.runtime.tend(handle.run_id, slice_=60_000))
        assert handle.status() == "completed"
        return trips


@pytest.fixture
def counted(server: Server) -> Iterator[Counted]:
    with counting(server.port) as proxy:
        app = App(proxy.url)
        runtime = Runtime(app.store, app.codec, app.registry, (app.queue,), Hints())
        counted = Counted(proxy, app, runtime)
        warm = counted.new(flows.steps_at_once(2), "warm")  # connections, scripts
        runtime.tend(warm.run_id)
        warm.result(timeout=1)
        yield counted
        runtime.pool.stop()
        app.close()


def test_one_more_sequential_step_is_one_more_round_trip(counted: Counted):
    few, many = counted.of_run(flows.steps_in_a_row(FEW)), counted.of_run(flows.steps_in_a_row(MANY))
    print(f"\n{FEW} steps in a row: {few} round trips, {MANY}: {many}")
    assert many - few == MANY - FEW
    assert few == FEW + 2  # the first read, and the commit that issues the first step


def test_one_more_parallel_step_is_two_more_round_trips(counted: Counted):
    few, many = counted.of_run(flows.steps_at_once(FEW)), counted.of_run(flows.steps_at_once(MANY))
    print(f"\n{FEW} steps at once: {few} round trips, {MANY}: {many}")
    assert many - few == 2 * (MANY - FEW)
    assert few == 2 * FEW + 1  # the first claim rides in the first commit, the last report in the last


def test_a_start_is_two_round_trips(counted: Counted):
    """The commit and the hint."""
    assert counted.trips(lambda: counted.new(flows.steps_in_a_row(1), "one")) == 2


def test_starting_what_is_there_is_two_round_trips(counted: Counted):
    counted.new(flows.steps_in_a_row(1), "one")
    assert counted.trips(lambda: counted.new(flows.steps_in_a_row(1), "one")) == 2


def test_sending_is_three_round_trips(counted: Counted):
    """The payload, the queue that the run lies in, and a hint there."""
    handle = counted.new(flows.waiting("w"), "one")
    assert counted.trips(lambda: handle.send("approval", "yes")) == 3


def test_the_result_of_an_ended_run_is_one_round_trip(counted: Counted):
    handle = counted.new(flows.steps_in_a_row(2), "one")
    counted.runtime.tend(handle.run_id)
    assert counted.trips(lambda: handle.result(timeout=0)) == 1


def test_a_hint_for_nothing_is_one_round_trip(counted: Counted):
    """Of a run that has ended, and of a run that waits as its alarm says."""
    ended, waits = counted.new(flows.steps_in_a_row(2), "one"), counted.new(flows.waiting("w"), "two")
    for handle in (ended, waits):
        counted.runtime.tend(handle.run_id)
    assert counted.trips(lambda: counted.runtime.tend(ended.run_id)) == 1
    assert counted.trips(lambda: counted.runtime.tend(waits.run_id)) == 1


# --- many at once ----------------------------------------------------------------------------------------------------


def test_a_payload_that_comes_in_between_costs_one_refused_commit_and_a_replay(counted: Counted):
    """And the next eight reports are plain: their decisions are commits of their own."""
    undisturbed = counted.of_run(flows.steps_in_a_row(MANY))
    handle = counted.new(flows.steps_in_a_row(MANY), "disturbed")
    bodies = iter(range(MANY))

    def stopping() -> bool:  # asked before each body: what is sent here comes before its report
        if next(bodies, None) == 7:
            outside = Thread(target=handle.send, args=("approval", "early"))
            outside.start()
            outside.join()
        return False

    sending = counted.trips(lambda: handle.send("approval", "early"))
    trips = counted.trips(lambda: counted.runtime.tend(handle.run_id, slice_=60_000, stopping=stopping)) - sending
    print(f"\n{MANY} steps in a row: {undisturbed}, with a payload in between: {trips}")
    assert handle.status() == "completed"
    assert trips == undisturbed + 2 + 9  # refused, replayed; the one that was refused and eight more are two each


def test_a_beat_for_many_claims_is_one_round_trip(counted: Counted):
    handle = counted.new(flows.steps_at_once(MANY), "many")
    counted.runtime.tend(handle.run_id, slice_=0)
    runtime, heart = counted.runtime, Heart(counted.app.store, lambda run_id: None)
    tokens = [f"token-{n}" for n in range(MANY)]
    granted = runtime.store.claim("many", (counted.app.queue,), "me", tokens)
    held = [Held("many", grant.claim.path, grant.claim.token, 10_000) for grant in granted.grants]
    assert len(held) == MANY
    heart._beat(held)  # the script
    assert counted.trips(lambda: heart._beat(held)) == 1
    assert not any(one.lost for one in held)


def test_a_claim_of_many_is_one_round_trip(counted: Counted):
    counted.runtime.tend(counted.new(flows.steps_at_once(MANY), "many").run_id, slice_=0)
    store, queues = counted.app.store, (counted.app.queue,)
    store.claim("many", queues, "me", ["first"])
    assert counted.trips(lambda: store.claim("many", queues, "me", [f"token-{n}" for n in range(FEW)])) == 1


# --- services and outsiders ------------------------------------------------------------------------------------------


def test_a_look_at_the_alarms_is_one_round_trip_and_the_time_of_the_next_another(counted: Counted):
    store, hints = counted.app.store, Hints()
    ring_once(store, hints, lambda queue: 1)
    assert counted.trips(lambda: ring_once(store, hints, lambda queue: 1)) == 1
    store.next_alarm()
    assert counted.trips(store.next_alarm) == 1


def test_alarms_that_are_due_together_cost_a_look_at_their_queue_and_one_call_for_all_hints(counted: Counted):
    store, app = counted.app.store, counted.app
    for number in range(FEW):
        counted.runtime.tend(counted.new(naps(), f"run-{number}").run_id)
    time.sleep(0.8)
    app.hints.offer("run-0", app.queue)
    app.room(app.queue)
    rung = []
    trips = counted.trips(lambda: rung.append(ring_once(store, app.hints, app.room)))
    assert rung == [FEW]
    assert trips == 3


def test_a_hint_for_a_run_that_waits_costs_a_worker_two_round_trips(counted: Counted):
    """The run, and what is due besides."""
    counted.runtime.tend(counted.new(flows.waiting("w"), "waits").run_id)
    counted.runtime.work_on("waits", nothing_more)
    counted.runtime.tend("waits")
    assert counted.trips(lambda: counted.runtime.work_on("waits", nothing_more)) == 2


def test_sixty_four_starts_cost_what_one_does_and_so_do_their_results(counted: Counted):
    handles: list[Handle[int]] = []
    calls = [flows.steps_in_a_row(1) for _ in range(64)]
    assert counted.trips(lambda: handles.extend(counted.app.start_many(calls))) == 2
    for handle in handles:
        counted.runtime.tend(handle.run_id)
    answers: list[int] = []
    trips = counted.trips(lambda: answers.extend(counted.app.results(handles)))
    assert answers == [handle.result() for handle in handles]
    assert trips == 7  # of 1, 2, 4, 8, 16, 32 and one


def test_a_hook_token_is_looked_up_in_one_round_trip(counted: Counted):
    """What is not known costs no more; what is known is then sent as by name."""
    handle = counted.new(asks_by_link(), "asks")
    counted.runtime.tend(handle.run_id)
    (asked,) = counted.app.hooks("asks")

    def guess() -> None:
        with pytest.raises(UnknownToken):
            counted.app.resume_hook(asked.token[::-1], "yes")

    guess()
    assert counted.trips(guess) == 1
    assert counted.trips(lambda: counted.app.resume_hook(asked.token, "yes")) == 4


def test_a_cancel_costs_what_a_payload_does(counted: Counted):
    counted.runtime.tend(counted.new(flows.waiting("w"), "one").run_id)
    assert counted.trips(lambda: counted.app.cancel("one")) == 3


def test_reading_a_long_log_costs_a_round_trip_for_each_thousand_events(counted: Counted, server: Server):
    direct = App(server.url)  # not through the proxy: it is slow
    handle = direct.start(flows.steps_in_a_row(600), run_id="long")
    while handle.status() != "completed":
        direct.serving((direct.queue,)).tend("long", slice_=60_000)
    direct.close()
    log = counted.app.store.read("long", NO_EVENTS)
    assert log is not None
    assert log.head.length == 1_202
    assert counted.trips(counted.app.get("long").history) == 3  # where it stands, and two pages
