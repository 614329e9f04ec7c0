"""The walks through the engine, call by call: conditions, events, open work, claims, alarms."""

from typing import Any

import pytest
from attrs import evolve

from tests.engine.lines import lines
from tests.engine.world import QUEUE, RUN, World
from yieldflow import (
    Cancelled,
    Flow,
    TimedOut,
    gather,
    hook,
    sleep,
    step,
    workflow,
)
from yieldflow.authoring.registry import Registry
from yieldflow.core.outcome import Cancelled as CancelledOutcome
from yieldflow.core.outcome import Err, Ok
from yieldflow.engine.requests import Execute, Save
from yieldflow.ports import Beat, Conflict, Done, Refused

LEASE = 10_000
DAY = 86_400_000


@step(retry=1)
def work(n: int) -> int:
    return n


@workflow
def three() -> Flow[int]:
    yield work(1)
    yield work(2)
    return (yield work(3))


def shipped() -> Flow[int]:
    yield work(1)
    return (yield work(2))


def invoiced() -> Flow[int]:
    return (yield work(3))


@workflow
def ordered() -> Flow[tuple[int, int]]:
    return (yield gather(shipped(), invoiced()))


@workflow
def rested() -> Flow[int]:
    yield sleep("3 days")
    return (yield work(1))


@workflow
def asked() -> Flow[str]:
    try:
        return "yes" if (yield hook("approval", bool, timeout="2d")) else "no"
    except TimedOut:
        return "nobody"


def refunded() -> Flow[int]:
    try:
        return (yield work(1))
    except Cancelled:
        yield work(2)
        raise


@workflow
def undone() -> Flow[Any]:
    return (yield gather(sleep("1h"), refunded()))


def test_b1_a_further_sequential_step_costs_one_save():
    world = World()
    start = world.start(three())
    assert isinstance(start, Done)
    assert world.read().alarm == world.clock.at + 2_000
    tending = world.worker("w1").tend()
    assert tending.to_end().state == "ended"
    assert lines(tending) == [
        "read",
        "Head(1) [issued 1] +1 claim 1",
        "body 1",
        "Head(2) [resolved 1, issued 2] -1 +2 claim 2",
        "body 2",
        "Head(4) [resolved 2, issued 3] -2 +3 claim 3",
        "body 3",
        "Head(6) [resolved 3, finished Ok] -3 done",
    ]
    assert (world.read().alarm, world.read().entries, world.hints) == (None, 0, [])


def test_b1_the_lease_is_the_alarm_while_a_body_runs():
    world = World()
    world.start(three())
    tending = world.worker("w1").tend()
    tending.until(Execute)
    assert world.read().alarm == world.clock.at + LEASE


@pytest.mark.parametrize("applied", [True, False])
def test_b1_a_lost_reply_of_a_report_is_found_out_by_its_refusal(applied):
    """A report whose reply was lost is made again, plainly: applied before, its claim is gone."""
    world = World()
    world.start(three())
    tending = world.worker("w1").tend()
    tending.until(Save, 2)
    tending.lose_reply(applied=applied)
    tending.to_end()
    assert world.outcome() == Ok(b"1")
    assert [path for path, _, _ in world.bodies] == [(1,), (2,), (3,)]


def test_b2_two_workers_on_a_gather_report_by_their_claims():
    world = World()
    world.start(ordered())
    first, second = world.worker("w1").tend(), world.worker("w2")
    first.until(Execute)
    assert lines(first) == [
        "read",
        "Head(1) [issued 1.1.1, issued 1.2.1] +1.1.1 +1.2.1 claim 1.1.1",
        f"offer {QUEUE} x1",
        "body 1.1.1",
    ]
    assert world.read().alarm == world.clock.at + 2_000  # the hint may be lost: the store adds it for free work
    other = second.tend()
    other.until(Execute)
    assert lines(other)[:2] == ["read", "take"]
    first.until(Save)
    assert lines(first)[-1] == "Holding(1.1.1) [resolved 1.1.1] -1.1.1"  # another entry is claimed: no speculation
    other.until(Save)
    first.perform()
    first.until(Save)
    assert lines(first)[-1].startswith("Head(4) [issued 1.1.2] +1.1.2 claim 1.1.2")
    other.perform()  # its report comes between
    first.perform()
    assert isinstance(world.saved[-1][2], Conflict)
    first.to_end()
    other.to_end()
    world.worker("w3").tend().to_end()
    assert world.outcome() == Ok(b"[1,1]")
    assert len(world.bodies) == 3


def test_b2_a_conflict_on_decisions_reads_nothing_and_replays_nothing():
    world = World()
    world.start(three())
    first = world.worker("w1").tend()
    first.until(Save)
    world.cancel()
    calls = len(first.calls)
    first.perform()
    first.until(Save)
    assert lines(first)[calls:] == ["Head(2) [finished Cancelled] done"]  # what was let go unwritten is not written


def test_b3_a_long_sleep_is_one_alarm_and_rings_until_somebody_comes():
    world = World()
    world.start(rested())
    tending = world.worker("w1").tend()
    assert tending.to_end().state == "waiting"
    assert lines(tending) == ["read", f"Head(1) [issued 1] alarm {3 * DAY}"]
    world.clock.at += 3 * DAY
    for put_off in (2_000, 4_000):
        assert world.ring() == 1
        assert world.read().alarm == world.clock.at + put_off
        world.clock.at += put_off
    world.ring()
    other = world.worker("w2").tend()
    other.to_end()
    assert lines(other) == [
        "read",
        "Head(2) [resolved 1, issued 2] +2 claim 2",
        "body 2",
        "Head(4) [resolved 2, finished Ok] -2 done",
    ]


def test_b4_a_payload_that_comes_first_beats_the_timeout():
    world = World()
    world.start(asked())
    world.worker("w1").tend().to_end()
    world.clock.at += 2 * DAY
    late = world.worker("w2").tend()
    late.until(Save)
    world.send("approval", True)
    late.perform()
    assert isinstance(world.saved[-1][2], Conflict)
    late.to_end()
    assert lines(late)[1:] == [
        "Head(2) [expired 1, finished Ok] done",
        "read",
        "Head(3) [taken 1, finished Ok] done",
    ]
    assert world.outcome() == Ok(b'"yes"')


def test_b4_a_timeout_that_comes_first_beats_the_payload():
    world = World()
    world.start(asked())
    world.worker("w1").tend().to_end()
    world.clock.at += 2 * DAY
    world.worker("w2").tend().to_end()
    assert world.outcome() == Ok(b'"nobody"')
    assert world.send("approval", True) == Refused("ended", world.clock.at)


def test_b5_a_killed_worker_is_revoked_and_replaced_in_one_commit():
    world = World()
    world.start(three())
    dead = world.worker("w1").tend()
    dead.until(Execute)
    dead.kill()
    world.clock.at += LEASE
    assert world.ring() == 1
    other = world.worker("w2").tend()
    other.until(Execute)
    assert lines(other) == ["read", "Head(2) [lost 1] revoke 1 +1 claim 1", "body 1"]
    assert other.request.claim.work.attempt == 2


def test_b5_a_worker_that_beats_meanwhile_keeps_its_claim():
    world = World()
    world.start(three())
    slow = world.worker("w1").tend()
    claim = slow.until(Execute).claim
    world.clock.at += LEASE
    other = world.worker("w2").tend()
    other.until(Save)
    world.store.renew([Beat(RUN, claim.path, claim.token)])
    before = world.events()
    other.perform()
    assert world.saved[-1][2] == Refused("revoked", world.clock.at)
    other.to_end()
    assert lines(other)[2:] == ["read", "Head(2) []"]
    assert world.events() == before
    assert slow.to_end().state == "stopped"  # its slice is over
    world.worker("w3").tend().to_end()
    assert world.outcome() == Ok(b"1")
    assert len(world.bodies) == 3


def test_b5_a_zombies_report_is_refused_and_changes_nothing():
    world = World()
    world.start(three())
    zombie = world.worker("w1").tend()
    zombie.until(Execute)
    world.clock.at += LEASE
    world.worker("w2").tend().to_end()
    before = world.events()
    assert zombie.to_end().state == "ended"
    assert Refused("ended", world.clock.at) in [reply for _, _, reply in world.saved]
    assert world.events() == before


def test_b6_a_cancelled_run_carries_out_its_clean_up():
    world = World()
    world.start(undone())
    first = world.worker("w1").tend()
    first.until(Execute)
    world.cancel()
    assert world.read().alarm == world.clock.at + 2_000
    other = world.worker("w2").tend()
    other.to_end()
    assert lines(other) == [
        "read",
        "Head(4) [issued 1.2.2, abandoned 1.1, abandoned 1.2.1] -1.1 -1.2.1 +1.2.2 claim 1.2.2",
        "body 1.2.2",
        "Head(7) [resolved 1.2.2, finished Cancelled] -1.2.2 done",
    ]
    first.to_end()
    assert isinstance(world.outcome(), CancelledOutcome)


def test_b7_a_renamed_step_blocks_the_run_and_writes_nothing():
    world = World()
    world.start(three())
    world.worker("w1").tend().until(Execute)
    before = world.events()
    tending = world.worker("new", registry=_renamed()).tend()
    tended = tending.to_end()
    assert tended.state == "blocked"
    assert lines(tending) == ["read", "read", "Head(2) [] alarm 10000 blocked"]
    assert world.events() == before
    log = world.read()
    assert log.summary.status == "blocked"
    assert "work" in log.summary.note.reason
    assert "bill" in log.summary.note.reason


def test_b7_the_report_of_the_old_step_is_accepted_all_the_same():
    world = World()
    world.start(three())
    old = world.worker("w1").tend()
    old.until(Execute)
    world.worker("new", registry=_renamed()).tend().to_end()
    old.to_end()
    assert world.outcome() == Ok(b"1")
    assert world.read().summary.status == "completed"


def test_b11_a_killed_script_that_is_run_again_waits_for_no_lease():
    world = World()
    world.start(three())
    dead = world.worker("first", told=True).tend()
    dead.until(Execute)
    dead.kill()
    assert isinstance(world.start(three()), Conflict)
    again = world.worker("again", told=True).tend()
    again.to_end()
    assert lines(again)[:3] == ["read", "Head(2) [lost 1] revoke 1 +1 claim 1", "body 1"]
    assert world.outcome() == Ok(b"1")


def test_b11_after_the_last_loss_the_step_fails():
    world = World()
    world.start(three())
    for number in range(5):
        dead = world.worker(f"w{number}", told=True).tend()
        dead.until(Execute)
        dead.kill()
    world.worker("last", told=True).tend().to_end()
    outcome = world.outcome()
    assert isinstance(outcome, Err)
    assert outcome.failure.names[0] == "yieldflow.errors:WorkerLost"
    assert len(world.bodies) == 5


def _renamed() -> Registry:
    def bill(n: int) -> int:
        return n

    def fn() -> Flow[int]:
        return (yield step(bill, 1))

    registry = Registry()
    registry.add_workflow(evolve(three.definition, fn=fn))
    return registry
