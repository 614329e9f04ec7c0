"""Rulings 17 and 30: what happens in the turn itself. Programs that kill who replays them, and local steps."""

import pytest

from tests.engine.lines import lines, words
from tests.engine.world import QUEUE, RUN, World
from yieldflow import Flow, gather, hook, race, step, workflow
from yieldflow.core.events import AttemptFailed
from yieldflow.core.outcome import Ok
from yieldflow.engine import control
from yieldflow.engine.reading import LONGEST_REPLAY, MOST_DEATHS
from yieldflow.engine.requests import Execute, ExecuteLocal, Read, Save
from yieldflow.ports import LONGEST_PUT_OFF, Beat, Conflict, Done, Head

LEASE = 10_000


@step(retry=1)
def work(n: int) -> int:
    return n


@step(retry=1, queue="gpu")
def render(n: int) -> int:
    return n


@step(local=True)
def token(n: int) -> int:
    return n


@workflow
def asked() -> Flow[int]:
    return (yield hook("answer", int))


@workflow
def drawn(n: int = 1) -> Flow[list[int]]:
    numbers = []
    for number in range(n):
        numbers.append((yield token(number)))
    numbers.append((yield work(9)))
    return numbers


@workflow
def drawn_and_told() -> Flow[list[object]]:
    return list((yield race(token(1), hook("answer", int))))


def operate(world, asking):
    return world.worker("operator").ask(asking).to_end()


# --- 17 --------------------------------------------------------------------------------------------------------------


def kill_replays(world, count):
    for number in range(count):
        flight = world.worker(f"dying{number}").tend()
        flight.perform()
        flight.kill()
        world.clock.at += LONGEST_REPLAY


def test_17_the_sixth_death_in_a_replay_blocks_the_run():
    world = World()
    world.start(asked())
    kill_replays(world, MOST_DEATHS - 1)
    world.clock.at += LONGEST_REPLAY
    careful = world.worker("w1").tend()
    assert careful.until(Save).commit.events  # it still tries
    careful.fail()
    world.clock.at += LONGEST_REPLAY
    tending = world.worker("w2").tend()
    tended = tending.to_end()
    assert tended.state == "blocked"
    assert "while replaying it" in tended.reason
    assert world.read().summary.status == "blocked"
    assert words(world) == ["started"]


def test_17_every_ten_minutes_it_is_tried_again():
    world = World()
    world.start(asked())
    kill_replays(world, MOST_DEATHS)
    assert world.worker("w1").tend().to_end().state == "blocked"
    world.clock.at += LONGEST_PUT_OFF
    assert world.worker("w2").tend().to_end().state == "waiting"
    assert world.read().summary.status == "running"
    assert world.read().replays == ()


@workflow
def asks_nothing() -> Flow[None]:
    yield 42


def test_17_a_run_that_is_blocked_again_and_again_has_killed_nobody():
    world = World()
    world.start(asks_nothing())
    for number in range(MOST_DEATHS + 2):
        world.clock.at += 2 * LONGEST_REPLAY
        tended = world.worker(f"w{number}").tend().to_end()
        assert "yielded 42" in tended.reason
        assert "yielded 42" in world.read().summary.note.reason
        assert world.read().replays == ()


def test_17_any_commit_of_a_tender_takes_the_deaths_back():
    world = World()
    world.start(asked())
    kill_replays(world, MOST_DEATHS - 1)
    world.worker("w1").tend().to_end()
    assert world.read().replays == ()
    kill_replays(world, MOST_DEATHS - 1)
    assert world.worker("w2").tend().to_end().state == "waiting"


def test_17_who_remembers_the_run_is_not_replaying_it():
    world = World()
    world.start(asked())
    worker = world.worker("w1")
    worker.tend().to_end()
    again = worker.tend()
    again.to_end()
    assert again.calls == [Read(RUN, world.read().head)]
    assert world.read().replays == ()


@pytest.mark.parametrize("queue", [QUEUE, "gpu"])
def test_17_long_bodies_of_many_workers_are_no_deaths(queue):
    """Each has replayed the log, or read it, and is heard of again only when its body ends."""

    @workflow(name=f"control:{queue}-crowd")
    def crowd() -> Flow[int]:
        body = work if queue == QUEUE else render
        return len((yield gather(*[body(number) for number in range(MOST_DEATHS * 2)])))

    world = World()
    world.start(crowd())
    if queue != QUEUE:
        world.worker("own").tend().to_end()
    flights = [world.worker(f"w{number}", queue).tend() for number in range(MOST_DEATHS * 2)]
    for flight in flights:
        flight.until(Execute)
    for _ in range(2):
        world.clock.at += LEASE - 1
        claims = [flight.request.claim for flight in flights]
        world.store.renew([Beat(RUN, claim.path, claim.token) for claim in claims])
    assert (len(world.read().replays) >= MOST_DEATHS) == (queue == QUEUE)
    assert world.worker("late").tend().to_end().state == "waiting"


def test_17_workers_of_other_queues_replay_nothing_and_leave_no_note():
    world = World()
    world.start(rendered_by_many())
    world.worker("own").tend().to_end()
    for number in range(MOST_DEATHS + 1):
        gpu = world.worker(f"w{number}", "gpu")
        flight = gpu.tend()
        flight.until(Execute)
        gpu.stopping = True
        flight.to_end()
    world.clock.at += LONGEST_REPLAY
    assert world.read().replays == ()
    assert world.worker("late").tend().to_end().state == "ended"


@workflow
def rendered_by_many() -> Flow[int]:
    return len((yield gather(*[render(number) for number in range(MOST_DEATHS + 1)])))


# --- 30 --------------------------------------------------------------------------------------------------------------


def test_30_a_local_step_is_run_in_the_turn_and_never_queued():
    world = World(lambda request: 4)
    world.start(drawn())
    tending = world.worker("w1").tend()
    tending.to_end()
    assert lines(tending) == [
        "read",
        "Head(1) [issued 1] alarm 10000",
        "local 1",
        "Head(2) [resolved 1, issued 2] +2 claim 2",
        "body 2",
        "Head(4) [resolved 2, finished Ok] -2 done",
    ]
    assert world.outcome() == Ok(b"[4,4]")


def test_30_once_it_is_recorded_it_is_never_run_again():
    world = World(lambda request: len(drawings) if isinstance(request, ExecuteLocal) else 0)
    drawings: list[int] = []
    world.start(drawn())
    first = world.worker("w1").tend()
    first.until(Execute)
    first.kill()
    world.clock.at += LEASE
    second = world.worker("w2").tend()
    second.to_end()
    assert not any(isinstance(call, ExecuteLocal) for call in second.calls)


def test_30_until_then_it_may_run_again_and_only_one_answer_counts():
    answers = iter([10, 20])
    world = World(lambda request: next(answers) if isinstance(request, ExecuteLocal) else 0)
    world.start(drawn())
    slow = world.worker("w1").tend()
    slow.until(ExecuteLocal)
    fast = world.worker("w2").tend()
    fast.until(Execute)  # it was run here, too, and is written
    slow.perform()
    assert isinstance(slow.request.commit.on, Head)
    slow.perform()
    assert isinstance(world.saved[-1][2], Conflict)
    slow.to_end()
    fast.to_end()
    assert world.outcome() == Ok(b"[10,0]")


def test_30_a_refused_answer_is_forgotten():
    """What came between is told first; the program is replayed and the step run again where it is still wanted."""
    world = World(lambda request: 1)
    world.start(drawn_and_told())
    tending = world.worker("w1").tend()
    tending.until(ExecuteLocal)
    tending.perform()
    world.send("answer", 5)
    tending.to_end()
    assert world.outcome() == Ok(b"[1,5]")
    assert "resolved 1.1" not in words(world)


def test_30_its_failure_is_raised_and_not_tried_again():
    world = World(lambda request: ValueError("no") if isinstance(request, ExecuteLocal) else 0)
    world.start(drawn())
    world.worker("w1").tend().to_end()
    assert world.outcome().failure.names[0] == "builtins:ValueError"
    assert not any(isinstance(event, AttemptFailed) for event in world.events())


def test_30_a_worker_that_dies_before_it_ran_it_leaves_an_alarm():
    world = World()
    world.start(drawn())
    dying = world.worker("w1").tend()
    dying.until(ExecuteLocal)
    dying.kill()
    assert world.read().alarm == world.clock.at + LEASE
    world.clock.at += LEASE
    assert world.ring() == 1
    world.worker("w2").tend().to_end()
    assert world.outcome() == Ok(b"[1,1]")


def test_30_who_runs_no_bodies_leaves_it_to_others():
    world = World()
    world.start(drawn())
    tending = world.worker("w1", inline="never").tend()
    tending.to_end()
    assert (RUN, QUEUE) in world.hints
    assert world.read().alarm == world.clock.at + LEASE
    assert isinstance(world.saved[-1][2], Done)
    world.worker("w2").tend().to_end()
    assert world.outcome() == Ok(b"[1,1]")


def test_28_a_local_step_waits_while_the_run_is_paused():
    world = World()
    world.start(drawn())
    dying = world.worker("w1").tend()
    dying.until(ExecuteLocal)
    dying.kill()
    operate(world, lambda t: control.pause(t, None))
    tending = world.worker("w2").tend()
    tending.to_end()
    assert not any(isinstance(call, ExecuteLocal) for call in tending.calls)
    assert world.read().alarm is None
    operate(world, control.resume)
    world.worker("w2").tend().to_end()
    assert world.outcome() == Ok(b"[1,1]")
