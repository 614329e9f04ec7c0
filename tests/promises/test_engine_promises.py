"""The promises of the engine, each under its own name."""

from typing import Any

import pytest
from attrs import evolve, frozen

from tests.engine.families import at_home, going_on, grandparent, parent, sender
from tests.engine.faults import FAULTS, Fault, Outsider, Story, killed_after, killed_before, play, reply_lost
from tests.engine.programs import caught, in_branches, in_sequence, raced, told
from tests.engine.world import QUEUE, RUN, World
from yieldflow import Flow, hook, sleep, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.codec.packing import unpack
from yieldflow.core.commands import CallStep
from yieldflow.core.events import AttemptFailed, CommandIssued, CommandResolved, RunFinished
from yieldflow.core.outcome import Err, Ok
from yieldflow.core.run import fold
from yieldflow.engine import control
from yieldflow.engine.requests import Execute, Read, Save
from yieldflow.ports import Done, Head, Mark, Refused


@frozen
class Case:
    program: Any
    sends: tuple[int, ...] = ()
    outside: tuple[Outsider, ...] = ()

    def play(self, faults: dict[int, Fault] | None = None) -> Story:
        return play(self.program(), faults, sends=self.sends, outside=self.outside)


CASES = (
    *(Case(program) for program in (in_sequence, in_branches, caught, raced)),
    Case(told, sends=(1, 2)),
    Case(parent),
    Case(sender),
    Case(going_on, sends=(1, 2)),
    Case(at_home),
    Case(grandparent, outside=(lambda t: control.terminate(t, None),)),
)
programs = pytest.mark.parametrize("case", CASES, ids=lambda case: case.program.fn.__name__)


@workflow
def patient() -> Flow[int]:
    yield sleep("1h")
    return (yield hook("answer", int, timeout="1d", default=0))


# --- 1. A second tend has nothing to say -----------------------------------------------------------------------


@programs
def test_a_second_tend_has_nothing_to_say(case):
    world = case.play().world
    before = len(world.saved)
    other = world.worker("other").tend()
    other.to_end()
    assert [type(call) for call in other.calls] == [Read]
    assert world.saved[before:] == []


def test_a_second_tend_has_nothing_to_say_while_a_run_waits():
    world = World()
    world.start(patient())
    for pause in (0, 3_600_000):
        world.clock.at += pause
        worker = world.worker("w1")
        worker.tend().to_end()
        log = world.read()
        again = worker.tend()
        assert again.to_end().state == "waiting"
        assert [type(call) for call in again.calls] == [Read]
        for name in ("w2", "w3"):  # these must replay it, and take back that they do
            other = world.worker(name).tend()
            assert other.to_end().state == "waiting"
            assert [type(call) for call in other.calls] == [Read, Save]
        assert world.read() == log


# --- 4. Only the core writes history ------------------------------------------------------------------------------


@programs
def test_only_the_core_writes_history(case):
    """What a tender concludes from a log may follow it, also where the store refuses it; and so may all reports."""
    for number in range(case.play().calls):
        world = case.play({number: reply_lost}).world
        logs = {run_id: world.events(run_id) for run_id in world.runs}
        for log in logs.values():
            assert fold(log).ended is not None
        for _, commit, _ in world.saved:
            match commit.on:
                case Head(at=Mark(length=length)):
                    fold([*logs[commit.run_id][:length], *map(unpack, commit.events)])


def yields_a_number() -> Flow[int]:
    yield sleep("1h")
    try:
        yield 42
    except Exception:
        yield sleep("1s")  # the program never sees it
    return 1


def returns_what_is_no_value() -> Flow[object]:
    yield sleep("1h")
    return object()


def asks_something_else() -> Flow[int]:
    yield sleep("2h")
    return 1


def with_code(fn: Any) -> Registry:
    registry = Registry()
    registry.add_workflow(evolve(patient.definition, fn=fn))
    return registry


BROKEN = {
    "yields a number": with_code(yields_a_number),
    "returns what is no value": with_code(returns_what_is_no_value),
    "asks something else": with_code(asks_something_else),
    "has no code": Registry(),
}


@pytest.mark.parametrize("registry", BROKEN.values(), ids=BROKEN)
def test_a_code_error_is_never_committed(registry):
    """That the sleep is over is a fact, whoever writes it; nothing else is written until the code is mended."""
    world = World()
    world.start(patient())
    world.worker("w1").tend().to_end()
    before = world.events()
    world.clock.at += 3_600_000
    for _ in range(3):
        assert world.worker("broken", registry=registry).tend().to_end().state == "blocked"
        new = world.events()[len(before) :]
        assert [type(event) for event in new] in ([], [CommandResolved])
    world.send("answer", 5)
    world.worker("mended").tend().to_end()
    assert world.outcome() == Ok(b"5")


# --- 5. A crash is a pause ----------------------------------------------------------------------------------------


@programs
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_crash_is_a_pause(case, fault):
    """At every single call once, also between runs; the recovery by another worker, told by alarms alone."""
    quiet = case.play()
    for number in range(quiet.calls):
        story = case.play({number: fault})
        assert story.ending == quiet.ending, f"at call {number}"
        assert endings(story) == endings(quiet), f"at call {number}"
        story.relations.have_ended()


def endings(story):
    """A lost worker shows in the number of attempts, which a failure tells."""
    found = {run_id: story.world.outcome(run_id) for run_id in story.world.runs}
    return {run_id: (end.failure.names if isinstance(end, Err) else end) for run_id, end in found.items()}


def test_two_crashes_are_two_pauses():
    quiet = play(in_sequence())
    for first in range(quiet.calls):
        for second in range(first + 1, quiet.calls + 4):
            for fault in (killed_after, reply_lost):
                assert play(in_sequence(), {first: killed_before, second: fault}).ending == quiet.ending


# --- 6. Whoever is owed something has an alarm: looked at after every call of `play`, and by the simulation ----------


def test_whoever_is_owed_something_has_an_alarm():
    world = World()
    world.start(patient())
    assert world.read().alarm == world.clock.at + 2_000
    world.worker("w1").tend().to_end()
    assert world.read().alarm == world.clock.at + 3_600_000
    world.send("answer", 5)
    assert world.read().alarm == world.clock.at + 2_000
    world.clock.at += 3_600_000
    world.worker("w1").tend().to_end()
    assert world.outcome() == Ok(b"5")
    assert world.read().alarm is None


# --- 7. Committed once ---------------------------------------------------------------------------------------------


@programs
def test_committed_once(case):
    quiet = case.play()
    for number in range(quiet.calls):
        story = case.play({number: killed_after})
        for run_id in story.world.runs:
            events = story.world.events(run_id)
            resolved = [event.path for event in events if isinstance(event, CommandResolved)]
            assert len(resolved) == len(set(resolved))
            assert sum(isinstance(event, RunFinished) for event in events) == 1
            begun = {path for path, _, _ in story.world.bodies}
            steps = {event.path for event in events if isinstance(event, CommandIssued) and is_queued(event.command)}
            assert {event.path for event in events if isinstance(event, CommandResolved)} & steps <= begun


def is_queued(command):
    return isinstance(command, CallStep) and not command.options.local


def test_a_stale_workers_late_result_is_refused():
    world = World(lambda request: 1 if request.claim.worker == "zombie" else 9)
    world.start(raced())
    zombie = world.worker("zombie").tend()
    zombie.until(Execute)
    world.clock.at += 10_000
    world.worker("w2").tend().to_end()
    before = world.events()
    zombie.until(Save)
    zombie.perform()
    assert not isinstance(world.saved[-1][2], Done)  # the speculation
    zombie.until(Save)
    zombie.perform()
    assert isinstance(world.saved[-1][2], Refused)  # the plain report
    assert world.events() == before
    lost = [event for event in before if isinstance(event, AttemptFailed)]
    assert [(event.path, event.reason, event.worker) for event in lost] == [((1, 1, 1), "lost", "zombie")]


def test_bodies_run_at_least_once_and_a_result_that_was_acknowledged_stays():
    world = World()
    world.start(in_sequence(), run_id=RUN)
    tending = world.worker("w1", QUEUE).tend()
    tending.until(Execute, 2)
    acknowledged = world.events()
    tending.kill()
    world.clock.at += 10_000
    world.worker("w2").tend().to_end()
    assert world.events()[: len(acknowledged)] == acknowledged
    assert [path for path, _, _ in world.bodies] == [(1,), (2,), (2,), (3,)]
