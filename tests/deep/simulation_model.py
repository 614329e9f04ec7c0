"""A run as its user knows it, and the engine beside it: whatever rules are played, the two agree.

The model knows no events and no heads: only what was acknowledged to whom, and what plain Python makes of a plan.
"""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from attrs import frozen
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.engine.world import CODEC, QUEUE, RUN, Actor, Flight, World
from yieldflow import Flow, Retry, gather, hook, shield, sleep, step, workflow
from yieldflow.core.events import CommandResolved, HookReceived, RunFinished
from yieldflow.core.outcome import Cancelled, Err, Ok, Taken
from yieldflow.engine import control
from yieldflow.engine.requests import Execute, ExecuteLocal, Offer
from yieldflow.ports import Done, Refused

NEXT = {
    "running": {"running", "paused", "completed", "failed", "cancelled"},
    "paused": {"paused", "running", "completed", "failed", "cancelled"},
    "completed": {"completed"},
    "failed": {"failed", "running"},  # as a new generation, for who retries it
    "cancelled": {"cancelled"},
}
MOST_HELD = 3


@step(retry=Retry(attempts=2, delay="2s", lost=1_000))
def tenfold(n: int) -> int:
    return n * 10


@step(retry=Retry(attempts=1, lost=1_000))
def fragile(n: int) -> int:
    return n * 100


@frozen
class Act:
    """*kind*: work, local, refused (caught), fragile (ends the run, until it is mended), both, shielded, rest, take."""

    kind: str
    n: int


@workflow(name="deep:plan")
def carried_out(plan: list[Act]) -> Flow[list[Any]]:
    answers: list[Any] = []
    for act in plan:
        answers.append((yield from one(act)))
    return answers


def one(act: Act) -> Flow[Any]:
    match act.kind:
        case "work":
            return (yield tenfold(act.n))
        case "local":
            return (yield tenfold(act.n).options(local=True))
        case "refused":
            try:
                return (yield tenfold(-1))
            except ValueError:
                return "refused"
        case "fragile":
            return (yield fragile(act.n))
        case "both":
            return (yield gather(tenfold(act.n), tenfold(act.n + 1)))
        case "shielded":
            return (yield shield(tenfold(act.n)))
        case "rest":
            return (yield sleep(act.n))
        case _:
            return (yield hook("told", int))


def plainly(plan: list[Act], payloads: list[int]) -> list[Any]:
    """What the same plan is without an engine."""
    waiting = iter(payloads)
    said = {
        "work": lambda n: n * 10,
        "local": lambda n: n * 10,
        "refused": lambda _: "refused",
        "fragile": lambda n: n * 100,
        "both": lambda n: (n * 10, n * 10 + 10),
        "shielded": lambda n: n * 10,
        "rest": lambda _: None,
        "take": lambda _: next(waiting),
    }
    return [said[act.kind](act.n) for act in plan]


KINDS = ["work", "local", "refused", "fragile", "both", "shielded", "rest", "take"]
PLANS = st.lists(st.builds(Act, st.sampled_from(KINDS), st.integers(1, 9)), min_size=2, max_size=8)
KILLED = ("killed before", "killed after")
LOST = ("reply lost", "request lost")
FAULTS = st.sampled_from(["none", "none", "held", *KILLED, *LOST, "away"])
PLAYED = {"runs": 0, "tends": 0, "faults": 0}  # by all machines of this process


class Model(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.script)
        self.plan: list[Act] = []
        self.mended = False
        self.held: list[Flight] = []
        self.workers: list[Actor] = []
        self.acknowledged: list[str] = []  # keys of payloads, in the order in which senders were told
        self.unknown: list[str] = []  # of those whose senders were told nothing
        self.ran: set[tuple[int, ...]] = set()  # the paths whose bodies were run
        self.cancelled = self.paused = False
        self.status = "running"
        self.sent = 0

    def script(self, request: Execute | ExecuteLocal) -> object:
        (n,) = CODEC.decode_arguments(request.call.arguments, request.step.parameters).args
        self.ran.add(request.path if isinstance(request, ExecuteLocal) else request.claim.path)
        if n == -1:
            return ValueError("refused")
        if request.step is fragile.definition and not self.mended:
            return ValueError("broken")
        return request.step.fn(n)

    @initialize(plan=PLANS)
    def start(self, plan: list[Act]) -> None:
        PLAYED["runs"] += 1
        self.plan = plan
        self.world.start(carried_out(plan))
        self.workers = [self.world.worker(f"w{n}", QUEUE) for n in range(3)]

    # --- whoever works -----------------------------------------------------------------------------------------------

    @rule(number=st.integers(0, 2), calls=st.integers(0, 7), fault=FAULTS)
    def tend(self, number: int, calls: int, fault: str) -> None:
        self._fly(self.workers[number].tend(self.newest), calls, fault)

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, MOST_HELD), calls=st.integers(0, 7), fault=FAULTS)
    def go_on(self, number: int, calls: int, fault: str) -> None:
        self._fly(self.held.pop(number % len(self.held)), calls, fault)

    def _fly(self, flight: Flight, calls: int, fault: str) -> None:
        PLAYED["tends"] += 1
        while flight.request is not None and (calls > 0 or fault == "none"):
            flight.perform()
            calls -= 1
        if flight.request is None:
            return
        PLAYED["faults"] += 1
        asks = not isinstance(flight.request, Execute | ExecuteLocal | Offer)
        match fault:
            case "killed before" | "killed after":
                flight.kill(performed=fault == "killed after")
                self._replace(flight.actor)
            case "reply lost" | "request lost" if asks:
                flight.lose_reply(applied=fault == "reply lost")
                self._fly(flight, 1_000, "none")
            case "away" if asks:
                flight.fail()
            case _ if len(self.held) < MOST_HELD:
                self.held.append(flight)
            case _:
                self._fly(flight, 1_000, "none")

    def _replace(self, actor: Actor) -> None:
        for flight in [flight for flight in self.held if flight.actor is actor]:
            flight.kill()
            self.held.remove(flight)
        place = self.workers.index(actor)
        self.workers[place] = self.world.worker(f"{actor.name}+", QUEUE)

    @rule(seconds=st.sampled_from([1, 2, 9, 10, 11, 60]))
    def time_goes_by(self, seconds: int) -> None:
        self.world.clock.at += seconds * 1_000

    # --- whoever is outside ------------------------------------------------------------------------------------------

    @rule(lost=st.booleans())
    def send(self, lost: bool) -> None:
        self.sent += 1
        self._send(f"{self.sent}", lost=lost)

    @precondition(lambda self: self.unknown)
    @rule()
    def send_again(self) -> None:
        self._send(self.unknown[0], lost=False)

    def _send(self, key: str, *, lost: bool) -> None:
        reply = self.world.send("told", int(key), key=key, run_id=self.newest)
        if lost:
            self.unknown.append(key)
            return
        if key in self.unknown:
            self.unknown.remove(key)
        match reply:
            case Done() | Refused("twice"):
                self.acknowledged.append(key)
            case _:
                assert self.ended, f"{reply} for a run that lives"

    @precondition(lambda self: not self.cancelled)
    @rule()
    def cancel(self) -> None:
        self.cancelled = isinstance(self.world.cancel(run_id=self.newest), Done)
        self.paused = self.paused and not self.cancelled

    @precondition(lambda self: not self.ended)
    @rule()
    def pause(self) -> None:
        self.workers[0].ask(lambda t: control.pause(t, None)).to_end()
        self.paused = True

    @precondition(lambda self: not self.ended)
    @rule()
    def resume(self) -> None:
        self.workers[0].ask(control.resume).to_end()
        self.paused = False

    @precondition(lambda self: self.status == "failed")
    @rule()
    def retry(self) -> None:
        self.mended = True
        self.workers[0].ask(control.retry).to_end()
        self.cancelled = False  # it was the former generation's

    # --- what is seen ------------------------------------------------------------------------------------------------

    @property
    def newest(self) -> str:
        return self.world.store.newest(RUN)

    @property
    def ended(self) -> bool:
        return self.world.read(self.newest).summary.finished_at is not None

    @invariant()
    def the_status_is_one_that_may_follow(self) -> None:
        if not self.plan:
            return
        status = self.world.read(self.newest).summary.status
        assert status in NEXT[self.status], f"{status} after {self.status}"
        if not self.ended and not self.cancelled:  # which also resumes, and is listed once somebody has seen it
            assert self.paused == (status == "paused")
        self.status = status

    @invariant()
    def everything_happens_once(self) -> None:
        for run_id in self.world.runs:
            events = self.world.events(run_id)
            paths = [event.path for event in events if isinstance(event, CommandResolved)]
            assert len(paths) == len({*paths}), "a path has two outcomes"
            assert [type(event) for event in events].count(RunFinished) <= 1
            keys = [event.key for event in events if isinstance(event, HookReceived)]
            assert len(keys) == len({*keys}), "a payload was delivered twice"
            worked = [event for event in events if isinstance(event, CommandResolved) and event.started_at is not None]
            assert {event.path for event in worked} <= self.ran, "an outcome of a body that never ran"
            taken = [event.outcome for event in events if isinstance(event, CommandResolved)]
            positions = [outcome.position for outcome in taken if isinstance(outcome, Taken)]
            assert positions == sorted(positions), "payloads are not taken in their order"

    @invariant()
    def what_was_acknowledged_is_there(self) -> None:
        if self.plan:
            kept = {event.key for event in self.world.events(self.newest) if isinstance(event, HookReceived)}
            assert {*self.acknowledged} <= kept <= {*self.acknowledged, *self.unknown}

    @invariant()
    def it_ended_as_plain_python_does(self) -> None:
        if not self.plan or not self.ended:
            return
        match self.world.outcome(self.newest):
            case Ok(value):
                events = self.world.events(self.newest)
                payloads = [int(event.payload) for event in events if isinstance(event, HookReceived)]
                decoded = CODEC.decode(value, list[Any])
                assert decoded == plainly(self.plan, payloads)
            case Err(failure):
                assert failure.message == "broken"
                assert not self.mended
            case Cancelled():
                assert self.cancelled, "nobody cancelled it"
            case other:
                raise AssertionError(f"it ended as {other}")

    def teardown(self) -> None:
        """Faults are over: it comes to its end by its alarms."""
        if not self.plan:
            return
        for flight in self.held:
            flight.kill()
        self.workers = [self.world.worker("last", QUEUE)]
        for _ in range(200):
            self.the_status_is_one_that_may_follow()
            if self.status == "failed":
                self.retry()
            elif self.ended:
                self.it_ended_as_plain_python_does()
                return
            elif self.paused:
                self.resume()
            elif (alarm := self.world.store.next_alarm()[0]) is not None:
                self.world.clock.at = max(self.world.clock.at, alarm)
                for due in self.world.store.due(10):
                    self.workers[0].tend(due.run_id).to_end()
            else:
                self.send(lost=False)
        raise AssertionError("it does not come to an end")


def played(examples: int, steps: int, seed: int | None = None) -> dict[str, int]:
    """How many runs, tends and faults it took. Without a seed it is always the same."""
    chosen = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, database=None, derandomize=seed is None
    )
    before = dict(PLAYED)
    machine = type("Seeded", (Model,), {"_hypothesis_internal_use_seed": seed})
    run_state_machine_as_test(machine, settings=chosen)
    return {name: PLAYED[name] - before[name] for name in PLAYED}
