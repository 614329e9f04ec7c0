"""Some runs, one worker at a time, and a fault at each call that is named by its number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field, frozen

from tests.engine.relations import Relations
from tests.engine.world import CODEC, QUEUE, RUN, Actor, Flight, World
from yieldflow import WorkflowCall
from yieldflow.core.outcome import Ending
from yieldflow.engine.requests import Execute, ExecuteLocal, Offer, Request
from yieldflow.engine.state import Asking, Tending

Fault = Callable[[Flight], None]
Outsider = Callable[[Tending], Asking[Any]]
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
    return not isinstance(flight.request, Execute | ExecuteLocal | Offer)


@frozen
class Story:
    """How a run went: its end, the calls that took, and what else came of it."""

    ending: Ending
    requests: tuple[type[Request], ...]
    world: World
    relations: Relations | None  # None: nobody watched

    @property
    def calls(self) -> int:
        return len(self.requests)


def play(
    call: WorkflowCall[object],
    faults: dict[int, Fault] | None = None,
    *,
    sends: Sequence[int] = (),
    outside: Sequence[Outsider] = (),
    watched: bool = True,
) -> Story:
    """Alarms alone bring a worker back: all hints are lost. When nobody rings any more, those *outside* ask what they
    want, each until it is done. *watched*: the invariants are looked at after every call.
    """
    world = World(script)
    stage = Stage(world, faults or {}, Relations(world) if watched else None)
    world.start(call)
    for payload in sends:
        world.send("size", payload)
    stage.tend(RUN)
    asking = [*outside]
    for _ in range(ROUNDS):
        alarm, now = world.store.next_alarm()
        if alarm is None and asking:
            stage.insist(asking.pop(0))
            continue
        if alarm is None:
            ending = world.outcome(world.store.newest(RUN))
            assert ending is not None, "it does not come to an end"
            return Story(ending, tuple(stage.requests), world, stage.relations)
        world.clock.at = max(now, alarm)
        for due in world.store.due(10):
            stage.tend(due.run_id)
    raise AssertionError("it does not come to an end")


@define
class Stage:
    """One worker at a time, and a fault at some of its calls."""

    world: World
    faults: dict[int, Fault]
    relations: Relations | None
    worker: Actor = field(init=False)
    requests: list[type[Request]] = field(factory=list)  # the kinds of all calls so far

    def __attrs_post_init__(self) -> None:
        self.worker = self.world.worker("w0", QUEUE, "gpu")

    def tend(self, run_id: str) -> None:
        self._fly(self.worker.tend(run_id))

    def insist(self, asking: Outsider) -> None:
        for _ in range(3):
            flight = self.worker.ask(asking)
            self._fly(flight)
            if flight.answered:
                return
        raise AssertionError("nobody answers")

    def _fly(self, flight: Flight) -> None:
        while flight.request is not None:
            fault = self.faults.get(len(self.requests))
            self.requests.append(type(flight.request))
            flight.perform() if fault is None else fault(flight)
            if self.relations is not None:
                self.relations.look([self.worker.tools.cache])
        if self.worker.name in self.world.dead:
            self.worker = self.world.worker(f"w{len(self.requests)}", QUEUE, "gpu")


def script(request: Execute | ExecuteLocal) -> object:
    """By the arguments and the number of the try, so that a lost worker makes no difference."""
    label = CODEC.decode_arguments(request.call.arguments, request.step.parameters).args[0]
    if isinstance(request, ExecuteLocal):
        return ValueError(f"{label} is refused") if label == 7 else label
    work = request.claim.work
    if label == 7 or (label in (2, 3) and work.attempt - work.losses == 1):
        return ValueError(f"{label} is refused")
    return label
