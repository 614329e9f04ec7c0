"""Several workers on one run, each with several tends held between two calls, and a seeded driver that picks one.

It performs its call, crashes its worker before or after, loses the reply, fails; it loses and doubles hints, jumps
the clock, empties the work table, sends and cancels. After every action the invariants are looked at.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from attrs import define, evolve, field, frozen

from tests.engine.invariants import Watch
from tests.engine.programs import HOOKS, program
from tests.engine.world import QUEUE, RUN, Actor, Flight, World
from yieldflow.authoring.registry import Registry
from yieldflow.codec.packing import unpack
from yieldflow.core.events import AttemptFailed, CommandResolved
from yieldflow.core.outcome import Err
from yieldflow.engine.requests import Execute, Offer, Save, Stopped, Unfit
from yieldflow.ports import Beat, Done, Head, Holding

MOST_FLIGHTS = 5
END_ROUNDS = 1_500


def broken() -> Any:
    yield "not a command"


@frozen
class Odds:
    """How often what goes wrong, in a hundred picks of a call."""

    kill: float = 4
    lose: float = 4
    fail: float = 2


@define(eq=False)
class Simulation:
    seed: int
    odds: Odds = Odds()
    actions: int = 300
    r: Random = field(init=False)
    world: World = field(init=False)
    watch: Watch = field(init=False)
    actors: list[Actor] = field(factory=list)
    flights: list[Flight] = field(factory=list)
    met: Counter[str] = field(factory=Counter)
    faulty: bool = True
    sent: int = 0
    born: int = 0
    told: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.r = Random(self.seed)
        self.world = World(self._body)
        self.watch = Watch(self.world)
        self.told = self.r.random() < 0.3
        self._hire((QUEUE,), inline=self.r.choice(["always", "alone"]))
        for queues in ((QUEUE, "gpu"), ("gpu",)):
            self._hire(queues)
        if self.r.random() < 0.3:
            self._hire((QUEUE, "gpu"), registry=Registry())
        if self.r.random() < 0.2:
            self._hire((QUEUE, "gpu"), registry=_old_code())

    def run(self) -> Counter[str]:
        """Raises AssertionError, with the seed."""
        try:
            self.world.start(program(self.seed, self.r.choice([1, 2, 2, 3])))
            self.world.hints.append((RUN, QUEUE))
            for _ in range(self.actions):
                self._act()
                self._check()
            self._end()
        except Exception as error:
            error.add_note(f"reproduce with Simulation({self.seed}).run()")
            raise
        return self._count()

    # --- one action -------------------------------------------------------------------------------------------------

    def _act(self) -> None:
        kind = self.r.random()
        if kind < 0.62 and self.flights:
            self._go(self.r.choice(self.flights))
        elif kind < 0.8 and self.world.hints:
            self._deliver()
        elif kind < 0.84:
            self.world.ring()
        elif kind < 0.9:
            self._beat()
        elif kind < 0.96:
            self.world.clock.at += self.r.choice([1, 50, 700, 2_000, 2_000, 10_000, 30_000])
        else:
            self._disturb()

    def _go(self, flight: Flight) -> None:
        """The next call of one tend, in one of the ways it may come out."""
        chance, odds = self.r.random() * 100, self.odds
        store_call = not isinstance(flight.request, Execute | Offer)
        if chance < odds.kill:
            self.met["killed"] += 1
            self._kill(flight, performed=self.r.random() < 0.5)
        elif chance < odds.kill + odds.lose and store_call:
            self.met["unknown replies"] += isinstance(flight.request, Save)
            flight.lose_reply(applied=self.r.random() < 0.5)
        elif chance < odds.kill + odds.lose + odds.fail and store_call:
            self.met["store failures"] += 1
            flight.fail()
        else:
            flight.perform()
        self.flights = [flight for flight in self.flights if flight.request is not None]

    def _kill(self, flight: Flight, *, performed: bool) -> None:
        flight.kill(performed=performed)
        for other in self.flights:
            if other.actor is flight.actor and other.request is not None:
                other.kill()
        self._replace(flight.actor)

    def _deliver(self) -> None:
        index = self.r.randrange(len(self.world.hints))
        run_id, queue = self.world.hints[index]
        serving = [actor for actor in self.actors if queue in actor.tools.me.queues]
        fate = self.r.random()
        if fate > 0.1 or not self.faulty:  # else it is doubled
            self.world.hints.pop(index)
        if len(self.flights) < MOST_FLIGHTS and (fate < 0.85 or not self.faulty):  # else it is lost
            self.flights.append(self.r.choice(serving).tend(run_id))
            self.flights = [flight for flight in self.flights if flight.request is not None]

    def _beat(self) -> None:
        """Some of the workers are slow: theirs runs out."""
        for flight in self.flights:
            if isinstance(flight.request, Execute) and self.r.random() < 0.7:
                claim = flight.request.claim
                self.world.store.renew([Beat(RUN, claim.path, claim.token)])

    def _disturb(self) -> None:
        match self.r.choice(["send", "send", "cancel", "hints", "table", "stop", "skew"]):
            case "send" if self.sent < 4:
                self.sent += 1
                self.world.send(self.r.choice(HOOKS), self.r.choice([1, 2, "no number"]), key=f"k{self.sent // 2}")
                self.world.hints.append((RUN, QUEUE))
            case "cancel" if self.r.random() < 0.4:
                self.world.cancel()
            case "hints":
                self.world.hints.clear()
            case "table":
                run = self.world.store._runs[RUN]
                table = self.r.choice([run.free, run.claimed])
                for path in [path for path in table if self.r.random() < 0.5]:
                    self.met["lost entries"] += 1
                    del table[path]
            case "stop":
                self.r.choice(self.actors).stopping = True
            case "skew":
                self.r.choice(self.actors).skew = self.r.randint(-5, 5)
            case _:
                pass

    # --- workers ----------------------------------------------------------------------------------------------------

    def _hire(self, queues: tuple[str, ...], **more: Any) -> None:
        self.born += 1
        self.actors.append(self.world.worker(f"w{self.born}", *queues, told=self.told, **more))

    def _replace(self, actor: Actor) -> None:
        self.actors.remove(actor)
        me = actor.tools.me
        self._hire(me.queues, registry=actor.tools.registry, inline=me.inline)

    def _body(self, request: Execute) -> object:
        """By its path and how often it was tried; a worker that stops may have to leave it."""
        work = request.claim.work
        if self.faulty and self.r.random() < 0.04:
            return self.r.choice([Stopped(), Unfit("other code")])
        r = Random(f"{self.seed}/{work.path}/{work.attempt - work.losses}")
        return ValueError("boom") if r.random() < 0.25 else r.randint(0, 9)

    # --- the end ----------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """Faults are over, every hint that was under way is lost. All must come to its end by alarms alone."""
        self.faulty, self.odds = False, Odds(0, 0, 0)
        self.world.hints.clear()
        for actor in list(self.actors):
            actor.skew = 0
            if actor.stopping:
                self._quit(actor)
        for actor in [actor for actor in self.actors if not _fit(actor)]:
            self._quit(actor, replace=False)
        for _ in range(END_ROUNDS):
            if self.flights:
                self._go(self.r.choice(self.flights))
            elif self.world.hints:
                self._deliver()
            elif not self.world.ring():
                alarm, now = self.world.store.next_alarm()
                if alarm is None:
                    break
                self.world.clock.at = max(now, alarm)
            self._check()
        else:
            raise AssertionError(f"it does not come to an end: {self.world.read().summary}")
        self.watch.has_ended()
        self._second_tend()

    def _quit(self, actor: Actor, *, replace: bool = True) -> None:
        for flight in self.flights:
            if flight.actor is actor and flight.request is not None:
                flight.kill()
        self.flights = [flight for flight in self.flights if flight.request is not None]
        if replace:
            self._replace(actor)
        else:
            self.actors.remove(actor)

    def _second_tend(self) -> None:
        before = len(self.world.saved)
        self.world.worker("late").tend().to_end()
        assert self.world.saved[before:] == [], "a second tend had something to say"

    def _check(self) -> None:
        self.watch.look([actor.tools.cache for actor in self.actors if _fit(actor)])

    # --- what was met -----------------------------------------------------------------------------------------------

    def _count(self) -> Counter[str]:
        met, events = self.met, self.world.events()
        met["runs"] += 1
        for event in events:
            met["losses"] += isinstance(event, AttemptFailed) and event.reason == "lost"
            met["timeouts"] += isinstance(event, AttemptFailed) and event.reason == "timeout"
            met["failures"] += isinstance(event, CommandResolved) and isinstance(event.outcome, Err)
        for _, commit, reply in self.world.saved:
            facts = [isinstance(unpack(data), AttemptFailed | CommandResolved) for data in commit.events[:1]]
            done = isinstance(reply, Done)
            met["commits refused"] += not done
            met["late reports"] += isinstance(commit.on, Holding) and not done
            met["revocations refused"] += bool(commit.revoke) and not done
            met["speculations"] += isinstance(commit.on, Head) and any(facts)
            met["speculations refused"] += isinstance(commit.on, Head) and any(facts) and not done
        met["nested"] += any(len(path) > 3 for path in self.watch.paths)
        met["runs with losses"] += any(isinstance(event, AttemptFailed) and event.reason == "lost" for event in events)
        met["runs with refusals"] += any(not isinstance(reply, Done) for _, _, reply in self.world.saved)
        met["ended"] += self.world.outcome() is not None
        return met


def _old_code() -> Registry:
    """A deploy that cannot go on with any run."""
    registry = Registry()
    registry.add_workflow(evolve(program.definition, fn=broken))
    return registry


def _fit(actor: Actor) -> bool:
    return actor.tools.registry.workflow("sim:program") is program.definition
