"""What goes wrong in a chaos round, one fault at a time, as chance will have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import redis
from attrs import define, field

from tests.deep import chaos_victims
from tests.deep.chaos_fleet import Durable, Fleet, Worker
from tests.deep.chaos_witness import now

FAULTS = {
    "workers killed": 44,
    "workers killed in a body": 24,
    "horses killed": 12,
    "rolling stops": 2,
    "workers frozen beyond their lease": 8,
    "servers killed": 2,
    "rq empty": 2,
    "rq requeue --all": 2,
    "rq info": 1,
    "job hashes deleted": 3,
    "SCRIPT FLUSH": 3,
    "timer services killed": 2,
}
DOWN = (0, 400)  # ms that a killed server stays away


@define
class Outage:
    at: int
    until: int


@define
class Faults:
    fleet: Fleet
    server: Durable
    chance: Random
    lease: int
    counts: Counter[str] = field(factory=Counter)
    outages: list[Outage] = field(factory=list)
    history: list[str] = field(factory=list)
    later: list[tuple[int, Callable[[], Any]]] = field(factory=list)
    commands: list[int] = field(factory=list)
    owed: list[str] = field(factory=lambda: list(FAULTS))  # each at least once, then as chance will have it

    def __attrs_post_init__(self) -> None:
        absent = {"ours": ("horses killed", "timer services killed"), "simple": ("horses killed",), "fork": ()}
        self.owed = [one for one in self.owed if one not in absent[self.fleet.kind]]
        self.chance.shuffle(self.owed)

    def strike(self) -> None:
        self.tend()
        name = self.chance.choices(list(FAULTS), list(FAULTS.values()))[0]
        if self.owed and self.chance.random() < 0.3:
            self.owed.insert(0, self.owed.pop())
            name = self.owed[-1]
        self.perform(name)

    def perform(self, name: str) -> None:
        if self._perform(name):
            self.owed = [one for one in self.owed if one != name]
            self.counts[name] += 1
            self.history.append(f"{now()} {name}")

    def tend(self) -> None:
        """What was begun is ended when its time has come."""
        due = [do for at, do in self.later if at <= now()]
        self.later = [(at, do) for at, do in self.later if at > now()]
        for do in due:
            do()

    def heal(self) -> None:
        for _, do in self.later:
            do()
        self.later.clear()
        for pid in self.commands:
            self.fleet.nursery.wait(pid)

    def is_down(self) -> bool:
        return any(outage.until == 0 for outage in self.outages)

    def _perform(self, name: str) -> bool:
        match name:
            case "workers killed" | "workers killed in a body":
                return self._kill(in_a_body=name.endswith("body"))
            case "horses killed":
                return self.fleet.kind == "fork" and any(map(self.fleet.kill_horse, self._some(6)))
            case "rolling stops":
                return self._roll()
            case "workers frozen beyond their lease":
                return self._freeze()
            case "servers killed":
                return self._kill_server()
            case "timer services killed":
                return self.fleet.kill_ringer()
            case "rq empty":
                return self._command("empty", *self.fleet.queues)
            case "rq requeue --all":
                return self._command("requeue", "--all", "--queue", self.fleet.queues[0])
            case "rq info":
                return self._command("info")
            case _:
                return self._told_the_server(name)

    def _some(self, count: int) -> list[Worker]:
        there = [worker for worker in self.fleet.workers if not worker.leaves]
        return self.chance.sample(there, min(count, len(there)))

    def _kill(self, *, in_a_body: bool) -> bool:
        for worker in self.fleet.busy() if in_a_body else self._some(1):
            self.fleet.kill(worker)
            return True
        return False

    def _roll(self) -> bool:
        """One after the other, as a deployment does."""
        for number, worker in enumerate(self._some(4)):
            self.later.append((now() + 250 * number, partial(self._ask_to_leave, worker)))
        return True

    def _ask_to_leave(self, worker: Worker) -> None:
        if worker in self.fleet.workers:
            self.fleet.ask_to_leave(worker)

    def _freeze(self) -> bool:
        """For so long that its work is taken from it, while another one takes its place. Then it leaves."""
        for worker in self.fleet.busy()[:1]:
            pids, since = self.fleet.freeze(worker), now()
            worker.leaves = True
            self.later.append((now() + int(self.lease * 1.5), partial(self._thaw, worker, pids, since)))
            return True
        return False

    def _thaw(self, worker: Worker, pids: list[int], since: int) -> None:
        self.fleet.thaw(worker, pids, since)
        self.fleet.ask_to_leave(worker)

    def _kill_server(self) -> bool:
        if self.is_down():
            return False
        self.server.kill()
        self.outages.append(Outage(now(), 0))
        self.later.append((now() + self.chance.randint(*DOWN), self._restart))
        return True

    def _restart(self) -> None:
        self.server.start()
        self.outages[-1].until = now()

    def _command(self, *words: str) -> bool:
        asked = [words[0], "-u", self.server.url, *words[1:]]
        self.commands.append(self.fleet.nursery.fork(f"{chaos_victims.__name__}:rq_says", asked))
        return True

    def _told_the_server(self, name: str) -> bool:
        if self.is_down():
            return False
        with redis.Redis(port=self.server.port) as client:
            if name == "SCRIPT FLUSH":
                return bool(client.script_flush())
            keys = list(client.scan_iter("rq:job:*", count=1_000))
            return bool(keys) and bool(client.delete(*self.chance.sample(keys, -(-len(keys) // 2))))
