"""What there is to do and what is being done, read from real stores."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from rq import Queue

from tests.features.moments import eventually
from yieldflow import App, Flow, gather, hook, sleep, step, workflow
from yieldflow.inspection.workload import Workload, workload
from yieldflow.ports import Due
from yieldflow.rq import Worker
from yieldflow.rq.fleet import Fleet

GATE = threading.Event()


@step
def waits_at_the_gate(name: str) -> str:
    GATE.wait(10)
    return name


@step(queue="gpu")
def train() -> int:
    return 1


@workflow
def waits() -> Flow[str]:
    return (yield from waits_at_the_gate("x"))


@workflow
def trains() -> Flow[Any]:
    return (yield from gather(train(), train()))


@workflow
def asks() -> Flow[bool]:
    return (yield from hook("approval", bool))


@workflow
def naps() -> Flow[None]:
    yield from sleep("30d")


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    GATE.clear()
    yield
    GATE.set()


@pytest.fixture
def app(store_url: str) -> Iterator[App]:
    app = App(store_url)
    yield app
    app.close()


def carried(load: Workload) -> list[tuple[str, str]]:
    return [(one.summary.run_id, one.what) for one in load.carried]


def test_on_an_empty_store_there_is_nothing_to_do(app: App):
    load = workload(app)
    assert (load.looked, load.whole, load.queues, load.carried) == (0, True, (), ())
    assert abs(load.now - time.time() * 1_000) < 60_000


def test_runs_are_counted_by_queue_and_those_that_nobody_has_looked_at(app: App):
    app.start(naps(), run_id="begun")
    app.runtime.tend("begun")
    app.start(naps(), run_id="new")
    app.start(asks().options(queue="other"), run_id="elsewhere")
    load = workload(app)
    assert load.runs == {"yieldflow": 2, "other": 1}
    assert load.unseen == {"yieldflow": 1, "other": 1}
    assert load.due == {}
    assert load.queues == ("other", "yieldflow")


def test_what_somebody_carries_out_is_told_with_its_step(app: App):
    with app.worker(threads=2):
        app.start(waits(), run_id="r")
        load = eventually(lambda: next((one for one in [workload(app)] if one.carried), None))
        assert carried(load) == [("r", "waits_at_the_gate")]
        (one,) = load.carried
        assert not one.is_late(load.now)
        assert one.is_late(one.claim.until)
        assert carried(workload(app)) == [("r", "waits_at_the_gate")]  # the name is known by now
        GATE.set()
        eventually(lambda: not workload(app).carried)


def test_runs_that_ended_are_paused_or_blocked_need_nobody(app: App):
    app.start(naps(), run_id="paused")
    app.pause("paused")
    app.start(naps(), run_id="over")
    app.terminate("over")
    assert workload(app).runs == {}


def test_of_many_runs_the_newest_are_looked_at_and_it_says_so(app: App):
    app.start_many([asks().options(run_id=f"r{number:03}") for number in range(7)])
    load = workload(app, most=3)
    assert (load.looked, load.whole, load.runs) == (3, False, {"yieldflow": 3})
    assert workload(app, most=7).whole


@pytest.fixture
def fleet(redis_url: str) -> Iterator[App]:
    app = App(redis_url)
    yield app
    app.close()


def test_work_of_another_queue_is_due_there(fleet: App):
    fleet.start(trains(), run_id="r")
    fleet.serving(("yieldflow",)).tend("r")
    load = workload(fleet)
    assert (load.runs, load.due) == ({"yieldflow": 1}, {"gpu": 2})


def test_a_second_look_costs_two_calls_however_much_is_carried_out(fleet: App):
    with fleet.worker(threads=4):
        fleet.start_many([waits().options(run_id=f"r{number}") for number in range(3)])
        eventually(lambda: len(workload(fleet).carried) >= 3)
        calls = list[str]()
        store = fleet.store

        class Counted:
            def find(self, *asked: Any) -> Any:
                calls.append("find")
                return store.find(*asked)

            def read_each(self, *asked: Any) -> Any:
                calls.append("read")
                return store.read_each(*asked)

        fleet.store = Counted()  # type: ignore[assignment]  # all that it asks for
        try:
            assert len(workload(fleet).carried) >= 3
        finally:
            fleet.store = store
            GATE.set()
        assert calls == ["find", "read"]


def test_a_queue_tells_how_many_hints_lie_in_it_and_since_when(fleet: App):
    here = Fleet(fleet.client)
    before = fleet.store.next_alarm()[1]
    fleet.hints.offer_each([Due("a", "busy"), Due("b", "busy")])
    busy, idle = here.backlogs(["busy", "idle"])
    assert (busy.queue, busy.hints) == ("busy", 2)
    assert busy.since is not None
    assert before <= busy.since <= fleet.store.next_alarm()[1]
    assert (idle.hints, idle.since) == (0, None)
    assert here.backlogs([]) == []


def test_a_worker_tells_since_when_it_works_and_when_it_was_heard_of(fleet: App):
    before = fleet.store.next_alarm()[1]
    Worker([Queue("yieldflow", connection=fleet.client)], connection=fleet.client).register_birth()
    (member,) = Fleet(fleet.client).members()
    assert member.born is not None
    assert member.heard is not None
    assert abs(member.born - before) < 5_000
    assert member.born <= member.heard
    (key,) = fleet.client.smembers("rq:workers")
    fleet.client.hset(key, mapping={"birth": "yesterday", "last_heartbeat": b"\xff"})
    (member,) = Fleet(fleet.client).members()
    assert (member.born, member.heard) == (None, None)
