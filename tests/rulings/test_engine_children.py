"""Rulings 13, 35 and 65: what runs owe to each other, and whose child a run is."""

import pytest

from tests.engine.lines import words
from tests.engine.world import QUEUE, RUN, World
from yieldflow import Flow, RunExists, detach, gather, hook, race, send, sleep, step, workflow
from yieldflow.codec.packing import unpack
from yieldflow.core.events import HookReceived, Parent
from yieldflow.core.outcome import Cancelled, Err, Ok
from yieldflow.engine import control
from yieldflow.engine.requests import Execute, Offer, Save
from yieldflow.ports import NEVER, Conflict, Done, Free, Holding, Open, Refused

CHILD = "run~1.1"
RACED = "run~1.1.1"


@step(retry=1)
def work(n: int) -> int:
    return n


@workflow
def kid(n: int) -> Flow[int]:
    return (yield work(n))


@workflow
def patient() -> Flow[int]:
    return (yield hook("answer", int))


@workflow
def one() -> Flow[int]:
    return (yield kid(1))


@workflow
def impatient() -> Flow[int]:
    index, _ = yield race(patient(), sleep("5s"))
    return index


@workflow
def unbound() -> Flow[int]:
    index, _ = yield race(patient().options(on_parent_close="abandon"), sleep("5s"))
    return index


@workflow
def named(run_id: str) -> Flow[str]:
    try:
        return str((yield kid(1).options(run_id=run_id)))
    except RunExists as error:
        return str(error)


@workflow
def named_in_a_race(run_id: str) -> Flow[int]:
    index, _ = yield race(patient().options(run_id=run_id), sleep("5s"))
    return index


@workflow
def sent(run_id: str) -> Flow[int]:
    return (yield send(run_id, "answer", 5))


@workflow
def both() -> Flow[tuple[int, int]]:
    return (yield gather(patient(), patient()))


@workflow
def apart() -> Flow[str]:
    return (yield detach(kid(1)))


def settle(world, worker=None):
    """Follow all hints, then all alarms, until nobody rings."""
    worker = worker or world.worker("settler")
    for _ in range(100):
        while world.hints:
            run_id, _ = world.hints.pop(0)
            worker.tend(run_id).to_end()
        alarm, now = world.store.next_alarm()
        if alarm is None:
            return
        world.clock.at = max(now, alarm)
        world.ring()
    raise AssertionError("it goes on for ever")


def child_that_waits(call, child=RACED):
    """A parent whose child has begun to wait for a payload."""
    world = World()
    world.start(call)
    worker = world.worker("w1")
    worker.tend().to_end()
    worker.tend(child).to_end()
    world.hints.clear()
    return world


# --- 13: what is owed is done by whoever comes next ---------------------------------------------------------------


def test_13_a_child_that_runs_is_work_that_nobody_may_claim():
    world = World()
    world.start(one())
    world.worker("w1").tend().to_end()
    (entry,) = world.store.work(RUN)
    assert isinstance(entry, Free)
    assert (entry.not_before, entry.accepts) == (NEVER, f"child:{CHILD}")
    world.clock.at += 1_000_000
    assert world.store.claim(RUN, (QUEUE,), "w2", ("t",)).grants == ()
    assert world.read().alarm is None


def test_13_a_child_that_ended_rings_until_its_parent_was_told():
    world = World()
    world.start(one())
    worker = world.worker("w1")
    worker.tend().to_end()
    child = worker.tend(CHILD)
    while not (isinstance(child.request, Save) and isinstance(child.request.commit.on, Holding)):
        child.perform()
    child.kill()
    assert world.outcome(CHILD) == Ok(b"1")
    assert world.read(CHILD).alarm == world.clock.at + 2_000
    assert world.outcome() is None
    settle(world)
    assert world.outcome() == Ok(b"1")
    assert world.read(CHILD).alarm is None


def test_13_an_end_that_is_reported_twice_counts_once():
    world = World()
    world.start(one())
    worker = world.worker("w1")
    worker.tend().to_end()
    child = worker.tend(CHILD)
    child.until(Execute)
    child.perform()
    child.perform()  # it has ended
    again = world.worker("w2").tend(CHILD)
    again.until(Save)
    child.to_end()
    again.to_end()
    reports = [reply for _, commit, reply in world.saved if isinstance(commit.on, Holding) and commit.events]
    assert [type(reply) for reply in reports] == [Done, Refused]
    assert words(world).count("resolved 1") == 1
    settle(world)
    assert world.outcome() == Ok(b"1")


def test_13_a_report_takes_the_entry_of_the_child_away():
    world = World()
    world.start(one())
    worker = world.worker("w1")
    worker.tend().to_end()
    worker.tend(CHILD).to_end()
    assert world.store.work(RUN) == ()


def test_13_a_report_to_a_parent_whose_table_was_lost_is_made_again():
    world = World()
    world.start(one())
    worker = world.worker("w1")
    worker.tend().to_end()
    world.store._runs[RUN].free.clear()
    worker.tend(CHILD).to_end()
    assert world.read(CHILD).alarm is not None
    assert world.outcome() is None
    settle(world)
    assert world.outcome() == Ok(b"1")


def test_13_a_child_that_is_let_go_stays_open_until_it_has_ended():
    world = child_that_waits(impatient())
    world.clock.at += 5_000
    worker = world.worker("w2")
    worker.tend().to_end()
    assert words(world)[-2:] == ["resolved 1.2", "abandoned 1.1"]
    assert world.fold().open[1, 1].abandoned
    assert world.outcome() is None
    assert words(world, RACED)[-1] == "cancel"
    worker.tend(RACED).to_end()
    worker.tend().to_end()
    assert words(world)[-2:] == ["cancelled 1.1", "finished Ok"]
    assert world.outcome() == Ok(b"1")


def test_13_a_cancel_that_is_owed_survives_whoever_owed_it():
    world = child_that_waits(impatient())
    world.clock.at += 5_000
    dying = world.worker("w2").tend()
    while not (isinstance(dying.request, Save) and isinstance(dying.request.commit.on, Open)):
        dying.perform()
    dying.kill()
    assert "cancel" not in words(world, RACED)
    settle(world)
    assert words(world, RACED).count("cancel") == 1
    assert world.outcome() == Ok(b"1")


def test_13_a_child_that_may_go_on_is_let_go_at_once():
    world = child_that_waits(unbound())
    world.clock.at += 5_000
    settle(world)
    assert world.outcome() == Ok(b"1")
    assert world.outcome(RACED) is None
    assert "cancel" not in words(world, RACED)
    assert world.store.work(RUN) == ()


def test_13_a_payload_is_delivered_once_though_the_sender_died_before_it_knew():
    world = World()
    world.start(patient(), "other")
    world.start(sent("other"))
    dying = world.worker("w1").tend()
    while not (isinstance(dying.request, Save) and isinstance(dying.request.commit.on, Open)):
        dying.perform()
    dying.kill(performed=True)
    settle(world)
    assert [event.key for event in world.events("other") if isinstance(event, HookReceived)] == ["run/1"]
    assert world.outcome() == Ok(b"2")  # its position there
    assert world.outcome("other") == Ok(b"5")


@pytest.mark.parametrize("target", ["nobody", "other"])
def test_13_a_payload_for_a_run_that_is_gone_or_has_ended_is_an_error_at_the_yield(target):
    world = World()
    world.start(kid(1), "other")
    world.worker("w1").tend("other").to_end()
    world.start(sent(target))
    settle(world)
    outcome = world.outcome()
    assert isinstance(outcome, Err)
    assert outcome.failure.names[0].endswith({"nobody": ":UnknownRun", "other": ":RunEnded"}[target])


def test_13_what_is_detached_is_told_nothing_and_tells_nobody():
    world = World()
    world.start(apart())
    worker = world.worker("w1")
    worker.tend().to_end()
    assert world.outcome() == Ok(b'"run~1.1"')
    child = worker.tend(CHILD)
    child.to_end()
    assert world.outcome(CHILD) == Ok(b"1")
    assert not any(isinstance(call, Save) and isinstance(call.commit.on, Holding) for call in child.calls)
    assert world.read(CHILD).alarm is None


def test_13_a_terminated_run_takes_its_children_with_it_whoever_dies_meanwhile():
    world = World()
    world.start(both())
    worker = world.worker("w1")
    worker.tend().to_end()
    dying = world.worker("operator").ask(lambda t: control.terminate(t, "enough"))
    dying.until(Save)
    dying.kill(performed=True)
    assert world.outcome() == Cancelled("enough", forced=True)
    assert world.read().alarm == world.clock.at + 2_000
    settle(world)
    assert [type(world.outcome(f"run~1.1.{branch}")) for branch in (1, 2)] == [Cancelled, Cancelled]
    assert world.read().alarm is None


def test_13_a_child_that_was_about_to_begin_finds_itself_cancelled():
    world = World()
    world.start(one())
    slow = world.worker("w1").tend()
    while not (isinstance(slow.request, Save) and slow.request.commit.run_id == CHILD):
        slow.perform()  # it holds the debt, and has not started the child yet
    world.worker("operator").ask(lambda t: control.terminate(t, None)).to_end()
    slow.to_end()
    settle(world)
    assert isinstance(world.outcome(CHILD), Cancelled)
    assert world.bodies == []


def test_13_the_hint_to_a_parent_goes_to_its_own_queue():
    world = World()
    world.start(one())
    worker = world.worker("w1")
    worker.tend().to_end()
    world.hints.clear()
    child = worker.tend(CHILD)
    child.to_end()
    assert [call for call in child.calls if isinstance(call, Offer)] == [Offer(RUN, QUEUE, 1)]


# --- 35: whose child it is -----------------------------------------------------------------------------------------


def test_35_a_child_that_is_started_twice_is_the_same_start():
    world = World()
    world.start(one())
    first = world.worker("w1").tend()
    while not (isinstance(first.request, Save) and first.request.commit.run_id == CHILD):
        first.perform()
    first.kill(performed=True)
    started = world.events(CHILD)
    world.clock.at += 10_000
    world.worker("w2").tend().to_end()
    again = [(commit, reply) for name, commit, reply in world.saved if name == "w2" and commit.run_id == CHILD]
    ((commit, reply),) = again
    assert isinstance(reply, Conflict)
    assert tuple(map(unpack, commit.events)) == started
    assert started[0].parent == Parent(RUN, (1,))


def test_35_the_generation_is_in_the_id_of_a_child():
    world = World()
    world.start(one())
    world.worker("w1").tend().to_end()
    assert world.runs == [RUN, "run~1.1"]


@pytest.mark.parametrize("call", [kid(1), kid(2), patient()])
def test_35_a_run_that_has_the_id_and_is_nobodys_child_is_an_error_at_the_yield(call):
    world = World()
    world.start(call, "taken")
    world.start(named("taken"))
    settle(world)
    assert "taken" in world.outcome().value.decode()
    assert "is not this command's" in world.outcome().value.decode()


def test_35_an_id_of_ones_own_is_adopted():
    world = World()
    world.start(named("mine"))
    settle(world)
    assert world.outcome() == Ok(b'"1"')
    assert world.events("mine")[0].parent == Parent(RUN, (1,))


def test_35_letting_go_of_a_child_leaves_a_run_alone_that_only_has_its_id():
    """It was let go before it was found out that the id is another's."""
    world = World()
    world.start(patient(), "taken")
    world.worker("w0").tend("taken").to_end()
    world.start(named_in_a_race("taken"))
    early = world.worker("w1").tend()
    early.until(Save, 2)
    early.kill()
    world.clock.at += 30_000
    settle(world)
    assert words(world)[1:5] == ["issued 1.1", "issued 1.2", "resolved 1.2", "abandoned 1.1"]
    assert "cancel" not in words(world, "taken")
    assert world.outcome() == Ok(b"1")
    assert world.outcome("taken") is None


def test_35_a_child_has_its_seed_and_its_times_from_its_parents_log():
    seeds = set()
    for delay in (0, 700):
        world = World()
        world.start(one())
        flight = world.worker("w1").tend()
        flight.until(Save, 2)
        world.clock.at += delay
        flight.to_end()
        (started,) = world.events(CHILD)[:1]
        seeds.add((started.seed, started.at))
    assert len(seeds) == 1


def test_41_a_child_inherits_what_its_parent_was_started_with():
    world = World()
    world.start(one(), inbox=3, lease=4_000)
    world.worker("w1").tend().to_end()
    parent, child = world.events()[0], world.events(CHILD)[0]
    assert (child.limits, child.queue, child.base_url) == (parent.limits, parent.queue, parent.base_url)


# --- 65: pruned -----------------------------------------------------------------------------------------------------


def test_65_a_child_of_a_run_that_is_gone_has_told_it():
    world = World()
    world.start(one())
    worker = world.worker("w1")
    worker.tend().to_end()
    world.store.delete(RUN)
    worker.tend(CHILD).to_end()
    assert world.outcome(CHILD) == Ok(b"1")
    assert world.read(CHILD).alarm is None
    assert RUN not in world.runs
