"""What the simulation of the whole engine found, each in its smallest form."""

import pytest
from attrs import evolve

from tests.engine.programs import work
from tests.engine.world import World
from yieldflow import Flow, gather, hook, patched, sleep, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.core.outcome import Ok
from yieldflow.engine.requests import Execute, Save
from yieldflow.ports import Conflict
from yieldflow.stores import rules

LEASE = 10_000


@workflow
def changed() -> Flow[str]:
    yield hook("go", int)
    if (yield patched("more")):
        yield work(2)
    yield sleep("1s")
    return "changed"


def formerly() -> Flow[str]:
    yield hook("go", int)
    yield sleep("1s")
    return "changed"


@workflow
def both() -> Flow[int]:
    first, _ = yield gather(work(1), told())
    return first


def told() -> Flow[None]:
    yield hook("go", int)
    yield hook("nobody", int)


def former_code() -> Registry:
    registry = Registry()
    registry.add_workflow(evolve(changed.definition, fn=formerly))
    return registry


def test_16_a_mark_that_comes_too_late_blocks_no_run():
    """The new code has replayed the log and wants the mark; the former one passes the point first."""
    world = World()
    world.start(changed())
    world.worker("first").tend().to_end()
    world.send("go", 1)
    new = world.worker("new").tend()
    new.until(Save)
    world.worker("old", registry=former_code()).tend().to_end()
    new.perform()
    assert isinstance(world.saved[-1][2], Conflict)
    assert new.to_end().state == "waiting"
    assert world.read().summary.status == "running"
    world.clock.at += 1_000
    world.worker("late").tend().to_end()
    assert world.outcome() == Ok(b'"changed"')


def test_16_a_claim_that_others_have_revoked_meanwhile_blocks_no_run():
    """It has read of a claim that is over, and of a fact that is to be decided on; others are faster with both."""
    world = World()
    world.start(both())
    dead = world.worker("dead").tend()
    dead.until(Execute)
    world.send("go", 1)
    world.clock.at += LEASE
    slow = world.worker("slow").tend()
    slow.until(Save)
    world.worker("quick").tend().until(Execute)  # of the second attempt
    slow.perform()
    assert isinstance(world.saved[-1][2], Conflict)
    assert slow.to_end().state == "waiting"
    assert world.read().summary.status == "running"


@pytest.mark.parametrize("size", [1, 1_000])
def test_16_claims_are_older_than_the_pages_that_were_read_after_them(monkeypatch, size):
    monkeypatch.setattr(rules, "TAIL_EVENTS", size)
    world = World()
    world.start(both())
    world.worker("dead").tend().until(Execute)
    world.clock.at += LEASE
    slow = world.worker("slow").tend()
    slow.perform()  # the first page, and the claims of that moment
    world.worker("quick").tend().until(Execute)
    assert slow.to_end().state == "waiting"
    assert world.read().summary.status == "running"
    assert world.bodies == [((1, 1), 1, "dead"), ((1, 1), 2, "quick")]
