"""Rulings 6, 51, 68 and 69: who may take work, keep it, give it back and lose it."""

from tests.engine.world import QUEUE, RUN, World
from yieldflow import Flow, gather, step, workflow
from yieldflow.core.events import AttemptFailed, CommandResolved
from yieldflow.core.outcome import Ok
from yieldflow.engine.requests import Execute, Release, Save, Stopped, Take
from yieldflow.ports import Beat, Claimed, Free, Refused

LEASE = 10_000


@step(retry=1)
def work(n: int) -> int:
    return n


@workflow
def single() -> Flow[int]:
    return (yield work(1))


@workflow
def triple() -> Flow[tuple[int, int, int]]:
    return (yield gather(work(1), work(2), work(3)))


def begun(world, name="w1", call=None):
    world.start((call or single)())
    flight = world.worker(name).tend()
    flight.until(Execute)
    return flight


# --- 6 ----------------------------------------------------------------------------------------------------------------


def test_6_a_beat_between_the_look_and_the_revocation_keeps_the_claim():
    world = World()
    living = begun(world)
    world.clock.at += LEASE
    other = world.worker("w2").tend()
    other.until(Save)
    claim = living.request.claim
    assert world.store.renew([Beat(RUN, claim.path, claim.token)]) != (None,)
    other.to_end()
    assert [reply.reason for _, _, reply in world.saved if isinstance(reply, Refused)] == ["revoked"]
    assert not any(isinstance(event, AttemptFailed) for event in world.events())
    assert len(world.bodies) == 1


def test_6_a_claim_that_is_over_but_not_revoked_still_counts():
    world = World()
    late = begun(world)
    world.clock.at += 100 * LEASE
    late.to_end()
    assert world.outcome() == Ok(b"1")
    assert len(world.bodies) == 1


def test_6_a_revoked_claim_reports_nothing_any_more():
    world = World()
    late = begun(world)
    world.clock.at += LEASE
    other = world.worker("w2").tend()
    other.until(Execute)
    late.to_end()
    assert not any(isinstance(event, CommandResolved) for event in world.events())
    other.to_end()
    assert world.outcome() == Ok(b"1")
    resolved = [event for event in world.events() if isinstance(event, CommandResolved)]
    assert [(event.worker, event.attempt) for event in resolved] == [("w2", 2)]


# --- 51 ---------------------------------------------------------------------------------------------------------------


def test_51_a_body_that_runs_is_not_given_back_when_its_worker_stops():
    world = World(lambda _: Stopped())
    stopping = begun(world)
    stopping.actor.stopping = True
    stopping.to_end()
    assert not any(isinstance(call, Release) for call in stopping.calls)
    (entry,) = world.store.work(RUN)
    assert isinstance(entry, Claimed)
    assert world.read().alarm == entry.until


def test_51_a_body_that_ends_within_the_grace_time_is_reported():
    world = World()
    stopping = begun(world)
    stopping.actor.stopping = True
    stopping.to_end()
    assert world.outcome() == Ok(b"1")


def test_51_what_has_not_begun_is_given_back_at_once_and_uses_up_nothing():
    world = World()
    world.start(single())
    stopping = world.worker("w1").tend()
    stopping.until(Save)
    stopping.actor.stopping = True
    stopping.to_end()
    assert stopping.tended.state == "stopped"
    (entry,) = world.store.work(RUN)
    assert isinstance(entry, Free)
    assert (entry.attempt, entry.losses, entry.not_before) == (1, 0, 0)
    assert world.hints == [(RUN, QUEUE)]
    assert world.bodies == []


def test_51_a_worker_that_stops_takes_no_more():
    world = World()
    stopping = begun(world, call=triple)
    stopping.actor.stopping = True
    taken = len([call for call in stopping.calls if isinstance(call, Take)])
    stopping.to_end()
    assert len([call for call in stopping.calls if isinstance(call, Take)]) == taken
    assert len(world.bodies) == 1
    assert (RUN, QUEUE) in world.hints


# --- 68 ---------------------------------------------------------------------------------------------------------------


def test_68_a_stale_reader_cannot_claim_what_is_resolved():
    world = World()
    world.start(triple())
    first = world.worker("w1").tend()
    first.until(Execute)
    stale = world.worker("w2").tend()
    stale.until(Take)  # it has read that two are free
    first.to_end()
    assert world.outcome() == Ok(b"[1,1,1]")
    stale.to_end()
    assert len(world.bodies) == 3
    assert world.bodies == [((1, 1), 1, "w1"), ((1, 2), 1, "w1"), ((1, 3), 1, "w1")]


def test_68_a_claim_that_rides_in_a_commit_takes_only_what_is_free():
    world = World()
    world.start(triple())
    flights = [world.worker(f"w{number}").tend() for number in range(3)]
    for flight in flights:
        flight.until(Execute)
    assert sorted(path for path, _, _ in world.bodies) == [(1, 1), (1, 2), (1, 3)]
    extra = world.worker("w4").tend()
    assert extra.to_end().state == "waiting"
    assert len(world.bodies) == 3


def test_68_a_lost_table_runs_a_body_twice_and_commits_it_once():
    world = World()
    first = begun(world)
    world.store._runs[RUN].claimed.clear()
    second = world.worker("w2").tend()
    second.until(Execute)
    first.to_end()
    second.to_end()
    assert [path for path, _, _ in world.bodies] == [(1,), (1,)]
    assert sum(isinstance(event, CommandResolved) for event in world.events()) == 1
    assert world.outcome() == Ok(b"1")


def test_68_a_missing_entry_is_never_read_as_done():
    world = World()
    first = begun(world, call=triple)
    first.kill()
    run = world.store._runs[RUN]
    run.free.clear()
    run.claimed.clear()
    world.worker("w2").tend().to_end()
    assert world.outcome() == Ok(b"[1,1,1]")


# --- 69 ---------------------------------------------------------------------------------------------------------------


def test_69_who_sees_the_process_gone_revokes_at_once():
    world = World()
    begun(world).kill()
    world.worker("stranger").tend().to_end()
    assert world.outcome() is None  # another host waits for the lease
    world.worker("neighbour", told=True).tend().to_end()
    assert world.outcome() == Ok(b"1")
    assert [event.reason for event in world.events() if isinstance(event, AttemptFailed)] == ["lost"]


def test_69_a_living_neighbour_is_left_alone():
    world = World()
    living = begun(world)
    assert world.worker("neighbour", told=True).tend().to_end().state == "waiting"
    living.to_end()
    assert not any(isinstance(event, AttemptFailed) for event in world.events())


def test_69_a_worker_never_takes_its_own_claims_for_a_dead_ones():
    world = World()
    world.start(single())
    worker = world.worker("w1", told=True)
    world.dead.add("w1")  # so it seems: another process has its number
    tending = worker.tend()
    tending.until(Save)
    tending.lose_reply(applied=True)  # it looks, and finds its claim
    tending.to_end()
    assert world.outcome() == Ok(b"1")
    assert not any(isinstance(event, AttemptFailed) for event in world.events())
