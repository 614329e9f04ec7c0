"""What the simulation and the review of the engine found, each in its smallest form."""

from tests.engine.world import QUEUE, RUN, World
from yieldflow import Cancelled, Flow, Retry, gather, hook, race, sleep, step, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.core.events import CommandResolved
from yieldflow.core.outcome import Ok
from yieldflow.engine.requests import Execute, Save, Unfit

SECOND = 1_000
LEASE = 10_000


@step(retry=1)
def work(n: int) -> int:
    return n


@step(retry=Retry(attempts=2, delay="1s", jitter=0.0))
def twice(n: int) -> int:
    return n


@step(queue="gpu", retry=Retry(attempts=2, delay="1s", jitter=0.0))
def render(n: int) -> int:
    return n


@step(retry=1, timeout="30s")
def bounded(n: int) -> int:
    return n


@workflow
def raced() -> Flow[int]:
    index, _ = yield race(work(1), sleep("10s"))
    yield sleep("1h")
    return index


@workflow
def rendered() -> Flow[int]:
    return (yield render(1))


@workflow
def worked() -> Flow[int]:
    return (yield work(1))


@workflow
def both() -> Flow[tuple[int, int]]:
    return (yield gather(twice(1), work(2)))


@workflow
def limited() -> Flow[int]:
    return (yield bounded(1))


@workflow
def asked() -> Flow[int]:
    return (yield hook("answer", int))


@workflow
def crowd(n: int) -> Flow[int]:
    yield gather(*[sleep("1s") for _ in range(n)])
    return n


def run_on(world, worker, *, rounds=20):
    """Faults are over: alarms ring, one worker does what there is; hints but for the alarms' are lost."""
    for _ in range(rounds):
        world.hints.clear()
        alarm, now = world.store.next_alarm()
        if alarm is None or world.outcome() is not None:
            return
        world.clock.at = max(now, alarm)
        world.ring()
        while world.hints:
            run_id, queue = world.hints.pop()
            if queue in worker.tools.me.queues:
                worker.tend(run_id).to_end()
                world.hints.clear()


def test_an_attempt_that_is_abandoned_in_the_same_commit_leaves_no_work():
    world = World()
    world.start(raced())
    dead = world.worker("dead").tend()
    dead.until(Execute)
    dead.kill()
    world.clock.at += LEASE
    world.worker("w2").tend().to_end()  # the claim is over, and so is the sleep that ends the race
    assert world.store.work(RUN) == ()
    world.fold()


def test_a_retry_that_falls_due_during_another_body_keeps_its_alarm():
    world = World(lambda request: ValueError("once") if request.claim.path == (1, 1) else 2)
    world.start(both())
    tending = world.worker("w1").tend()
    tending.until(Execute)
    tending.perform()
    tending.until(Execute)
    world.clock.at += 5 * SECOND  # the second body takes longer than the delay of the first
    tending.to_end()
    log = world.read()
    assert log.free == {QUEUE: 1}
    assert log.alarm is not None


def test_work_that_no_worker_here_can_do_keeps_its_alarm():
    world = World(lambda _: Unfit("other code"))
    world.start(worked())
    world.worker("w1").tend().to_end()
    assert world.read().entries == 1
    assert world.read().alarm is not None


def test_released_work_keeps_its_alarm_when_another_worker_looks_at_the_run():
    world = World(lambda _: Unfit("other code"))
    world.start(rendered())
    world.worker("w1").tend().to_end()
    world.worker("gpu", "gpu").tend().to_end()  # leaves the step to another worker, for two seconds
    world.worker("w2").tend().to_end()
    assert world.read().entries == 1
    assert world.read().alarm is not None


def test_a_lost_hint_to_another_queue_is_given_again():
    world = World()
    world.start(rendered())
    world.worker("w1").tend().to_end()
    world.hints.clear()
    world.clock.at += 2 * SECOND
    world.ring()
    world.worker("w1").tend().to_end()
    assert (RUN, "gpu") in world.hints


def test_a_retry_on_another_queue_is_hinted_when_it_is_due():
    world = World(lambda _: ValueError("once"))
    world.start(rendered())
    own, gpu = world.worker("w1"), world.worker("gpu", "gpu")
    own.tend().to_end()
    gpu.tend().to_end()
    own.tend().to_end()
    world.hints.clear()
    world.clock.at += SECOND
    world.ring()
    own.tend().to_end()
    assert (RUN, "gpu") in world.hints


def test_a_foreign_worker_whose_time_is_up_leaves_the_rest_to_its_own_queue():
    @workflow(name="found:rendered-thrice")
    def thrice() -> Flow[None]:
        yield gather(render(1), render(2), render(3))

    world = World()
    world.start(thrice())
    world.worker("w1").tend().to_end()
    world.hints.clear()
    gpu = world.worker("gpu", "gpu").tend()
    gpu.until(Execute)
    world.clock.at += 2 * SECOND
    gpu.to_end()
    assert (RUN, "gpu") in world.hints


def test_a_claim_that_the_store_left_out_leaves_an_alarm():
    world = World()
    world.start(worked())
    dead = world.worker("dead").tend()
    dead.until(Execute)
    dead.kill()
    world.clock.at += LEASE + 5
    ahead = world.worker("w2")
    ahead.skew = 3  # its next attempt may begin three milliseconds from now, by the store's time
    tended = ahead.tend().to_end()
    assert tended.state != "ended"
    assert world.read().alarm is not None


def test_a_worker_that_can_go_on_clears_the_note_of_a_blocked_run():
    world = World()
    world.start(asked())
    world.worker("w1").tend().to_end()

    world.worker("old", registry=Registry()).tend().to_end()
    assert world.read().summary.status == "blocked"
    world.worker("w2").tend().to_end()
    assert world.read().summary.status == "running"


def test_blocking_a_run_does_not_empty_its_inbox():

    world = World()
    world.start(crowd(1))
    world.send("answer", 1, inbox=1)
    world.worker("old", registry=Registry()).tend().to_end()
    assert getattr(world.send("answer", 2, inbox=1), "reason", None) == "inbox"


def test_a_worker_that_died_long_before_the_timeout_is_lost_and_not_out_of_time():
    world = World()
    world.start(limited())
    dead = world.worker("dead").tend()
    dead.until(Execute)
    dead.kill()
    world.clock.at += 3600 * SECOND  # all workers were down for an hour
    world.worker("w2").tend().to_end()
    assert isinstance(world.outcome(), Ok)


def test_more_timers_than_a_commit_carries_fall_due_at_once():
    world = World()
    world.start(crowd(6_000))
    worker = world.worker("w1")
    worker.tend().to_end()
    world.clock.at += SECOND
    worker.tend().to_end()
    assert isinstance(world.outcome(), Ok)


def test_a_lost_table_is_put_back_though_a_body_ran_meanwhile():
    world = World()
    world.start(both())
    tending = world.worker("w1").tend()
    tending.until(Execute)
    world.store._runs[RUN].free.clear()  # the other step
    tending.to_end()
    run_on(world, world.worker("w2"))
    assert isinstance(world.outcome(), Ok)


def test_a_worker_whose_clock_is_ahead_does_not_spin():
    world = World()
    world.start(worked())
    dead = world.worker("dead").tend()
    dead.until(Execute)
    dead.kill()
    ahead = world.worker("w2")
    ahead.skew = LEASE + 1
    flight = ahead.tend()
    flight.to_end()
    assert len(flight.calls) < 10


def test_a_store_that_fails_during_a_speculation_leaves_nothing_of_it():
    world = World()
    world.start(raced())
    worker = world.worker("w1")
    tending = worker.tend()
    tending.until(Execute)
    tending.perform()
    assert isinstance(tending.request, Save)
    tending.fail()
    worker.tend().to_end()
    world.fold()
    assert not any(isinstance(event, CommandResolved) for event in world.events())


@workflow
def cleaned() -> Flow[str]:
    """The payload is there when it is asked for, before the last branch has begun."""
    yield work(1)
    index, _ = yield race(tidy(), hook("answer", int), late())
    return str(index)


def tidy() -> Flow[None]:
    try:
        yield sleep("1h")
    except Cancelled:
        yield work(7)
        raise


def late() -> Flow[None]:
    yield work(8)


def test_a_branch_that_never_started_is_counted_once():
    world = World()
    world.start(cleaned())
    world.send("answer", 1)
    tending = world.worker("w1").tend()
    tending.until(Execute, 2)  # the clean-up of the first branch
    assert world.fold().ended is None
    tending.to_end()
    assert world.outcome() == Ok(b'"1"')


@workflow
def alongside() -> Flow[int]:
    _, answer = yield gather(sleep("5s"), work(1))
    return answer


def test_a_lost_table_is_put_back_though_a_timer_is_due():
    world = World()
    world.start(alongside())
    dead = world.worker("dead").tend()
    dead.until(Execute)
    dead.kill()
    world.store._runs[RUN].claimed.clear()
    run_on(world, world.worker("w2"))
    assert isinstance(world.outcome(), Ok)


def test_a_run_that_ends_meanwhile_is_not_blocked():
    world = World()
    world.start(worked())
    old = world.worker("old", registry=Registry()).tend()
    old.perform()
    world.worker("w1").tend().to_end()
    old.to_end()
    log = world.read()
    assert (log.summary.status, log.alarm) == ("completed", None)


def test_a_delay_is_as_long_as_it_says():
    world = World(lambda _: ValueError("once"))
    world.start(once_more())
    world.worker("w1").tend().to_end()
    assert world.read().alarm == world.clock.at + SECOND


@workflow
def once_more() -> Flow[int]:
    return (yield twice(1))


@workflow
def settled() -> Flow[int]:
    yield race(work(1), sleep("1h"))
    return (yield hook("answer", int))


def test_a_wait_that_is_abandoned_is_not_in_the_alarm():
    world = World()
    world.start(settled())
    world.worker("w1").tend().to_end()
    assert world.read().alarm is None
    before = len(world.saved)
    world.worker("w2").tend().to_end()
    ((_, commit, _),) = world.saved[before:]  # it takes back that it replays
    assert (commit.events, commit.alarm) == ((), None)
    assert world.read().alarm is None


def test_a_repair_does_not_put_off_what_is_to_be_decided():
    world = World()
    world.start(once_told())
    dead = world.worker("dead").tend()
    dead.until(Execute)
    dead.kill()
    world.store._runs[RUN].claimed.clear()
    world.cancel()
    repairing = world.worker("w2").tend()
    repairing.until(Save)
    repairing.kill(performed=True)
    assert world.read().alarm <= world.clock.at + 2 * SECOND


@workflow
def once_told() -> Flow[int]:
    answers = yield gather(sleep("1h"), work(1))
    return answers[1]


def test_a_table_that_is_lost_between_a_look_and_the_empty_commit_is_missed_later():
    world = World()
    world.start(worked())
    dead = world.worker("dead").tend()
    dead.until(Execute)
    dead.kill()
    world.clock.at += 1
    world.worker("x").tend().to_end()
    world.store._runs[RUN].base = world.clock.at + 1  # not what the agenda wants: the next one who looks sets it
    world.store._runs[RUN].set_alarm()
    looking = world.worker("w2").tend()
    looking.until(Save)
    world.store._runs[RUN].claimed.clear()
    looking.to_end()
    run_on(world, world.worker("w3"))
    assert isinstance(world.outcome(), Ok)
