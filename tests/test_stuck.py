"""Runs that nobody will move by himself: found on real stores, among others that only wait."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from rq import Queue

from tests.servers import Server
from tests.test_waiting import asks, trains
from yieldflow import App, Flow, hook, sleep, step, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.codec.packing import pack as pack_event
from yieldflow.core.asks import WorkflowDefinition
from yieldflow.core.commands import CallStep
from yieldflow.core.events import CommandIssued
from yieldflow.core.values import KnownShape
from yieldflow.inspection.around import OVERDUE
from yieldflow.inspection.staff import Staff, staff
from yieldflow.inspection.stuck import AMONG, StuckPage, stuck
from yieldflow.ports import NO_EVENTS, Claim, Commit, Filter, Free, Head
from yieldflow.rq import Worker
from yieldflow.stores.memory import MemoryStore
from yieldflow.testing.contracts.harness import FakeClock


@step
def pack() -> int:
    return 1


@workflow
def packs() -> Flow[int]:
    return (yield from pack())


@workflow
def naps() -> Flow[None]:
    yield from sleep("30d")


@workflow
def has_trained() -> Flow[int]:
    return (yield from trains())


@workflow
def at_once() -> Flow[int]:
    yield from ()
    return 1


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def app(clock: FakeClock) -> Iterator[App]:
    """Embedded: nobody knows who works."""
    app = App("memory:")
    app.store = MemoryStore(clock)
    yield app
    app.close()


@pytest.fixture
def fleet(server: Server) -> Iterator[App]:
    """On Redis, where a worker serves the queue `yieldflow`."""
    app = App(server.url)
    Worker([Queue("yieldflow", connection=app.client)], connection=app.client).register_birth()
    yield app
    app.close()


def begun(app: App, call, run_id: str) -> None:
    app.start(call, run_id=run_id)
    app.runtime.tend(run_id)


def found(app: App, workers: Staff | None = None, **about) -> dict[str, str]:
    page = stuck(app.store, workers or staff(app), Filter(**{"status": AMONG, "limit": 100} | about))
    assert page.cursor is None
    return {summary.run_id: standing.text for summary, standing in page.runs}


def test_what_waits_for_its_time_or_for_an_answer_is_not_stuck(fleet: App):
    begun(fleet, naps(), "naps")
    begun(fleet, asks(), "asks")
    begun(fleet, at_once(), "over")
    fleet.start(packs(), run_id="just started")
    begun(fleet, packs(), "packs")
    fleet.start(asks(), run_id="paused")
    fleet.pause("paused")
    assert found(fleet) == {}


def test_work_of_a_queue_that_nobody_serves_is_stuck_and_its_parent_is_not(fleet: App):
    fleet.start(has_trained(), run_id="parent")
    runtime = fleet.serving(("yieldflow",))  # whose hints wait on the server: nobody here begins the child meanwhile
    runtime.tend("parent")
    assert found(fleet) == {}
    runtime.tend("parent~1.1")
    assert found(fleet) == {"parent~1.1": "step train waits for a worker of queue gpu, and no worker serves it"}
    Worker([Queue("gpu", connection=fleet.client)], connection=fleet.client).register_birth()
    assert found(fleet) == {}


def test_a_run_whose_own_queue_nobody_serves_is_stuck_from_its_start(fleet: App):
    fleet.start(asks().options(queue="nobody"), run_id="r")
    assert "queue nobody, and no worker serves it" in found(fleet)["r"]


def test_a_run_that_lost_its_alarm_is_stuck_if_anything_is_owed_to_it(fleet: App):
    fleet.start(packs(), run_id="packs")
    begun(fleet, naps(), "naps")
    begun(fleet, asks(), "asks")
    fleet.client.delete("yieldflow:alarms")
    stuck_runs = found(fleet)
    assert set(stuck_runs) == {"packs", "naps"}
    assert all(why.endswith("and it has no alarm, so nobody will be told") for why in stuck_runs.values())


def test_a_body_whose_worker_and_alarm_are_gone_is_stuck_when_its_lease_is_over(fleet: App):
    fleet.start(packs(), run_id="r")
    log = fleet.store.read("r", NO_EVENTS)
    assert log is not None
    issued, work = CommandIssued(log.now, (1,), CallStep("m:pack", b"[[],{}]")), Free((1,), "yieldflow", 2, 1, 30)
    commit = Commit("r", "c", Head(log.head), (pack_event(issued),), put=(work,), claim=(Claim((1,), "t"),), worker="w")
    fleet.store.commit([commit])
    fleet.client.delete("yieldflow:alarms")
    time.sleep(0.05)
    assert found(fleet)["r"].startswith("step pack was cut off: its worker w is silent since")


def test_a_blocked_run_is_stuck_and_says_at_which_line(app: App):
    begun(app, naps(), "r")
    deployed, app.registry = naps.definition, Registry()

    def other():
        yield sleep("1h")
        yield hook("more")

    app.registry.add_workflow(WorkflowDefinition(deployed.name, other, KnownShape(deployed.parameters, int)))
    app.runtime.registry = app.registry
    app.runtime.cache.clear()
    app.runtime.tend("r")
    assert app.get("r").status() == "blocked"
    assert "test_stuck.py" in found(app)["r"]


def test_of_an_embedded_store_a_run_is_stuck_when_nobody_has_rung_for_a_minute(app: App, clock: FakeClock):
    app.start(packs(), run_id="r")
    clock.at += OVERDUE
    assert found(app) == {}
    clock.at += 3_000
    assert "and nobody has rung for it since it was due" in found(app)["r"]
    app.store.due(10)  # somebody rings
    assert found(app) == {}


def test_filters_and_order_are_those_of_a_list(fleet: App):
    for number in range(6):
        fleet.start(asks().options(queue="nobody"), run_id=f"r{number}", tags={"half": str(number % 2)})
    assert list(found(fleet, tags={"half": "1"}, oldest_first=True)) == ["r1", "r3", "r5"]
    assert list(found(fleet, workflow="none")) == []


def pages(app: App, limit: int, most: int) -> list[StuckPage]:
    found = [stuck(app.store, staff(app), Filter(AMONG, limit=limit), most=most)]
    while found[-1].cursor is not None:
        assert len(found) < 50
        found.append(stuck(app.store, staff(app), Filter(AMONG, limit=limit), found[-1].cursor, most=most))
    return found


@pytest.mark.parametrize(("limit", "most"), [(1, 100), (2, 3), (3, 100), (100, 4), (100, 1)])
def test_each_is_on_one_page_however_many_are_looked_at_in_a_call(fleet: App, limit: int, most: int):
    for number in range(12):
        queue = "nobody" if number % 3 == 0 else "yieldflow"
        fleet.start(asks().options(queue=queue), run_id=f"r{number:02}")
    read = pages(fleet, limit, most)
    names = [summary.run_id for page in read for summary, _ in page.runs]
    assert names == ["r09", "r06", "r03", "r00"]
    assert all(len(page.runs) <= limit for page in read)
    assert all(page.looked <= most for page in read)
    assert sum(page.looked for page in read) == 12


def test_runs_that_are_well_cost_one_read_each_and_no_log(fleet: App):
    fleet.start_many([naps().options(run_id=f"r{number:03}") for number in range(450)])
    found(fleet)
    fleet.client.config_resetstat()
    found(fleet)
    stats = fleet.client.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == 450 + 3  # pages of 200
    assert "cmdstat_lrange" not in stats
