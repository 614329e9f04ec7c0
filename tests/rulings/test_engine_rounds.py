"""Rulings 48, 49, 52, 54, 57 and 70: which work a tend takes, and when somebody looks again."""

from tests.engine.lines import lines
from tests.engine.world import QUEUE, RUN, World, offers
from yieldflow import Flow, gather, hook, race, sleep, step, workflow
from yieldflow.authoring.registry import DEFAULT, Registry
from yieldflow.core.outcome import Ok
from yieldflow.engine.requests import Execute, Offer, Read, Save, Take
from yieldflow.ports import CLAIMS_A_CALL, LONGEST_PUT_OFF, Beat

LEASE = 10_000


@step(retry=1)
def work(n: int) -> int:
    return n


@step(retry=1, queue="gpu")
def render(n: int) -> int:
    return n


@workflow
def pictured() -> Flow[int]:
    return (yield work((yield render(1))))


@workflow
def contest() -> Flow[int]:
    index, _ = yield race(work(1), sleep("1s"))
    return index


@workflow
def single() -> Flow[int]:
    return (yield work(1))


@workflow
def asked() -> Flow[int]:
    return (yield hook("answer", int))


@workflow
def wide(n: int) -> Flow[int]:
    return len((yield gather(*[work(number) for number in range(n)])))


# --- 48 ---------------------------------------------------------------------------------------------------------------


def test_48_a_tend_takes_work_of_its_queues_and_hints_at_the_rest():
    world = World()
    world.start(pictured())
    own = world.worker("w1").tend()
    assert own.to_end().state == "waiting"
    assert world.bodies == []
    assert offers(own) == ["gpu"]


def test_48_a_worker_without_the_program_reads_reports_and_hints_at_the_runs_own_queue():
    steps = Registry()
    steps.add_step(DEFAULT.step(render.definition.name))
    world = World()
    world.start(pictured())
    world.worker("w1").tend().to_end()
    gpu = world.worker("gpu", "gpu", registry=steps).tend()
    gpu.to_end()
    assert lines(gpu) == ["read", "take", "body 1", "Holding(1) [resolved 1] -1", f"offer {QUEUE} x1"]
    assert world.read().summary.status == "running"
    own = world.worker("w2").tend()
    own.to_end()
    assert world.outcome() == Ok(b"1")


def test_48_with_a_step_queue_the_next_claim_rides_only_with_who_serves_it():
    for queues, claims in (((QUEUE,), 0), ((QUEUE, "steps"), 1)):
        world = World()
        world.start(single(), step_queue="steps")
        world.worker("w1", *queues).tend().until(Save)
        flight = world.worker("w2", *queues).tend()
        assert len(flight.until(Save).commit.claim) == claims
        assert flight.request.commit.put[0].queue == "steps"


# --- 49 and 70 --------------------------------------------------------------------------------------------------------


def test_49_a_body_runs_inline_only_when_nothing_else_is_owed():
    for program, inline in ((single(), True), (contest(), False), (wide(2), False)):
        world = World()
        world.start(program)
        tending = world.worker("w1", inline="alone").tend()
        while tending.request is not None and not isinstance(tending.request, Execute):
            tending.perform()
        assert isinstance(tending.request, Execute) is inline
        assert inline or (RUN, QUEUE) in world.hints


def test_70_parallel_bodies_are_several_tends_of_one_run():
    world = World()
    world.start(wide(3))
    worker = world.worker("w1")
    first = worker.tend()
    first.until(Execute)
    second = worker.tend()
    second.until(Execute)
    assert [path for path, _, _ in world.bodies] == [(1, 1), (1, 2)]
    second.to_end()
    first.to_end()
    assert world.outcome() == Ok(b"3")


def test_70_who_tends_beside_a_running_body_rings_its_timers():
    world = World()
    world.start(contest())
    worker = world.worker("w1")
    slow = worker.tend()
    slow.until(Execute)
    world.clock.at += 1_000
    worker.tend().to_end()
    assert world.outcome() == Ok(b"1")
    slow.to_end()


# --- 52 ---------------------------------------------------------------------------------------------------------------


def test_52_every_append_by_one_who_cannot_decide_has_somebody_look_soon():
    world = World()
    world.start(asked())
    assert world.read().alarm == world.clock.at + 2_000
    world.worker("w1").tend().to_end()
    assert world.read().alarm is None
    world.send("other", 1)
    assert world.read().alarm == world.clock.at + 2_000


def test_52_a_tender_that_has_nothing_to_append_sets_the_alarm_without_moving_the_head():
    world = World()
    world.start(asked())
    world.worker("w1").tend().to_end()
    world.send("other", 1)
    head = world.read().head
    tending = world.worker("w2").tend()
    tending.to_end()
    assert lines(tending) == ["read", "Head(3) []"]
    assert world.read().head == head
    assert world.read().alarm is None


def test_52_a_report_that_decides_nothing_does_not_ring_for_long():
    world = World()
    world.start(wide(2))
    first, second = world.worker("w1").tend(), world.worker("w2").tend()
    first.until(Execute)
    second.to_end() if second.request is None else second.until(Execute)
    first.until(Save)
    first.perform()
    assert world.read().alarm == world.clock.at + 2_000
    first.to_end()
    assert world.read().alarm == world.clock.at + LEASE


# --- 54 ---------------------------------------------------------------------------------------------------------------


def test_54_an_alarm_that_nobody_answers_backs_off_and_any_commit_resets_it():
    world = World()
    world.start(asked())
    pauses = []
    for _ in range(12):
        alarm, _ = world.store.next_alarm()
        world.clock.at = alarm
        assert world.ring() == 1
        pauses.append(world.read().alarm - world.clock.at)
    assert pauses[:4] == [2_000, 4_000, 8_000, 16_000]
    assert pauses[-1] == LONGEST_PUT_OFF
    world.send("other", 1)
    world.clock.at += 2_000
    world.ring()
    assert world.read().alarm == world.clock.at + 2_000


def test_54_a_blocked_run_backs_off_by_its_rings_alone():
    world = World()
    world.start(asked())
    old = world.worker("old", registry=Registry())
    pauses = []
    for _ in range(6):
        alarm, _ = world.store.next_alarm()
        pauses.append(alarm - world.clock.at)
        world.clock.at = alarm
        world.ring()
        old.tend().to_end()
    assert pauses == [2_000, 2_000, 4_000, 8_000, 16_000, 32_000]


# --- 57 ---------------------------------------------------------------------------------------------------------------


def test_57_free_work_is_claimed_in_the_store_and_never_listed():
    world = World()
    world.start(wide(200))
    first = world.worker("w1").tend()
    first.until(Execute)
    assert sum(offer.count for offer in first.calls if isinstance(offer, Offer)) == 16
    other = world.worker("w2").tend()
    other.until(Execute)
    kinds = [type(call) for call in other.calls]
    assert kinds == [Read, Take, Execute]
    assert world.read().free == {QUEUE: 198}
    assert len(world.store.claim(RUN, (QUEUE,), "w3", [f"t{n}" for n in range(100)]).grants) == CLAIMS_A_CALL


def test_70_the_beat_of_a_running_body_tells_that_the_head_moved():
    world = World()
    world.start(contest())
    slow = world.worker("w1").tend()
    claim = slow.until(Execute).claim
    beat = Beat(RUN, claim.path, claim.token)
    (before,) = world.store.renew([beat])
    world.cancel()
    assert world.store.renew([beat]) not in ((before,), (None,))
    world.worker("w2").tend().to_end()
    assert world.store.renew([beat]) == (None,)
