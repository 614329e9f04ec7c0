"""Rulings 1, 3 and 67: what an execution may be fed, and what a commit is conditioned on."""

from attrs import evolve

from tests.engine.world import QUEUE, RUN, World
from yieldflow import Flow, gather, hook, race, sleep, step, workflow
from yieldflow.core.events import AttemptFailed
from yieldflow.core.outcome import Ok
from yieldflow.engine.live import PLAIN_REPORTS
from yieldflow.engine.requests import Execute, Save
from yieldflow.ports import Conflict, Done, Head, Holding, Mark

LEASE = 10_000


@step(retry=1)
def work(n: int) -> int:
    return n


@workflow
def contest() -> Flow[int]:
    index, _ = yield race(work(1), hook("answer", int))
    return index


@workflow
def chain() -> Flow[int]:
    for n in range(12):
        yield work(n)
    return 12


@workflow
def pair() -> Flow[tuple[int, int]]:
    return (yield gather(work(1), work(2)))


@workflow
def waited() -> Flow[int]:
    index, _ = yield race(sleep("5s"), hook("answer", int))
    return index


def reports(flight):
    return [type(call.commit.on) for call in flight.calls if isinstance(call, Save) and call.commit.events]


def test_1_a_refused_speculation_is_dropped_and_its_fact_takes_its_true_place():
    world = World()
    world.start(contest())
    worker = world.worker("w1")
    tending = worker.tend()
    tending.until(Execute)
    tending.perform()
    assert isinstance(tending.request.commit.on, Head)  # the winner would be the step
    world.send("answer", 5)  # which lies before it
    tending.to_end()
    assert world.outcome() == Ok(b"1")
    world.replay().decide()


def test_1_a_speculation_whose_reply_is_lost_is_never_fed_again():
    for applied in (True, False):
        world = World()
        world.start(contest())
        worker = world.worker("w1")
        tending = worker.tend()
        tending.until(Execute)
        tending.perform()
        tending.lose_reply(applied=applied)
        assert RUN not in worker.tools.cache._kept
        assert isinstance(tending.request.commit.on, Holding)  # the fact alone, fenced
        if not applied:
            world.send("answer", 5)
        tending.to_end()
        assert world.outcome() == Ok(b"0" if applied else b"1")


def test_1_an_execution_that_was_fed_a_fact_ahead_is_not_kept_when_its_tend_is_given_up():
    world = World()
    world.start(waited())
    worker = world.worker("w1")
    worker.tend().to_end()
    world.clock.at += 5_000
    tending = worker.tend()
    tending.until(Save)
    tending.fail()
    world.send("answer", 5)
    worker.tend().to_end()
    assert world.outcome() == Ok(b"1")


def test_1_a_timer_that_was_refused_is_not_known_to_anybody():
    world = World()
    world.start(waited())
    worker = world.worker("w1")
    worker.tend().to_end()
    world.clock.at += 5_000
    tending = worker.tend()
    tending.until(Save)
    world.send("answer", 5)
    tending.to_end()
    assert world.outcome() == Ok(b"1")
    world.replay().decide()


def test_1_nobody_speculates_while_another_task_of_the_run_is_claimed():
    world = World()
    world.start(pair())
    first = world.worker("w1").tend()
    first.until(Execute)
    other = world.worker("w2").tend()
    other.until(Execute)
    first.to_end()
    assert reports(first)[1:] == [Holding]
    other.to_end()
    assert world.outcome() == Ok(b"[1,1]")


def test_1_after_a_refusal_the_run_reports_plainly_eight_times():
    world = World()
    world.start(chain())
    tending = world.worker("w1").tend()
    tending.until(Execute)
    tending.perform()
    world.send("elsewhere", 1)
    tending.to_end()
    facts = [on for on in reports(tending)[1:] if on is Holding]
    assert len(facts) == 1 + PLAIN_REPORTS
    assert world.outcome() == Ok(b"12")


def test_1_a_due_timer_rides_with_its_decisions():
    world = World()
    world.start(waited())
    world.worker("w1").tend().to_end()
    world.clock.at += 5_000
    world.worker("w2").tend().to_end()
    (*_, last) = world.saved
    assert [type(event).__name__ for event in world.events()[-3:]] == [
        "CommandResolved",
        "CommandAbandoned",
        "RunFinished",
    ]
    assert len(last[1].events) == 3


def test_3_the_same_length_is_not_the_same_log():
    """A failover lost an event and another worker appended another: the cached execution is dropped."""
    world = World()
    world.start(waited())
    worker = world.worker("w1")
    worker.tend().to_end()
    world.send("answer", 1)
    stale = worker.tend()
    stale.until(Save)
    run = world.store._runs[RUN]
    del run.events[-1], run.commits[-1], run.once[next(iter(run.once))]
    world.cancel()
    stale.perform()
    assert isinstance(world.saved[-1][2], Conflict)
    assert world.saved[-1][2].gap
    stale.to_end()
    assert type(world.outcome()).__name__ == "Cancelled"


def test_3_a_log_shorter_than_what_is_known_is_read_from_the_start():
    world = World()
    world.start(waited())
    worker = world.worker("w1")
    worker.tend().to_end()
    run = world.store._runs[RUN]
    del run.events[-2:], run.commits[-2:]
    tending = worker.tend()
    tending.to_end()
    assert tending.calls[0].after.length == 3
    assert isinstance(tending.calls[1], Save)
    assert tending.calls[1].commit.on.at.length == 1
    assert len(world.events()) == 3
    world.fold()


def test_67_decisions_carry_no_time_and_the_engine_stamps_them():
    world = World()
    world.start(waited())
    world.clock.at += 700
    world.worker("w1").tend().to_end()
    assert {event.at for event in world.events()[1:]} == {world.clock.at}


def test_67_a_commit_that_is_repeated_is_known_by_its_head():
    world = World()
    world.start(waited())
    world.worker("w1").tend().to_end()
    _, commit, reply = world.saved[-1]
    assert isinstance(reply, Done)
    (again,) = world.store.commit([evolve(commit)])
    assert isinstance(again, Conflict)
    assert again.head == Mark(reply.head.length, commit.commit)  # mine: it was applied


def test_6_a_lost_worker_is_a_fact_with_the_decisions_it_causes():
    world = World()
    world.start(contest())
    dead = world.worker("dead", QUEUE).tend()
    dead.until(Execute)
    dead.kill()
    world.clock.at += LEASE
    world.worker("w2").tend().to_end()
    lost = [event for event in world.events() if isinstance(event, AttemptFailed)]
    assert [event.reason for event in lost] == ["lost"]
    assert world.outcome() == Ok(b"0")
