"""One store, its hints and some workers. Nothing happens here but what a test performs, call by call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

from attrs import define, field, frozen

from yieldflow.authoring.loaded import loaded
from yieldflow.authoring.registry import DEFAULT, Registry
from yieldflow.codec import JsonCodec
from yieldflow.codec.packing import unpack
from yieldflow.core.asks import WorkflowCall
from yieldflow.core.events import Event, Limits
from yieldflow.core.failures import from_exception
from yieldflow.core.interpreter import Execution
from yieldflow.core.outcome import Ending
from yieldflow.core.run import Run, fold
from yieldflow.core.times import Millis
from yieldflow.drive import Ports, perform
from yieldflow.engine.live import Cache, Live
from yieldflow.engine.outside import cancellation, delivery, opening, started
from yieldflow.engine.requests import Body, Execute, ExecuteLocal, Offer, Request, Returned, Save, Threw, Worker
from yieldflow.engine.state import Asking, Tending
from yieldflow.engine.tend import Tools, tend
from yieldflow.errors import ReplyLost, RunEnded, YieldflowError
from yieldflow.ports import Commit, Conflict, Done, Log, Mark, Reply
from yieldflow.stores.memory import MemoryStore, _Run
from yieldflow.testing.contracts.harness import FakeClock

QUEUE = "yieldflow"
RUN = "run"
CODEC = JsonCodec()
Script = Callable[[Any], object]  # of an `Execute` or `ExecuteLocal`: what a body returns, or the exception it raises


def returns(value: object) -> Script:
    return lambda _: value


@define
class Deaf:
    """The clock of a driver whose workers are told the time by their test."""

    def heard(self, now: Millis) -> None:
        pass


@frozen
class Backup:
    """What a replica has: the store after so many calls."""

    runs: dict[str, _Run]
    hooks: dict[str, tuple[str, str]]
    saved: int


@define(eq=False)
class Actor:
    """A worker: its memory, and its name in claims."""

    world: World
    name: str
    tools: Tools
    stopping: bool = False
    skew: Millis = 0

    def tend(self, run_id: str = RUN) -> Flight:
        return Flight(self, run_id, tend(run_id, self.tools), tends=True)

    def ask(self, asking: Callable[[Tending], Asking[Any]], run_id: str = RUN) -> Flight:
        """What somebody outside asks of the engine: nothing is tended."""
        return Flight(self, run_id, asking(Tending(run_id, self.tools, until=0)))

    def crash(self) -> None:
        self.tools.cache.clear()
        self.world.dead.add(self.name)


class Impatient(Cache):
    """One thread plays all tenders: who comes second goes on at once, with an execution of its own."""

    def take(self, run_id: str, *, anyway: bool = True) -> tuple[bool, Live | None]:
        return super().take(run_id, anyway=True)


@define(eq=False)
class World:
    script: Script = field(default=returns(1))
    clock: FakeClock = field(factory=FakeClock)
    store: MemoryStore = field(init=False)
    hints: list[tuple[str, str]] = field(factory=list)
    dead: set[str] = field(factory=set)
    bodies: list[tuple[tuple[int, ...], int, str]] = field(factory=list)  # path, attempt, worker: as they begin
    saved: list[tuple[str, Commit, Reply]] = field(factory=list)
    ids: Any = field(factory=lambda: count(1))
    back: Millis = 0  # so far the clock has been set back
    lost: set[str] = field(factory=set)  # commits that a failover has lost
    rings: dict[str, int] = field(factory=dict)  # of runs, when a failover forgot them: some may know

    def __attrs_post_init__(self) -> None:
        self.store = MemoryStore(self.clock)

    # --- who works ------------------------------------------------------------------------------------------------

    def worker(
        self,
        name: str,
        *queues: str,
        registry: Registry = DEFAULT,
        told: bool = False,
        inline: Any = "always",
        slice_: Millis = 1_000,
    ) -> Actor:
        """*told*: it shares its host with the others and sees their processes gone."""
        me = Worker(
            name,
            queues or (QUEUE,),
            lambda: self.clock.at + actor.skew,
            self.fresh,
            lambda other: told and other in self.dead,
            lambda: actor.stopping,
            slice=slice_,
            inline=inline,
        )
        actor = Actor(self, name, Tools(me, Impatient(), registry, CODEC, loaded))
        return actor

    def fresh(self) -> str:
        return f"id-{next(self.ids)}"

    # --- from outside ----------------------------------------------------------------------------------------------

    def start(
        self, call: WorkflowCall[Any], run_id: str = RUN, *, timeout: Millis | None = None, **limits: Any
    ) -> Reply:
        event = started(
            call,
            run_id,
            at=self.clock.at,
            seed=b"0123456789abcdef",
            queue=QUEUE,
            limits=Limits(**limits),
            tags={},
            timeout=timeout,
            base_url=None,
            codec=CODEC,
        )
        return self._one(opening(event, self.fresh()))

    def send(self, hook: str, payload: object, key: str | None = None, inbox: int = 1_000, run_id: str = RUN) -> Reply:
        data = CODEC.encode(payload, Any)
        key = key or self.fresh()
        return self._one(delivery(run_id, self.fresh(), hook, data, key=key, by=None, inbox=inbox, at=self.clock.at))

    def cancel(self, key: str = "cancel", run_id: str = RUN) -> Reply:
        return self._one(cancellation(run_id, self.fresh(), key=key, reason=None, at=self.clock.at))

    def ring(self) -> int:
        """The alarm service looks once."""
        due = self.store.due(100)
        self.hints += [(run.run_id, run.queue) for run in due]
        return len(due)

    def _one(self, commit: Commit) -> Reply:
        (reply,) = self.store.commit((commit,))
        return reply

    # --- a failover ------------------------------------------------------------------------------------------------

    def backup(self) -> Backup:
        return Backup(_copied(self.store._runs), dict(self.store._hooks), len(self.saved))

    def fail_over(self, backup: Backup) -> int:
        """All that was written since is gone; answers how many commits."""
        lost = _commits(self.store._runs) - _commits(backup.runs)
        self.lost |= lost
        for run_id, run in self.store._runs.items():
            self.rings[run_id] = max(self.rings.get(run_id, 0), run.rings)
        self.store._runs, self.store._hooks = _copied(backup.runs), dict(backup.hooks)
        return len(lost)

    # --- what there is ----------------------------------------------------------------------------------------------

    def read(self, run_id: str = RUN) -> Log:
        log = self.store.read(run_id)
        assert log is not None
        return log

    def events(self, run_id: str = RUN) -> tuple[Event, ...]:
        log = self.read(run_id)
        events = list(log.events)
        while len(events) < log.head.length:
            more = self.store.read(run_id, Mark(len(events), ""))
            assert more is not None
            events += more.events
        return tuple(map(unpack, events))

    def fold(self, run_id: str = RUN) -> Run:
        """Strict: a log that none may be is refused."""
        return fold(self.events(run_id))

    def outcome(self, run_id: str = RUN) -> Ending | None:
        return self.fold(run_id).outcome

    def replay(self, run_id: str = RUN, registry: Registry = DEFAULT) -> Execution:
        """What somebody without a memory makes of the log."""
        execution = self.fresh_execution(run_id, registry)
        execution.feed(self.events(run_id))
        return execution

    def fresh_execution(self, run_id: str = RUN, registry: Registry = DEFAULT) -> Execution:
        workflow = registry.workflow(self.read(run_id).summary.workflow)
        assert workflow is not None
        return Execution(workflow, CODEC, loaded)

    @property
    def runs(self) -> list[str]:
        """The ids of all generations of all runs, in the order of their starts."""
        return list(self.store._runs)

    def body(self, request: Execute | ExecuteLocal) -> Body:
        result = self.script(request)
        if isinstance(result, Body):
            return result
        if isinstance(result, BaseException):
            return Threw(from_exception(result, CODEC), self.clock.at, getattr(result, "wait", None))
        return Returned(CODEC.encode(result, request.step.returns), self.clock.at)


def _commits(runs: dict[str, _Run]) -> set[str]:
    return {commit for run in runs.values() for commit in run.commits}


def _copied(runs: dict[str, _Run]) -> dict[str, _Run]:
    return {
        run_id: replace(
            run,
            events=[*run.events],
            commits=[*run.commits],
            free={**run.free},
            claimed={**run.claimed},
            once={**run.once},
        )
        for run_id, run in runs.items()
    }


class Flight:
    """One tender, held between a request and its performance."""

    def __init__(self, actor: Actor, run_id: str, generator: Asking[Any], *, tends: bool = False) -> None:
        self.actor, self.world, self.run_id = actor, actor.world, run_id
        self.generator, self.tends = generator, tends
        self.request: Request | None = None
        self.tended: Any = None  # what it answered: a `Tended`, or what an outsider is told
        self.finished = False  # of its own accord
        self.calls: list[Request] = []
        self.reply: Any = None  # the last one
        self.head: Mark | None = None  # of its run, as it knows it
        self.heard = 0  # when the store last said something to it: after so many commits
        world = self.world
        self.ports = Ports(actor.tools.me, world.store, self, Deaf(), world.body)  # type: ignore[arg-type]  # no clock
        self._resume(None)

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:
        self.world.hints += [(run_id, queue)] * count

    def perform(self) -> None:
        self._resume(self._performed())

    def lose_reply(self, *, applied: bool) -> None:
        if applied:
            self._performed()
        try:
            self._goes_on(self.generator.throw(ReplyLost("the test lost it")))
        except StopIteration as ended:
            self.request, self.tended, self.finished = None, ended.value, True
        except ReplyLost as error:
            self.request, self.tended = None, error
        except YieldflowError as error:
            self._told(error)

    def kill(self, *, performed: bool = False) -> None:
        """The process is gone, before or after it performed its request."""
        if performed and not isinstance(self.request, Execute | ExecuteLocal):
            self._performed()
        self.request = None
        self.actor.crash()
        self.generator.close()

    def fail(self) -> None:
        """The store does not answer at all: this tend is given up, its process lives on."""
        self.request = None
        self.generator.close()

    @property
    def answered(self) -> bool:
        """Whether an outsider was told how it came out: a refusal counts, a lost reply does not."""
        return self.request is None and (self.finished or isinstance(self.tended, RunEnded))

    def to_end(self) -> Any:
        for _ in range(10_000):
            if self.request is None:
                return self.tended
            self.perform()
        raise AssertionError(f"it goes on for ever: {self.calls[-12:]}")

    def until(self, kind: type, number: int = 1) -> Any:
        """Perform up to, and without, the next request of a kind; answers that."""
        while self.request is not None:
            if isinstance(self.request, kind):
                number -= 1
                if number == 0:
                    return self.request
            self.perform()
        raise AssertionError(f"no {kind.__name__} came: {self.calls}")

    def _performed(self) -> Any:
        assert self.request is not None
        reply = self.reply = perform(self.request, self.ports)
        if isinstance(reply, Log | Done | Conflict) and getattr(self.request, "run_id", self.run_id) == self.run_id:
            self.head = reply.head
        if isinstance(self.request, Save):
            self.world.saved.append((self.actor.name, self.request.commit, reply))
        self.heard = len(self.world.saved)
        return reply

    def _resume(self, reply: Any) -> None:
        try:
            self._goes_on(self.generator.send(reply))
        except StopIteration as ended:
            self.request, self.tended, self.finished = None, ended.value, True
        except YieldflowError as error:
            self._told(error)

    def _told(self, error: YieldflowError) -> None:
        """Somebody outside is told why not; a tender never raises that."""
        if self.tends:
            raise error
        self.request, self.tended = None, error

    def _goes_on(self, request: Request) -> None:
        self.request = request
        self.calls.append(request)
        if isinstance(request, Execute):
            work = request.claim.work
            self.world.bodies.append((work.path, work.attempt, self.actor.name))


def until_quiet(world: World, worker: Actor) -> None:
    """Alarms alone bring it back, until there are none."""
    for _ in range(50):
        alarm, now = world.store.next_alarm()
        if alarm is None:
            return
        world.clock.at = max(now, alarm)
        for due in world.store.due(10):
            worker.tend(due.run_id).to_end()


def offers(flight: Flight) -> list[str]:
    return [request.queue for request in flight.calls if isinstance(request, Offer)]
