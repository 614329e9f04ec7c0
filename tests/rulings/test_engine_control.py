"""Rulings 28 and 29: pauses, and ends that nobody asked the program for."""

from tests.engine.lines import words
from tests.engine.world import CODEC, RUN, World
from yieldflow import Flow, gather, hook, now, sleep, step, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.core.events import HookReceived
from yieldflow.core.outcome import Cancelled, Err, Ok
from yieldflow.engine import control
from yieldflow.engine.requests import Execute, Save
from yieldflow.errors import RunEnded
from yieldflow.ports import Beat, Free, Refused

LEASE = 10_000


@step(retry=1)
def work(n: int) -> int:
    return n


@step(retry=1, queue="gpu")
def render(n: int) -> int:
    return n


@workflow
def asked() -> Flow[list[int]]:
    first = yield hook("answer", int)
    yield sleep("5s")
    return [first, (yield work(1))]


@workflow
def rendered() -> Flow[int]:
    yield hook("answer", int)
    yield gather(render(1), work(2))
    return 1


@workflow
def timed() -> Flow[str]:
    yield hook("answer", int)
    return (yield now()).isoformat()


@workflow
def working() -> Flow[int]:
    return (yield work(1))


@workflow
def fails() -> Flow[int]:
    yield from gather(work(1))
    raise ValueError("at its end")


@workflow
def child_of_mine() -> Flow[int]:
    return (yield working())


def paused(call):
    world = World()
    world.start(call)
    world.worker("w1").tend().to_end()
    operate(world, lambda t: control.pause(t, "lunch"))
    world.hints.clear()
    return world


def operate(world, asking):
    return world.worker("operator").ask(asking).to_end()


# --- 28 --------------------------------------------------------------------------------------------------------------


def test_28_what_happens_meanwhile_is_kept_and_told_when_the_run_goes_on():
    world = paused(asked())
    assert world.read().summary.status == "paused"
    world.send("answer", 7)
    worker = world.worker("w2")
    for _ in range(2):
        worker.tend().to_end()
        assert words(world)[2:] == ["paused", "received answer"]
    assert world.read().alarm is None
    operate(world, control.resume)
    assert world.read().summary.status == "running"
    worker.tend().to_end()
    assert words(world)[4:] == ["resumed", "issued 2", "taken 1"]


def test_28_no_timer_fires_and_nobody_rings():
    world = World()
    world.start(asked())
    world.send("answer", 7)
    worker = world.worker("w1")
    worker.tend().to_end()
    operate(world, lambda t: control.pause(t, None))
    worker.tend().to_end()
    world.clock.at += 60_000
    assert world.ring() == 0
    worker.tend().to_end()
    assert words(world)[-1] == "paused"
    operate(world, control.resume)
    worker.tend().to_end()
    assert world.outcome() == Ok(b"[7,1]")


def test_28_the_time_of_the_run_is_that_of_its_going_on():
    world = paused(timed())
    world.send("answer", 1)
    world.clock.at += 3_600_000
    operate(world, control.resume)
    world.worker("w1").tend().to_end()
    (told,) = CODEC.decode(b"[" + world.outcome().value + b"]", list[str])
    assert told.startswith("2023-11-14T23:13:20")  # an hour after the payload


def test_28_bodies_that_run_end_and_report_and_no_other_begins():
    world = World()
    world.start(rendered())
    world.send("answer", 1)
    own = world.worker("w1").tend()
    own.until(Execute)
    operate(world, lambda t: control.pause(t, None))
    gpu = world.worker("gpu", "gpu").tend()
    gpu.to_end()
    other = world.worker("w2").tend()
    other.to_end()
    own.to_end()
    assert world.bodies == [((2, 2), 1, "w1")]
    assert words(world)[-2:] == ["paused", "resolved 2.2"]
    operate(world, control.resume)
    world.worker("gpu", "gpu").tend().to_end()
    world.worker("w2").tend().to_end()
    assert world.outcome() == Ok(b"1")


def test_28_a_worker_that_dies_in_a_pause_leaves_its_work_to_those_after_it():
    world = World()
    world.start(working())
    dead = world.worker("w1").tend()
    dead.until(Execute)
    operate(world, lambda t: control.pause(t, None))
    dead.kill()
    world.clock.at += LEASE
    assert world.ring() == 1
    world.worker("w2").tend().to_end()
    assert words(world)[-1] == "lost 1"
    assert len(world.bodies) == 1
    assert world.read().alarm is None  # and the pause goes on
    operate(world, control.resume)
    world.worker("w2").tend().to_end()
    assert world.outcome() == Ok(b"1")


def test_28_work_that_is_given_back_in_a_pause_rings_nobody():
    world = World()
    world.start(working())
    stopping = world.worker("w1").tend()
    claim = stopping.until(Execute).claim
    other = world.worker("w2")
    other.tend().to_end()
    operate(world, lambda t: control.pause(t, None))
    world.store.release(RUN, claim.path, claim.token)
    for _ in range(2):  # the second time it remembers the run
        other.tend().to_end()
    assert world.read().alarm is None
    world.store._runs[RUN].base = world.clock.at + 1  # somebody appended, and could not decide
    world.store._runs[RUN].set_alarm()
    other.tend().to_end()
    assert world.read().alarm is None


def test_28_a_claim_that_was_given_before_the_pause_is_given_back_unless_its_body_runs():
    world = World()
    world.start(working())
    late = world.worker("w1").tend()
    late.until(Save)
    late.lose_reply(applied=True)  # it has the claim, and has to look to know of it
    operate(world, lambda t: control.pause(t, None))
    late.to_end()
    assert world.bodies == []
    (entry,) = world.store.work(RUN)
    assert isinstance(entry, Free)
    operate(world, control.resume)
    world.worker("w2").tend().to_end()
    assert world.outcome() == Ok(b"1")


def test_28_a_cancellation_makes_a_paused_run_go_on():
    world = paused(asked())
    world.cancel()
    world.worker("w1").tend().to_end()
    assert words(world)[2:] == ["paused", "cancel", "abandoned 1", "finished Cancelled"]


def test_28_pausing_what_is_paused_and_resuming_what_is_not_append_nothing():
    world = paused(asked())
    operate(world, lambda t: control.pause(t, None))
    assert words(world) == ["started", "issued 1", "paused"]
    operate(world, control.resume)
    operate(world, control.resume)
    assert words(world) == ["started", "issued 1", "paused", "resumed"]


def test_a_run_that_goes_on_is_due_at_once_though_no_hint_reaches_who_works():
    world = paused(asked())
    operate(world, control.resume)
    assert world.store.next_alarm() == (world.clock.at, world.clock.at)
    failing = World()
    failing.start(fails())
    failing.worker("w1").tend().to_end()
    operate(failing, control.retry)
    assert failing.store.next_alarm() == (failing.clock.at, failing.clock.at)


def test_28_a_pause_waits_for_its_place_among_those_who_write():
    world = World()
    world.start(asked())
    operator = world.worker("operator").ask(lambda t: control.pause(t, None))
    operator.until(Save)
    world.send("answer", 1)
    operator.to_end()
    assert words(world) == ["started", "received answer", "paused"]


def test_28_code_that_cannot_go_on_does_not_end_a_pause():
    world = paused(rendered())
    world.worker("old", registry=Registry()).tend().to_end()
    summary = world.read().summary
    assert summary.status == "paused"
    assert summary.note is not None
    operate(world, control.resume)
    assert world.read().summary.note is None


def test_28_a_payload_of_a_paused_run_that_is_terminated_stays_unread():
    world = paused(asked())
    world.send("answer", 1)
    operate(world, lambda t: control.terminate(t, None))
    assert any(isinstance(event, HookReceived) for event in world.events())
    assert world.send("answer", 1) == Refused("ended", world.clock.at)


# --- 29 --------------------------------------------------------------------------------------------------------------


def test_29_a_terminated_run_is_not_asked():
    world = World()
    world.start(asked())
    world.worker("w1").tend().to_end()
    operate(world, lambda t: control.terminate(t, "enough"))
    assert words(world) == ["started", "issued 1", "finished Cancelled"]
    assert world.outcome() == Cancelled("enough", forced=True)
    log = world.read()
    assert (log.summary.status, log.alarm, log.entries) == ("cancelled", None, 0)
    assert isinstance(operate(world, lambda t: control.terminate(t, None)), RunEnded)


def test_29_a_body_that_runs_meanwhile_reports_to_nobody():
    world = World()
    world.start(working())
    slow = world.worker("w1").tend()
    claim = slow.until(Execute).claim
    operate(world, lambda t: control.terminate(t, None))
    assert world.store.renew([Beat(RUN, claim.path, claim.token)]) == (None,)
    assert slow.to_end().state == "ended"
    assert words(world)[-1] == "finished Cancelled"


def test_29_a_terminated_child_tells_its_parent():
    world = World()
    world.start(child_of_mine())
    worker = world.worker("w1")
    worker.tend().to_end()
    world.worker("operator").ask(lambda t: control.terminate(t, "enough"), "run~1.1").to_end()
    assert words(world)[-1] == "cancelled 1"
    worker.tend().to_end()
    assert world.outcome().failure.names[0].endswith(":RunCancelled")


def test_29_past_its_deadline_a_run_is_cancelled_and_has_failed():
    world = World()
    world.start(asked(), timeout=30_000)
    worker = world.worker("w1")
    worker.tend().to_end()
    assert world.read().alarm == world.clock.at + 30_000
    world.clock.at += 30_000
    assert world.ring() == 1
    worker.tend().to_end()
    assert words(world)[2:] == ["cancel", "abandoned 1", "finished Err"]
    outcome = world.outcome()
    assert isinstance(outcome, Err)
    assert outcome.failure.names[0].endswith(":RunTimeout")
    assert world.read().summary.status == "failed"


def test_29_a_paused_run_has_no_deadline_until_it_goes_on():
    world = World()
    world.start(asked(), timeout=30_000)
    worker = world.worker("w1")
    worker.tend().to_end()
    operate(world, lambda t: control.pause(t, None))
    world.clock.at += 60_000
    assert world.ring() == 0
    operate(world, control.resume)
    worker.tend().to_end()
    assert words(world)[-1] == "finished Err"


def test_29_a_terminate_whose_reply_is_lost_has_ended_the_run():
    world = World()
    world.start(asked())
    operator = world.worker("operator").ask(lambda t: control.terminate(t, "enough"))
    operator.until(Save)
    operator.lose_reply(applied=True)
    operator.to_end()
    assert world.outcome() == Cancelled("enough", forced=True)
