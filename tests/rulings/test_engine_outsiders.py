"""Rulings 5, 34 and 42: what comes from outside, and the order of what happens."""

import pytest
from attrs import evolve, frozen

from tests.engine.lines import event_word, words
from tests.engine.world import CODEC, RUN, World
from yieldflow import Flow, RunExists, gather, hook, race, sleep, step, workflow
from yieldflow.codec.packing import unpack
from yieldflow.core.outcome import Ok
from yieldflow.engine.outside import expect_same
from yieldflow.engine.requests import Execute, Save
from yieldflow.ports import Beat, Conflict, Done, Head, Holding, Open, Refused


@step(retry=1)
def work(n: int) -> int:
    return n


@workflow
def asked() -> Flow[int]:
    first = yield hook("answer", int)
    return first + (yield hook("answer", int))


@workflow
def contest() -> Flow[int]:
    index, _ = yield race(work(1), sleep("30s"))
    return index


@workflow
def clocks() -> Flow[list[int]]:
    order: list[int] = []
    yield gather(*[late(order, n, 3 if n == 10 else 5) for n in range(1, 12)])
    return order


def late(order: list[int], n: int, seconds: int) -> Flow[None]:
    yield sleep(seconds)
    order.append(n)


@workflow
def ordered(name: str, count: int = 1) -> Flow[str]:
    yield work(count)
    return name


@frozen
class Parcel:
    name: str
    weight: int = 1


@workflow
def shipped(parcel: Parcel) -> Flow[int]:
    return (yield work(parcel.weight))


# --- 5 ----------------------------------------------------------------------------------------------------------------


def test_5_a_delivery_that_is_sent_again_counts_once_and_answers_its_position():
    world = World()
    world.start(asked())
    assert world.send("answer", 1, key="k").head.length == 2
    assert world.send("answer", 1, key="k") == Refused("twice", world.clock.at, position=2)
    world.worker("w1").tend().to_end()
    assert words(world).count("received answer") == 1
    assert world.outcome() is None


def test_5_a_second_cancellation_appends_nothing():
    world = World()
    world.start(asked())
    world.cancel()
    assert isinstance(world.cancel(), Refused)
    assert words(world) == ["started", "cancel"]
    world.fold()


def test_5_a_run_that_has_ended_or_is_gone_takes_nothing():
    world = World()
    world.start(asked())
    assert world.store.read("another") is None
    world.send("answer", 1)
    world.send("answer", 2)
    world.worker("w1").tend().to_end()
    before = world.events()
    assert world.send("answer", 3) == Refused("ended", world.clock.at)
    assert world.cancel() == Refused("ended", world.clock.at)
    assert world.events() == before
    world.store.delete(RUN)
    assert world.send("answer", 3) == Refused("unknown", world.clock.at)
    assert world.store.read(RUN) is None


def test_5_every_commit_has_one_of_three_conditions():
    world = World()
    world.start(ordered("a"))
    world.worker("w1").tend().to_end()
    assert {type(commit.on) for _, commit, _ in world.saved} <= {Head, Holding, Open}
    heads = [commit.on.at for _, commit, _ in world.saved if isinstance(commit.on, Head)]
    assert None not in heads  # only a start has no log to stand on


def test_5_a_full_inbox_takes_no_more_until_it_is_read():
    world = World()
    world.start(asked())
    assert isinstance(world.send("other", 1, inbox=1), Done)
    assert world.send("answer", 1, inbox=1) == Refused("inbox", world.clock.at)
    assert isinstance(world.send("answer", 1, inbox=2), Done)
    world.worker("w1").tend().to_end()  # takes one of the two
    assert world.send("answer", 2, inbox=1) == Refused("inbox", world.clock.at)
    assert isinstance(world.send("answer", 2, inbox=2), Done)


# --- 34 ---------------------------------------------------------------------------------------------------------------


def test_34_a_report_that_comes_late_beats_a_sleep_that_nobody_has_rung():
    world = World()
    world.start(contest())
    slow = world.worker("w1").tend()
    claim = slow.until(Execute).claim
    world.clock.at += 45_000
    assert claim.path == (1, 1)
    slow.to_end()
    assert world.outcome() == Ok(b"0")


def test_34_a_sleep_that_is_rung_first_wins():
    world = World()
    world.start(contest())
    slow = world.worker("w1").tend()
    slow.until(Execute)
    world.clock.at += 29_000
    world.store.renew([_beat(slow)])
    world.clock.at += 1_000
    world.worker("w2").tend().to_end()
    slow.to_end()
    assert world.outcome() == Ok(b"1")


def test_34_timers_that_are_due_together_come_by_their_ends_then_by_their_paths_as_numbers():
    world = World()
    world.start(clocks())
    world.worker("w1").tend().to_end()
    world.clock.at += 60_000
    world.worker("w1").tend().to_end()
    assert world.outcome() == Ok(b"[10,1,2,3,4,5,6,7,8,9,11]")
    resolved = [event.path for event in world.events() if event_word(event).startswith("resolved")]
    assert resolved[0] == (1, 10, 1)
    assert resolved[1:] == sorted(resolved[1:])


# --- 42 ---------------------------------------------------------------------------------------------------------------


def test_42_a_start_with_a_default_that_was_added_since_is_the_same_start():
    world = World()
    world.start(shipped(Parcel("a")))
    again = world.start(shipped(Parcel("a", 1)))
    assert isinstance(again, Conflict)
    existing = unpack(again.tail[0])
    expect_same(existing, shipped(Parcel("a")), CODEC)
    older = evolve(existing, arguments=b'[[{"name":"a"}],{}]')
    expect_same(older, shipped(Parcel("a")), CODEC)
    with pytest.raises(RunExists):
        expect_same(older, shipped(Parcel("a", 2)), CODEC)


@pytest.mark.parametrize("call", [ordered("b"), ordered("a", 2), asked()])
def test_42_a_start_with_something_else_is_refused(call):
    world = World()
    world.start(ordered("a"))
    with pytest.raises(RunExists):
        expect_same(unpack(world.start(call).tail[0]), call, CODEC)


def test_42_a_run_that_has_ended_is_found_again_and_a_deleted_id_is_free():
    world = World()
    world.start(ordered("a"))
    world.worker("w1").tend().to_end()
    assert isinstance(world.start(ordered("a")), Conflict)
    world.store.delete(RUN)
    assert isinstance(world.start(ordered("b")), Done)


def _beat(flight):
    assert not isinstance(flight.request, Save)
    return Beat(RUN, flight.request.claim.path, flight.request.claim.token)
