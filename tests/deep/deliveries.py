"""Whatever is delivered comes 0 to 3 times, in any order, late and stale; no log may show it but by the order of facts.

Delivered are commits of every kind (the report of a claim, of a child, a payload, a cancellation, a start, decisions)
and hints. Where none of the copies came, whoever is owed the answer delivers again when all is quiet.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from attrs import define, field

from tests.deep.deliveries_plans import STOP, drawn, follow, hooks, until_stopped
from tests.deep.rounds import Figures
from tests.engine.world import CODEC, QUEUE, RUN, Actor, Flight, World
from yieldflow.core.commands import Receive
from yieldflow.core.events import (
    AttemptFailed,
    CancelRequested,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Event,
    HookReceived,
    RunFinished,
    RunStarted,
)
from yieldflow.core.outcome import Taken
from yieldflow.core.path import show
from yieldflow.engine.outside import CANCEL, cancellation, delivery
from yieldflow.engine.requests import Save
from yieldflow.ports import Commit, Conflict, Done, Open, Refused

PROGRAMS = 100  # a round
STORMS = 3  # of each program, beside the calm that they are compared with
NAMES = 4  # hooks of a run at most
MOST_FLIGHTS = 4
MOST_ACTIONS = 20_000
COPIES = (0, 1, 1, 2, 3)


def one_round(seed: int, programs: int = PROGRAMS) -> Figures:
    figures = Figures()
    for number in range(seed * programs, (seed + 1) * programs):
        r = Random(number)
        plan = drawn(r, 2, [f"hook-{name}" for name in range(r.randint(0, NAMES))])
        stopped = r.random() < 0.3
        try:
            calm = Storm(plan, Random(0), stopped, calm=True).run()
            for storm in range(STORMS):
                stormy = Storm(plan, Random(f"{number}/{storm}"), stopped)
                logs = stormy.run()
                assert logs == calm, differences(logs, calm)
                figures.counts.update(stormy.met)
        except BaseException as error:
            error.add_note(f"program {number}: {plan}")
            raise
        figures.counts["programs"] += 1
    return figures


@define(eq=False)
class Storm:
    plan: Any
    r: Random
    stopped: bool
    calm: bool = False
    world: World = field(init=False)
    actors: list[Actor] = field(init=False)
    flights: list[Flight] = field(factory=list)
    under_way: list[Commit] = field(factory=list)  # copies that will still come
    owed: list[Commit] = field(factory=list)  # from outside: what has not been taken yet
    sent: dict[str, Commit] = field(factory=dict)  # all commits, by their ids
    came: Counter[str] = field(factory=Counter)  # how often each was delivered
    met: Counter[str] = field(factory=Counter)

    def run(self) -> dict[str, Any]:
        self._start()
        for _ in range(MOST_ACTIONS):
            if self._has_ended():
                self._late()
                return {run_id: self._said(run_id) for run_id in self.world.runs}
            self._act()
        raise AssertionError(f"it does not end: {[self.world.read(run_id).summary for run_id in self.world.runs]}")

    def _start(self) -> None:
        self.world = World(carried_out)
        self.actors = [self.world.worker(f"w{number}", QUEUE) for number in range(3)]
        self.world.start((until_stopped if self.stopped else follow)(self.plan))
        self.world.hints.append((RUN, QUEUE))
        self.owed = [self._payload(number, name) for number, name in enumerate(hooks(self.plan))]

    def _payload(self, number: int, name: str) -> Commit:
        data, at = CODEC.encode(number, int), self.world.clock.at
        return delivery(RUN, f"payload-{number}", name, data, key=f"key-{number}", by=None, inbox=100, at=at)

    def _has_ended(self) -> bool:
        return all(self.world.store._runs[run_id].summary.finished_at is not None for run_id in self.world.runs)

    # --- one action ---------------------------------------------------------------------------------------------------

    def _act(self) -> None:
        chance = self.r.random()
        if self.flights and chance < 0.6:
            self._go(self.r.choice(self.flights))
        elif self.under_way and chance < 0.7:
            self._deliver(self.under_way.pop(self.r.randrange(len(self.under_way))))
        elif self.owed and chance < 0.75:
            self._send(self.owed.pop(self.r.randrange(len(self.owed))))
        elif self.world.hints and len(self.flights) < MOST_FLIGHTS:
            self._follow_a_hint()
        elif not self.calm and chance > 0.97:
            self.world.clock.at += self.r.choice((700, 2_000, 11_000))  # leases are 10 s
        elif not (self.flights or self.world.ring()):
            self._wait()

    def _go(self, flight: Flight) -> None:
        if isinstance(flight.request, Save):
            self._save(flight, flight.request.commit)
        else:
            flight.perform()
        self.flights = [flight for flight in self.flights if flight.request is not None]

    def _save(self, flight: Flight, commit: Commit) -> None:
        """The first copy may come at once, and whoever sent it may hear of it."""
        self.sent[commit.commit] = commit
        copies = 1 if self.calm else self.r.choice(COPIES)
        if copies > 0 and (self.calm or self.r.random() < 0.8):
            copies -= 1
            if self.calm or self.r.random() < 0.8:
                flight.perform()
            else:
                flight.lose_reply(applied=True)
            self._count(commit, self.world.saved[-1][2])
        else:
            flight.lose_reply(applied=False)
            self.met["delivered late, or not at all"] += 1
        self.under_way += [commit] * copies

    def _send(self, commit: Commit) -> None:
        """Somebody outside: who hears nothing sends it again, with its key."""
        self.sent[commit.commit] = commit
        copies = 1 if self.calm else self.r.choice(COPIES)
        self.under_way += [commit] * copies

    def _deliver(self, commit: Commit) -> None:
        (reply,) = self.world.store.commit((commit,))
        self._count(commit, reply)
        if isinstance(commit.on, Open) and isinstance(reply, Done):
            self.world.hints.append((RUN, QUEUE))

    def _count(self, commit: Commit, reply: Any) -> None:
        self.came[commit.commit] += 1
        self.met["deliveries"] += 1
        self.met["deliveries again"] += self.came[commit.commit] > 1
        match reply:
            case Done():
                pass
            case Conflict():
                self.met["refused: decided from an old log"] += 1
            case Refused(reason):
                self.met[f"refused: {reason}"] += 1

    def _follow_a_hint(self) -> None:
        index, fate = self.r.randrange(len(self.world.hints)), self.r.random()
        run_id, _ = self.world.hints[index]
        if self.calm or fate > 0.2:
            del self.world.hints[index]
        else:
            self.met["hints again"] += 1
        if self.calm or fate < 0.85:
            self.flights.append(self.r.choice(self.actors).tend(run_id))
            self.flights = [flight for flight in self.flights if flight.request is not None]
        else:
            self.met["hints lost"] += 1

    def _wait(self) -> None:
        """Nobody does anything: the next alarm rings, or who has sent something without being heard sends it again."""
        alarm, now = self.world.store.next_alarm()
        if alarm is not None:
            self.world.clock.at = max(now, alarm)
        elif not self.under_way and not self.owed:
            self._again()

    def _again(self) -> None:
        from_outside = (commit for commit in self.sent.values() if isinstance(commit.on, Open))
        unheard = [commit for commit in from_outside if not self.came[commit.commit]]
        if unheard:
            self.met["delivered again when all was quiet"] += len(unheard)
            self.owed += unheard
            return
        waits = [pending.issued.command for pending in self.world.fold().open.values()]
        assert Receive(STOP) in waits, f"nobody will look again: {waits}"
        self.owed.append(cancellation(RUN, "cancel", key=CANCEL, reason=None, at=self.world.clock.at))

    def _said(self, run_id: str) -> dict[str, Any]:
        assert self.world.replay(run_id).decide() == ()
        return apart_from_order(self.world.events(run_id))

    # --- when all have ended ------------------------------------------------------------------------------------------

    def _late(self) -> None:
        """Everything once more, reports of claims long gone among it, and what was never sent before."""
        heads = {run_id: self.world.read(run_id).head for run_id in self.world.runs}
        while self.flights:
            self._go(self.r.choice(self.flights))
        at = self.world.clock.at
        new = cancellation(RUN, "late-cancel", key="late", reason=None, at=at), self._payload(NAMES, "hook-0")
        late = [*self.under_way, *self.sent.values(), *new]
        self.r.shuffle(late)
        for commit in late:
            self._deliver(commit)
        for run_id in heads:
            self.r.choice(self.actors).tend(run_id).to_end()
        self.met["deliveries to runs that had ended"] += len(late)
        self.met["hints of runs that had ended"] += len(heads)
        assert {run_id: self.world.read(run_id).head for run_id in self.world.runs} == heads


def carried_out(request: Any) -> object:
    """The body of a step."""
    arguments = CODEC.decode_arguments(request.call.arguments, request.step.parameters)
    try:
        return request.step.fn(*arguments.args)
    except ValueError as error:
        return error


def apart_from_order(events: tuple[Event, ...]) -> dict[str, Any]:
    """What a log says, apart from times, workers, attempts and the order of facts: the outcome of each path is one."""
    said: dict[str, Any] = {}
    for event in events:
        name, value = _said(event, events)
        if name is not None:
            assert name not in said, f"twice: {name}"
            said[name] = value
    return said


def _said(event: Event, events: tuple[Event, ...]) -> tuple[str | None, Any]:
    match event:
        case RunStarted(run_id=run_id, arguments=arguments, parent=parent):
            return f"started {run_id}", (arguments, parent)
        case CommandIssued(path=path, command=command):
            return f"asked {show(path)}", command
        case CommandResolved(path=path, outcome=Taken(position)):
            payload = events[position - 1]
            assert isinstance(payload, HookReceived)
            return f"answered {show(path)}", (payload.name, payload.payload)
        case CommandResolved(path=path, outcome=outcome):
            return f"answered {show(path)}", outcome
        case CommandAbandoned(path=path):
            return f"let go {show(path)}", None
        case HookReceived(name=name, payload=payload, key=key):
            return f"payload {key}", (name, payload)
        case CancelRequested(key=key):
            return f"cancelled {key}", None
        case RunFinished(outcome=outcome):
            return "ended", outcome
        case AttemptFailed():
            return None, None  # how often a worker was lost is nobody's answer
        case _:
            raise AssertionError(event)


def differences(mine: dict[str, Any], calm: dict[str, Any]) -> str:
    lines = []
    for run_id in sorted({*mine, *calm}):
        one, other = mine.get(run_id, {}), calm.get(run_id, {})
        names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
        lines += [f"{run_id}, {name}:\n  {one.get(name)}\n  {other.get(name)}" for name in names]
    return "\n".join(lines)
