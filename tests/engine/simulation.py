"""Several workers on some runs, each with several tends held between two calls, and a seeded driver that picks one.

It performs its call, crashes its worker before or after, loses the reply, fails; it loses and doubles hints, jumps
the clock, empties work tables, sends, cancels and operates. After every action the invariants are looked at.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from attrs import define, evolve, field, frozen

from tests.engine.counting import counted
from tests.engine.deploys import deployed, former_code, is_current, useless_code
from tests.engine.families import ROOTS, family
from tests.engine.operators import Operators
from tests.engine.programs import HOOKS, program
from tests.engine.relations import Relations
from tests.engine.troubles import Troubles
from tests.engine.world import QUEUE, RUN, Actor, Flight, World
from yieldflow.authoring.registry import Registry
from yieldflow.core.chain import predecessor
from yieldflow.engine.requests import Execute, ExecuteLocal, Offer, Save, Stopped, Unfit
from yieldflow.ports import Beat, Done, Head, Refused

MOST_FLIGHTS = 5
END_ROUNDS = 1_500


@frozen
class Odds:
    """How often what goes wrong, in a hundred picks of a call."""

    kill: float = 4
    lose: float = 4
    fail: float = 2


@define(eq=False)
class Simulation:
    """*families*: of runs that have to do with each other, and with operators; else one run by itself. *hard*: workers
    stand still and come back, clocks are set back, stores fail over. *deploys*: workers of two versions take turns.
    """

    seed: int
    families: bool = False
    hard: bool = False
    deploys: bool = False
    odds: Odds = Odds()
    actions: int = 300
    r: Random = field(init=False)
    world: World = field(init=False)
    relations: Relations = field(init=False)
    operators: Operators = field(init=False)
    troubles: Troubles = field(init=False)
    actors: list[Actor] = field(factory=list)
    flights: list[Flight] = field(factory=list)
    met: Counter[str] = field(factory=Counter)
    faulty: bool = True
    locals: set[tuple[str, tuple[int, ...]]] = field(factory=set)  # the local steps that were run
    sent: int = 0
    born: int = 0
    told: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.r = Random(self.seed)
        self.world = World(self._body)
        self.relations = Relations(self.world)
        self.operators = Operators(self.world, self.r, self.world.worker("operator"))
        self.troubles = Troubles(self.world, self.r, self.met, self.families)
        self.told = self.r.random() < 0.3
        self._hire((QUEUE,), inline=self.r.choice(["always", "alone"]))
        for queues in ((QUEUE, "gpu"), ("gpu",)):
            self._hire(queues)
        if self.r.random() < 0.3:
            self._hire((QUEUE, "gpu"), registry=Registry())
        if self.r.random() < 0.2:
            self._hire((QUEUE, "gpu"), registry=useless_code())
        for _ in range(2 if self.deploys else 0):
            self._hire((QUEUE, "gpu"), registry=former_code())

    def run(self) -> Counter[str]:
        """Raises AssertionError, with the seed."""
        try:
            self._start()
            for _ in range(self.actions):
                self._act()
                self._check()
            self._end()
        except Exception as error:
            error.add_note(f"reproduce with {self.name}.run()")
            raise
        return self.met + self.relations.met + counted(self.world, self.relations)

    @property
    def name(self) -> str:
        return f"Simulation({self.seed}, families={self.families}, hard={self.hard}, deploys={self.deploys})"

    def _start(self) -> None:
        if not self.families:
            code = deployed if self.deploys else program
            self.world.start(code(self.seed, self.r.choice([1, 2, 2, 3])))
        for run_id in ROOTS if self.families else ():
            timeout = self.r.choice([None, None, None, 60_000])
            self.world.start(family(self.r.randrange(10_000), 2), run_id, timeout=timeout)
        self.world.hints += [(run_id, QUEUE) for run_id in self.world.runs]

    # --- one action -------------------------------------------------------------------------------------------------

    def _act(self) -> None:
        kind = self.r.random()
        if self.hard:
            self._trouble()
        moving = [flight for flight in self.flights if flight not in self.troubles.standing]
        if self.families and kind < 0.2 and (hurried := self.operators.hurry()) is not None:
            self.flights = _under_way([*self.flights, hurried])
        elif kind < 0.62 and moving:
            self._go(self.r.choice(moving))
        elif kind < 0.8 and self.world.hints:
            self._deliver()
        elif kind < 0.84:
            self.world.ring()
        elif kind < 0.9:
            self._beat()
        elif kind < (0.93 if self.families else 0.96):
            self.world.clock.at += self.r.choice([1, 50, 700, 2_000, 2_000, 10_000, 30_000])
        else:
            self._disturb()

    def _trouble(self) -> None:
        """Each rarely; who stood still goes on as soon as somebody else has its work."""
        if (back := self.troubles.thawed()) is not None:
            self._go(back)
            self._check()
        chance = self.r.random()
        if chance < 0.07:
            self.troubles.strike(self.flights)
        elif chance < 0.17:
            self.troubles.keep(self.relations, self.operators)
        elif chance < 0.185 and (known := self.troubles.fail_over(self.flights, self.operators)) is not None:
            self.relations = known
            self.flights = _under_way(self.flights)

    def _go(self, flight: Flight) -> None:
        """The next call of one tend, in one of the ways it may come out."""
        chance, odds = self.r.random() * 100, self.odds
        store_call = not isinstance(flight.request, Execute | ExecuteLocal | Offer)
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
            if self.hard and self.faulty and self.troubles.race(flight):
                return
            before, request, ending = len(self.world.saved), flight.request, self.troubles.ending(flight)
            known = flight.head
            flight.perform()
            self._heirs(flight, before)
            self.troubles.performed(flight, request, ending, known)
        self.flights = _under_way(self.flights)

    def _heirs(self, flight: Flight, before: int) -> None:
        """Generations that were started by others than those who tend the one before."""
        for _, commit, reply in self.world.saved[before:]:
            former = predecessor(commit.run_id)
            first = commit.on == Head(None) and isinstance(reply, Done)
            outsider = flight.actor is self.operators.me or flight.run_id != former
            continued = bool(former) and self.world.read(former).summary.status == "continued"
            self.met["successors started by an outsider"] += continued and first and outsider

    def _kill(self, flight: Flight, *, performed: bool) -> None:
        flight.kill(performed=performed)
        if flight.actor is self.operators.me:
            return
        for other in self.flights:
            if other.actor is flight.actor and other.request is not None:
                other.kill()
        self._replace(flight.actor)

    def _deliver(self) -> None:
        index = self.r.randrange(len(self.world.hints))
        run_id, queue = self.world.hints[index]
        serving = [actor for actor in self.actors if queue in actor.tools.me.queues]
        fate = self.r.random()
        self.met["hints out of order"] += index > 0
        if fate > 0.1 or not self.faulty:
            self.world.hints.pop(index)
        else:
            self.met["hints doubled"] += 1
        moving = len(self.flights) - len(self.troubles.standing)
        if moving < MOST_FLIGHTS and (fate < 0.85 or not self.faulty):  # else it is lost
            self.flights.append(self.r.choice(serving).tend(run_id))
            self.flights = _under_way(self.flights)

    def _beat(self) -> None:
        """Some of the workers are slow: theirs runs out."""
        for flight in self.flights:
            if flight in self.troubles.standing:
                continue
            if isinstance(flight.request, Execute) and self.r.random() < 0.7:
                claim = flight.request.claim
                beat = Beat(flight.run_id, claim.path, claim.token)
                self.troubles.beaten(beat)
                self.world.store.renew([beat])

    def _disturb(self) -> None:
        match self.r.choice(["outside", "outside", "cancel", "hints", "table", "stop", "skew"]):
            case "outside" if self.families:
                self.flights = _under_way([*self.flights, self.operators.act()])
            case "outside" if self.sent < 4:
                self.sent += 1
                self.world.send(self.r.choice(HOOKS), self.r.choice([1, 2, "no number"]), key=f"k{self.sent // 2}")
                self.world.hints.append((RUN, QUEUE))
            case "cancel" if self.r.random() < 0.4 and not self.families:
                self.world.cancel()
            case "hints":
                self.world.hints.clear()
            case "table":
                run = self.world.store._runs[self.r.choice(self.world.runs)]
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

    def _body(self, request: Execute | ExecuteLocal) -> object:
        """By its path and how often it was tried; a worker that stops may have to leave it."""
        if isinstance(request, ExecuteLocal):  # which nobody counts: it may come out otherwise each time
            self.met["local steps"] += 1
            self.met["local steps run again"] += (request.run_id, request.path) in self.locals
            self.locals.add((request.run_id, request.path))
            return ValueError("boom") if self.r.random() < 0.25 else self.r.randint(0, 9)
        work = request.claim.work
        if self.faulty and self.r.random() < 0.04:
            return self.r.choice([Stopped(), Unfit("other code")])
        r = Random(f"{self.seed}/{request.run_id}/{work.path}/{work.attempt - work.losses}")
        return ValueError("boom") if r.random() < 0.25 else r.randint(0, 9)

    # --- the end ----------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """Faults are over, every hint that was under way is lost. All must come to its end by alarms alone."""
        self.faulty, self.odds = False, Odds(0, 0, 0)
        self.world.hints.clear()
        self.troubles.standing.clear()
        for actor in list(self.actors):
            actor.skew = 0
            if actor.stopping:
                self._quit(actor)
        for actor in [actor for actor in self.actors if not is_current(actor.tools.registry)]:
            self._quit(actor, replace=False)
        self._come_to_an_end()
        for run_id in self.world.runs:
            if self.world.read(run_id).summary.status == "paused":
                self.operators.resume(run_id).to_end()
                self._come_to_an_end()
        self.relations.have_ended()
        self._nothing_acknowledged_is_lost()
        self._nothing_sent_is_lost()
        self._second_tend()

    def _come_to_an_end(self) -> None:
        for _ in range(END_ROUNDS):
            self._check()
            if self.flights:
                self._go(self.r.choice(self.flights))
            elif self.world.hints:
                self._deliver()
            elif not self.world.ring():
                alarm, now = self.world.store.next_alarm()
                if alarm is None:
                    return
                self.world.clock.at = max(now, alarm)
        summaries = [self.world.read(run_id).summary for run_id in self.world.runs]
        raise AssertionError(f"it does not come to an end: {summaries}")

    def _nothing_acknowledged_is_lost(self) -> None:
        """But for what a failover has lost."""
        for _, commit, reply in self.world.saved:
            if isinstance(reply, Done) and commit.events and commit.commit not in self.world.lost:
                assert commit.commit in self.world.store._runs[commit.run_id].commits, f"lost: {commit}"

    def _nothing_sent_is_lost(self) -> None:
        for key, flight in self.operators.promised.items():
            count = self.relations.received[key]
            match flight.tended:
                case Done() | Refused("twice"):
                    assert count == 1, f"the payload {key} was acknowledged and is lost"
                case Refused():
                    assert count == 0, f"the payload {key} was refused and delivered"
                case _:
                    assert count <= 1

    def _quit(self, actor: Actor, *, replace: bool = True) -> None:
        for flight in self.flights:
            if flight.actor is actor and flight.request is not None:
                flight.kill()
        self.flights = _under_way(self.flights)
        if replace:
            self._replace(actor)
        else:
            self.actors.remove(actor)

    def _second_tend(self) -> None:
        """Whoever has to replay a run that waits takes back that it does; nothing else."""
        for run_id, watch in self.relations.watches.items():
            if watch.run.ended is None and self.world.store._runs[run_id].size() < watch.run.work:
                continue  # of a table that was lost; whoever looks puts it back
            before, log = len(self.world.saved), self.world.read(run_id)
            self.world.worker("late").tend(run_id).to_end()
            said = [commit for _, commit, _ in self.world.saved[before:] if commit.events]
            assert not said, "a second tend had something to say"
            assert evolve(self.world.read(run_id), replays=()) == evolve(log, replays=())

    def _check(self) -> None:
        self.relations.look([actor.tools.cache for actor in self.actors if is_current(actor.tools.registry)])


def _under_way(flights: list[Flight]) -> list[Flight]:
    return [flight for flight in flights if flight.request is not None]
