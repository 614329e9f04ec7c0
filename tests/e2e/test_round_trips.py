"""How often the engine waits for Redis, counted exactly: no timers, no heart beats, hints to a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import define, field

from tests.e2e import flows
from tests.proxy import Proxy, counting
from tests.servers import Server
from yieldflow import App, Handle, WorkflowCall
from yieldflow.runtime import Runtime

FEW, MANY = 5, 25


@define
class Hints:
    """A queue of our own, on no connection."""

    offered: list[tuple[str, int]] = field(factory=list)

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:
        self.offered.append((run_id, count))


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


def test_the_result_of_an_ended_run_is_two_round_trips(counted: Counted):
    handle = counted.new(flows.steps_in_a_row(2), "one")
    counted.runtime.tend(handle.run_id)
    assert counted.trips(lambda: handle.result(timeout=0)) == 2


def test_a_hint_for_nothing_is_one_round_trip(counted: Counted):
    """Of a run that has ended, and of a run that waits as its alarm says."""
    ended, waits = counted.new(flows.steps_in_a_row(2), "one"), counted.new(flows.waiting("w"), "two")
    for handle in (ended, waits):
        counted.runtime.tend(handle.run_id)
    assert counted.trips(lambda: counted.runtime.tend(ended.run_id)) == 1
    assert counted.trips(lambda: counted.runtime.tend(waits.run_id)) == 1
