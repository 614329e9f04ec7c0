"""A changed program is found before anything is written: in the core by thousands, in the engine once for each kind."""

from random import Random

import pytest
from attrs import evolve

from tests.core.performing import perform
from tests.core.programs import ANSWERS, Body, Group, Guard, Nap, Question, Step, Trace, Wait
from tests.deep.detection import SHOWN, detect
from tests.deep.detection_mutants import KINDS, mutants
from tests.deep.detection_replayer import parts_at
from tests.engine.world import World
from yieldflow import Flow, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.core.commands import Receive
from yieldflow.core.outcome import Ok

PLACES = ("in the workflow itself", "in a branch", "in a guard", "in a clean-up")


def test_every_change_that_can_be_seen_is_found_and_no_other():
    counts = detect(0, 200).counts
    assert counts["mutants judged by the replayer"] >= 2_500
    assert counts["mutants judged by the weaker witness"] >= 1_000
    assert counts["mutants that the replayer sees, all found"] >= 1_400
    assert counts["mutants that the weaker witness sees, all found"] >= 500
    assert counts["mutants that cannot be seen, no alarm"] >= 1_500
    assert counts["mutants given other options"] >= 250
    assert counts["prefixes of unchanged programs"] >= 2_000
    assert counts["changes behind `patched` that were passed, no alarm"] >= 500
    for which in (*SEEN, *PLACES):
        assert counts[f"mutants {which}, found"] >= 30, which
    for where in SHOWN.values():
        assert counts[f"mutants found at {where}"] >= 5, where


# --- the engine -------------------------------------------------------------------------------------------------------

PROGRAM = Body(
    (
        Step("number", 1),
        Question("now"),
        Group("gather", (Step("pair", 2), Body((Nap(1), Step("receipt", 3))))),
        Guard(Body((Step("anything", 4),)), "finally", Body((Step("number", 5), Nap(2)))),
        Wait("anything"),
    )
)
SEEN = [kind for kind in KINDS if kind != "given other options"]


@workflow(name="detection:checkout")
def checkout() -> Flow[int]:
    return (yield from perform(PROGRAM, Trace()))


def knows(program: Body) -> Registry:
    """Of a worker whose code for the workflow is *program*."""

    def today() -> Flow[int]:
        return (yield from perform(program, Trace()))

    registry = Registry()
    registry.add_workflow(evolve(checkout.definition, fn=today))
    return registry


def half_way() -> World:
    """It waits for its hook."""
    world = World(lambda request: ANSWERS[request.step.name.rpartition(":")[2]][0])
    world.start(checkout())
    for _ in range(5):
        world.worker("before").tend().to_end()
        world.clock.at += 2_000
    assert [type(pending.issued.command) for pending in world.fold().open.values()] == [Receive]
    return world


@pytest.mark.parametrize("kind", SEEN)
def test_a_worker_with_changed_code_blocks_the_run_and_the_former_code_goes_on(kind):
    world = half_way()
    before, head = world.events(), world.read().head
    several = mutants(PROGRAM, Random(kind), 400)
    seen = [one for one in several if one.kind == kind and parts_at(perform(one.program, Trace()), before)]
    for mutant in seen[:3]:
        tended = world.worker("today", registry=knows(mutant.program)).tend().to_end()
        assert tended.state == "blocked"
        assert "has changed under a running run" in tended.reason
        log = world.read()
        assert (world.events(), log.head) == (before, head)
        assert (log.summary.status, log.summary.note.reason) == ("blocked", tended.reason)
    assert len(seen) >= 3
    world.send("anything", "x")
    assert world.worker("reverted").tend().to_end().state == "ended"
    assert isinstance(world.outcome(), Ok)
    assert world.events()[: len(before)] == before


def test_a_worker_whose_changes_cannot_be_seen_goes_on():
    """What comes later, and options."""
    world = half_way()
    before = world.events()
    later = Body((*PROGRAM.ops, Step("pair", 9)))
    local = Body((Step("number", 1, local=True), *PROGRAM.ops[1:]))
    patient = Body((*PROGRAM.ops[:-1], Wait("anything", 5, default=True)))
    for program in (local, patient, later):
        assert parts_at(perform(program, Trace()), before) is None
        assert world.worker("today", registry=knows(program)).tend().to_end().state == "waiting"
        assert world.events() == before
    world.send("anything", "x")
    assert world.worker("today", registry=knows(later)).tend().to_end().state == "ended"
    assert world.bodies[-1][0] == (7,)
