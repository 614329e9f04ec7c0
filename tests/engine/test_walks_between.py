"""The walks that lead through several runs: a child that is cancelled, two starts at once, generations."""

from typing import Any

import pytest
from attrs import evolve

from tests.engine.lines import lines
from tests.engine.world import CODEC, QUEUE, RUN, World
from yieldflow import Cancelled, Flow, RunExists, continue_as_new, gather, hook, race, step, workflow
from yieldflow.codec.packing import unpack
from yieldflow.core.events import Next, RunStarted
from yieldflow.core.outcome import Cancelled as CancelledOutcome
from yieldflow.core.outcome import Ok
from yieldflow.engine import control
from yieldflow.engine.outside import delivery, expect_same, opening
from yieldflow.engine.reaching import deliver
from yieldflow.engine.requests import Execute, Save
from yieldflow.ports import Conflict, Done, Holding, Open, Refused

LEASE = 10_000


@step(retry=1)
def work(n: int) -> int:
    return n


@workflow
def three() -> Flow[int]:
    yield work(1)
    yield work(2)
    return (yield work(3))


@workflow
def pair() -> Flow[tuple[int, int]]:
    return (yield gather(work(1), work(2)))


def refunded() -> Flow[int]:
    try:
        return (yield work(1))
    except Cancelled:
        yield work(2)
        raise


@workflow
def kid() -> Flow[int]:
    return (yield hook("never", int))


@workflow
def undone_with_a_child() -> Flow[Any]:
    return (yield gather(kid(), refunded()))


KID = "run~1.1.1"


def cancelled_with_a_child():
    """The child waits, the step of the other branch runs; then somebody cancels the run."""
    world = World()
    world.start(undone_with_a_child())
    first = world.worker("w1").tend()
    first.until(Execute)
    child = world.worker("w3")
    child.tend(KID).to_end()
    world.cancel()
    return world, first, child


def test_b6_a_child_and_a_step_begin_in_one_turn():
    _, first, _ = cancelled_with_a_child()
    assert lines(first) == [
        "read",
        "Head(1) [issued 1.1, issued 1.2.1] +1.1 +1.2.1 claim 1.1",
        f"offer {QUEUE} x1",
        "Head(None) [started] alarm 2000",
        f"offer {QUEUE} x1",
        "Holding(1.1) [] +1.1",
        "take",
        "body 1.2.1",
    ]


def test_b6_the_clean_up_and_the_cancelling_are_work_of_the_same_commit():
    world, _, _ = cancelled_with_a_child()
    undoing = world.worker("w2").tend()
    undoing.to_end()
    assert lines(undoing) == [
        "read",
        "Head(4) [issued 1.2.2, abandoned 1.1, abandoned 1.2.1] -1.2.1 +1.2.2 +1.1 claim 1.2.2",
        f"offer {QUEUE} x1",
        "body 1.2.2",
        "Holding(1.2.2) [resolved 1.2.2] -1.2.2",
        "take",
        "Head(None) [started] alarm 2000",  # whose it is: it must be this run's, and exist
        "Open [cancel]",
        "read",
        f"offer {QUEUE} x1",
        "Holding(1.1) [] +1.1",
        "Head(8) []",
    ]
    assert world.read().alarm is None


def test_b6_the_run_has_ended_once_its_child_has():
    world, first, child = cancelled_with_a_child()
    other = world.worker("w2")
    other.tend().to_end()
    ending = child.tend(KID)
    ending.to_end()
    assert lines(ending) == [
        "read",
        "Head(3) [abandoned 1, finished Cancelled] -1 done",
        "Holding(1.1) [cancelled 1.1] -1.1",
        "read",
        f"offer {QUEUE} x1",
        "Head(5) []",
    ]
    joining = other.tend()
    joining.to_end()
    assert lines(joining) == ["read", "Head(9) [finished Cancelled] done"]
    assert (world.read().alarm, world.read(KID).alarm) == (None, None)
    before = world.events()
    first.to_end()  # the body of 1.2.1 has learnt of it by its beat, or now
    assert world.events() == before


def test_b6_a_cancelling_that_is_delivered_twice_counts_once():
    world, _, child = cancelled_with_a_child()
    dying = world.worker("w2").tend()
    while not (isinstance(dying.request, Save) and isinstance(dying.request.commit.on, Open)):
        dying.perform()
    dying.kill(performed=True)
    world.clock.at += LEASE
    again = world.worker("w4").tend()
    again.to_end()
    assert Refused("twice", world.clock.at, position=3) in [reply for _, _, reply in world.saved]
    child.tend(KID).to_end()
    world.worker("w4").tend().to_end()
    assert isinstance(world.outcome(), CancelledOutcome)


def test_b6_a_child_whose_end_was_not_reported_rings():
    world, _, child = cancelled_with_a_child()
    world.worker("w2").tend().to_end()
    dying = child.tend(KID)
    while not isinstance(dying.request, Save) or not isinstance(dying.request.commit.on, Holding):
        dying.perform()
    dying.kill()
    assert world.read(KID).alarm == world.clock.at + 2_000
    world.clock.at += 2_000
    assert world.ring() == 1
    world.worker("w4").tend(KID).to_end()
    world.worker("w4").tend().to_end()
    assert isinstance(world.outcome(), CancelledOutcome)


def test_b6_a_terminated_parent_owes_its_child_the_cancelling_and_counts_as_told():
    world, _, child = cancelled_with_a_child()
    ending = world.worker("operator").ask(lambda t: control.terminate(t, None))
    ending.to_end()
    assert lines(ending) == [
        "read",
        "read",
        "Head(4) [finished Cancelled] done",
        "Head(None) [started] alarm 2000",
        "Open [cancel]",
        "read",
        f"offer {QUEUE} x1",
        "Head(5) []",
    ]
    telling = child.tend(KID)
    telling.to_end()
    assert lines(telling)[-2:] == ["Holding(1.1) [cancelled 1.1] -1.1", "Head(5) []"]
    assert Refused("ended", world.clock.at) in [reply for _, _, reply in world.saved]


def test_b8_two_starts_at_once_are_one_run():
    world = World()
    assert isinstance(world.start(three()), Done)
    second = world.start(three())
    assert isinstance(second, Conflict)
    existing = unpack(second.tail[0])
    assert isinstance(existing, RunStarted)
    expect_same(existing, three(), CODEC)
    with pytest.raises(RunExists):
        expect_same(existing, pair(), CODEC)
    assert world.read().head.length == 1


def test_b8_a_start_whose_reply_was_lost_is_known_by_its_seed_when_it_is_repeated():
    world = World()
    first = world.start(three())
    assert isinstance(first, Done)
    again = world.start(three())
    assert isinstance(again, Conflict)
    mine = unpack(again.tail[0])
    assert isinstance(mine, RunStarted)
    assert mine.seed == world.events()[0].seed
    assert again.head == first.head


def test_b8_a_start_is_compared_with_the_first_generation():
    world = World()
    world.start(generation(1))
    world.worker("w1").tend().to_end()
    second = world.start(generation(1))
    assert isinstance(second, Conflict)
    existing = unpack(second.tail[0])
    assert isinstance(existing, RunStarted)
    expect_same(existing, generation(1), CODEC)
    with pytest.raises(RunExists):
        expect_same(existing, generation(2), CODEC)
    assert world.store.newest(RUN) == "run~2"


def test_b8_who_comes_second_brings_somebody_to_look():
    """The first one may have died: its alarm rings two seconds later in any case."""
    world = World()
    world.start(three())
    world.clock.at += 2_000
    assert world.ring() == 1
    world.worker("w1").tend().to_end()
    assert world.outcome() == Ok(b"1")


@workflow
def generation(number: int) -> Flow[int]:
    yield race(work(number), hook("never", int))
    return (yield from continue_as_new(generation(number + 1)))


LAST, AFTER = "run~3000", "run~3001"


def three_thousand():
    """A run in its generation 3,000, and what it was sent."""
    world = World()
    world.start(generation(1))
    world.worker("w1").tend().to_end()
    second = world.events("run~2")[0]
    assert isinstance(second, RunStarted)
    started = evolve(second, run_id=LAST, arguments=b"[[3000],{}]", cause=Next("run~2999"))
    (reply,) = world.store.commit([opening(started, "c3000")])
    assert isinstance(reply, Done)
    world.send("later", 7, key="mine", run_id=LAST)
    return world


def test_b9_a_generation_starts_the_next_and_then_takes_its_own_alarm_back():
    world = three_thousand()
    tending = world.worker("w2").tend(LAST)
    assert tending.to_end().state == "ended"
    assert lines(tending) == [
        "read",
        "Head(2) [issued 1.1, issued 1.2] +1.1 claim 1.1",
        "body 1.1",
        "Head(4) [resolved 1.1, abandoned 1.2, finished ContinuedAs] -1.1 -1.2 done",
        "Head(None) [started] alarm 2000",
        f"offer {QUEUE} x1",
        "Head(7) []",
    ]
    started = world.events(AFTER)[0]
    assert isinstance(started, RunStarted)
    assert started.at == world.events(LAST)[-1].at
    assert dict(started.inbox) == {"later": (b"7",)}
    assert (started.cause, started.arguments) == (Next(LAST), b"[[3001],{}]")
    assert (world.read(LAST).alarm, world.store.newest(RUN)) == (None, AFTER)


def test_b9_a_send_that_comes_between_starts_the_next_one_itself():
    world = three_thousand()
    dying = world.worker("w2").tend(LAST)
    while world.outcome(LAST) is None:
        dying.perform()
    dying.kill()
    assert world.read(LAST).alarm == world.clock.at + 2_000
    sending = world.worker("client").ask(
        lambda t: deliver(
            t, LAST, lambda run_id, at: delivery(run_id, "d", "never", b"5", key="k", by=None, inbox=9, at=at)
        )
    )
    sending.to_end()
    assert lines(sending) == [
        "Open [received never]",
        f"newest {RUN}",
        "read",  # how it stands: it still owes its successor
        "read",
        "Head(None) [started] alarm 2000",
        f"offer {QUEUE} x1",
        f"newest {RUN}",
        "Open [received never]",
        "read",
        f"offer {QUEUE} x1",
    ]
    world.clock.at += 2_000
    late = world.worker("w3").tend(LAST)
    late.to_end()
    assert lines(late) == ["read", "read", "Head(None) [started] alarm 0", f"offer {QUEUE} x1", "Head(7) []"]
    assert world.read(LAST).alarm is None


def test_b9_a_key_that_is_sent_again_is_found_in_the_chain():
    world = three_thousand()
    world.worker("w2").tend(LAST).to_end()
    assert world.send("later", 7, key="mine", run_id=AFTER) == Refused("twice", world.clock.at, position=0)


def test_b9_pruning_old_generations_leaves_the_chain():
    world = three_thousand()
    world.worker("w2").tend(LAST).to_end()
    world.store.delete("run~2")
    assert world.store.newest(RUN) == AFTER
    assert isinstance(world.start(generation(1)), Conflict)
