"""One run, one worker at a time, and exactly one fault at a call that is named by its number."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from tests.engine.invariants import Watch
from tests.engine.programs import told
from tests.engine.world import CODEC, QUEUE, Flight, World
from yieldflow import WorkflowCall
from yieldflow.core.outcome import Ending
from yieldflow.engine.requests import Execute, Offer

Fault = Callable[[Flight], None]
ROUNDS = 200


def killed_before(flight: Flight) -> None:
    flight.kill()


def killed_after(flight: Flight) -> None:
    flight.kill(performed=True)


def unreachable(flight: Flight) -> None:
    flight.fail() if _asks_the_store(flight) else flight.perform()


def reply_lost(flight: Flight) -> None:
    flight.lose_reply(applied=True) if _asks_the_store(flight) else flight.perform()


def request_lost(flight: Flight) -> None:
    flight.lose_reply(applied=False) if _asks_the_store(flight) else flight.perform()


FAULTS = (killed_before, killed_after, unreachable, reply_lost, request_lost)


def _asks_the_store(flight: Flight) -> bool:
    return not isinstance(flight.request, Execute | Offer)


@frozen
class Story:
    """How a run went: its end, how many calls that took, and the bodies that began."""

    ending: Ending
    calls: int
    world: World


def play(call: WorkflowCall[object], faults: dict[int, Fault] | None = None) -> Story:
    """Alarms alone bring a worker back: all hints are lost."""
    world = World(script)
    watch = Watch(world)
    world.start(call)
    if call.definition is told.definition:
        world.send("size", 1)
        world.send("size", 2)
    calls, worker = 0, world.worker("w0", QUEUE, "gpu")
    for _ in range(ROUNDS):
        flight = worker.tend()
        while flight.request is not None:
            fault = (faults or {}).get(calls)
            flight.perform() if fault is None else fault(flight)
            calls += 1
            watch.look([worker.tools.cache])
        if worker.name in world.dead:
            worker = world.worker(f"w{calls}", QUEUE, "gpu")
        ending = world.outcome()
        if ending is not None:
            return Story(ending, calls, world)
        alarm, now = world.store.next_alarm()
        assert alarm is not None
        world.clock.at = max(now, alarm)
        world.ring()
    raise AssertionError("it does not come to an end")


def script(request: Execute) -> object:
    """By the arguments and the number of the try, so that a lost worker makes no difference."""
    label = CODEC.decode_arguments(request.call.arguments, request.step.parameters).args[0]
    work = request.claim.work
    if label == 7 or (label in (2, 3) and work.attempt - work.losses == 1):
        return ValueError(f"{label} is refused")
    return label
