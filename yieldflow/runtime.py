"""One app's machinery in this process: store, codec, cache, heart and pool, and how a run is tended with them."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from threading import Condition, Thread
from threading import Event as Flag
from typing import TypeVar

from attrs import define, evolve, field

from yieldflow import identity
from yieldflow.alarms import QUICK_TICK, ring
from yieldflow.authoring.loaded import loaded
from yieldflow.authoring.registry import Registry
from yieldflow.body import Bodies
from yieldflow.core.chain import chain_of, expect_possible
from yieldflow.core.times import Millis
from yieldflow.core.values import Codec
from yieldflow.drive import Clock, Ports, drive
from yieldflow.engine.live import Cache
from yieldflow.engine.requests import Body, Execute, ExecuteLocal, Inline, Tended, Worker
from yieldflow.engine.state import Asking, Tending
from yieldflow.engine.tend import Tools, tend
from yieldflow.errors import RunBlocked, StoreError, YieldflowError
from yieldflow.group import Flight, Group
from yieldflow.heart import Heart
from yieldflow.interrupting import Watch
from yieldflow.observing.store import ObservedStore
from yieldflow.pool import More, Pool
from yieldflow.ports import HINT_AFTER, Queue, Store
from yieldflow.together import together

T = TypeVar("T")

SLICE: Millis = 1_000  # how long one hint may keep a worker, the last body apart
LOOK: Millis = 500  # so often who drives a run looks whether others have written to its descendants
LOOK_AGAIN: Millis = 10  # so often who works on several runs at a time looks whether there are more
_AHEAD = 256
MOMENT = 1.0  # seconds, for a body that was interrupted to end, and its tender with it


_IDS: list[str] = []  # drawn ahead: asking the system for each costs more than all else around it
if hasattr(os, "register_at_fork"):  # where processes fork, none may draw what another one has
    os.register_at_fork(after_in_child=_IDS.clear)


def fresh() -> str:
    """64 random bits as text: claim tokens and commit ids."""
    while True:
        try:
            return _IDS.pop()
        except IndexError:
            drawn = secrets.token_hex(8 * _AHEAD)
            _IDS.extend(drawn[at : at + 16] for at in range(0, len(drawn), 16))


@define(eq=False)
class Descent:
    """What the runs that somebody here waits for wait for in turn: its alarms are ours while nobody else rings."""

    store: Store
    pool: Pool
    clock: Clock
    _driven: Counter[str] = field(factory=Counter, init=False)  # chains; who drives one sees to its own alarms
    _known: set[str] = field(factory=set, init=False)  # children that were offered to the pool
    _waiting: dict[str, Tended] = field(factory=dict, init=False)
    _blocked: dict[str, str] = field(factory=dict, init=False)  # why, by run id
    _changed: Condition = field(factory=Condition, init=False)
    _thread: Thread | None = field(default=None, init=False)

    @contextmanager
    def driving(self, run_id: str) -> Iterator[None]:
        chain, _ = chain_of(run_id)
        with self._changed:
            self._driven[chain] += 1
        try:
            yield
        finally:
            with self._changed:
                self._driven -= Counter((chain,))
                if not self._driven:
                    self._known.clear()
                    self._waiting.clear()
                    self._blocked.clear()
                    self._changed.notify_all()

    @property
    def is_driven(self) -> bool:
        return bool(self._driven)

    def saw(self, run_id: str, tended: Tended) -> None:
        """How a run was left that this process has tended."""
        with self._changed:
            if not self._driven:
                return
            self._waiting.pop(run_id, None)
            self._blocked.pop(run_id, None)
            if tended.state == "blocked":
                self._blocked[run_id] = tended.reason
            if tended.state == "waiting" and chain_of(run_id)[0] not in self._driven:
                self._waiting[run_id] = tended
            new = [child for child in tended.children if child not in self._known]
            self._known.update(new)
            for child in new:
                self._later(child)
            if (new or self._waiting) and (self._thread is None or not self._thread.is_alive()):
                self._thread = Thread(target=self._run, name="yieldflow descent", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        for child in new:
            self.pool.offer(child, "")

    def expect_none_blocked(self, children: Sequence[str]) -> None:
        """Raises `RunBlocked` for one of these runs, or of those that they wait for, that the code at hand cannot
        continue: whoever drives them would wait for ever.
        """
        with self._changed:
            below = list(children)
            for run_id in below:
                if run_id in self._blocked:
                    raise RunBlocked(run_id, self._blocked[run_id])
                if run_id in self._waiting:
                    below += self._waiting[run_id].children

    def _run(self) -> None:
        """Until nobody drives any more."""
        look = self.clock.now() + LOOK
        while True:
            with self._changed:
                if not self._driven:
                    self._thread = None
                    return
                now = self.clock.now()
                alarms = [tended.alarm for tended in self._waiting.values() if tended.alarm is not None]
                if (pause := min([look, *alarms]) - now) > 0:
                    self._changed.wait(pause / 1_000)
                    continue
                waiting = dict(self._waiting)
            ready = [run_id for run_id, tended in waiting.items() if tended.alarm is not None and tended.alarm <= now]
            if look <= now:
                look = now + LOOK
                ready += [run_id for run_id, tended in waiting.items() if self._has_moved(run_id, tended)]
            self._offer(ready)

    def _has_moved(self, run_id: str, tended: Tended) -> bool:
        """Others have written to it, who left no hint here."""
        try:
            return self.store.wait(run_id, tended.head, 0)
        except StoreError:
            return False

    def _offer(self, ready: list[str]) -> None:
        for run_id in ready:
            with self._changed:
                self._later(run_id)
            self.pool.offer(run_id, "")

    def _later(self, run_id: str) -> None:
        """It is looked at now; should that fail, it is again."""
        again = self.clock.now() + HINT_AFTER
        former = self._waiting.get(run_id, Tended("waiting"))
        self._waiting[run_id] = evolve(former, alarm=again)


@define(eq=False)
class Runtime:
    """What tends runs here. *queues*: whose work this process may take; None: all."""

    store: Store
    codec: Codec
    registry: Registry
    queues: tuple[str, ...] | None
    hints: Queue | None = None  # where hints go; None: to the pool of this process
    threads: int = 4
    tidy: Callable[[Store, Millis], object] = lambda _, __: None  # what whoever rings does between two looks
    clock: Clock = field(init=False)
    cache: Cache = field(factory=Cache, init=False)
    pool: Pool = field(init=False)
    descent: Descent = field(init=False)
    heart: Heart = field(init=False)
    watch: Watch = field(factory=Watch, init=False)

    def __attrs_post_init__(self) -> None:
        self.clock = Clock(lambda: self.store.next_alarm()[1])
        self.pool = Pool(self._pump, self.threads)
        self.descent = Descent(self.store, self.pool, self.clock)
        queue = self.queues[0] if self.queues else ""
        self.heart = Heart(self.store, lambda run_id: (self.hints or self.pool).offer(run_id, queue))

    def tend(
        self,
        run_id: str,
        *,
        stopping: Callable[[], bool] = lambda: False,
        inline: Inline = "always",
        hints: Queue | None = None,
        slice_: Millis = SLICE,
    ) -> Tended:
        """Do all that can be done now for a run, in this thread. Raises `StoreError`."""
        tools = self._tools(stopping, slice_, inline)
        tended = self._drive(tend(run_id, tools), tools, hints or self.hints or self.pool)
        self.descent.saw(run_id, tended)
        return tended

    def ask(self, run_id: str, asking: Callable[[Tending], Asking[T]], hints: Queue) -> T:
        """Perform what somebody outside asks of the engine for a run; nothing is tended. Raises `StoreError`."""
        tools = self._tools(lambda: False, 0, "never")
        return self._drive(asking(Tending(run_id, tools, until=0)), tools, hints)

    def ask_each(
        self, run_ids: Sequence[str], asking: Callable[[Tending], Asking[T]], hints: Queue
    ) -> list[T | YieldflowError | None]:
        """`ask`, of several runs at once; what is raised for one of them is its answer."""
        tools, bodies = self._tools(lambda: False, 0, "never"), self._bodies()
        askings = [asking(Tending(run_id, tools, until=0)) for run_id in run_ids]
        try:
            return together(askings, Ports(tools.me, self.store, hints, self.clock, partial(self._execute, bodies)))
        finally:
            bodies.close()

    def _tools(self, stopping: Callable[[], bool], slice_: Millis, inline: Inline) -> Tools:
        me = Worker(
            identity.name(), self.queues, self.clock.now, fresh, identity.gone, stopping, slice=slice_, inline=inline
        )
        return Tools(me, self.cache, self.registry, self.codec, loaded)

    def _drive(self, asking: Asking[T], tools: Tools, queue: Queue) -> T:
        bodies = self._bodies()
        try:
            return drive(asking, Ports(tools.me, self.store, queue, self.clock, partial(self._execute, bodies)))
        finally:
            bodies.close()

    def _bodies(self) -> Bodies:
        return Bodies(self.heart, self.watch, self.codec, self.clock.now, self.pool.replace)

    def _execute(self, bodies: Bodies, request: Execute | ExecuteLocal) -> Body:
        before = here.set(self)
        try:
            store = self.store
            if isinstance(store, ObservedStore):
                return store.around(request, partial(bodies.execute, request), self.clock.now())
            return bodies.execute(request)
        finally:
            here.reset(before)

    def group(self, stopping: Callable[[], bool], hints: Queue | None = None) -> Group:
        """For the loop of a worker: several runs at a time, whose commits go together."""
        queue = hints or self.hints or self.pool
        saw = self._saw if queue is self.pool else self.descent.saw

        def begin(run_id: str, stop: Callable[[], bool]) -> Flight:
            expect_possible(run_id)
            tools = self._tools(stop, SLICE, "always")
            bodies = self._bodies()
            ports = Ports(tools.me, self.store, queue, self.clock, partial(self._execute, bodies))
            return Flight(run_id, tend(run_id, tools), ports, bodies.close, saw)

        return Group(begin, stopping)

    def work_on(self, run_id: str, more: Callable[[int, Collection[str]], Iterable[str]]) -> None:
        """Tend a run, several at a time with what *more* answers, then with those of our queues that are due, until a
        time slice is over. *more* is asked for at most so many runs, and told those under way. Raises `StoreError`.
        """
        until = self.clock.now() + SLICE

        def is_over() -> bool:
            return self.clock.now() >= until

        group, looked = self.group(is_over), 0
        group.add((run_id,))
        try:
            while True:
                now = self.clock.now()
                if now < until and group.room > 0 and (not len(group) or now - looked > LOOK_AGAIN):
                    looked = now
                    group.add(more(group.room, group.run_ids))
                    if not len(group):
                        group.add(self._due())
                if not len(group):
                    return
                group.round()
        finally:
            group.close()
            if isinstance(self.store, ObservedStore):
                self.store.flush()  # of a horse of RQ's nothing is left after this

    def _due(self) -> list[str]:
        """One run of ours whose alarm is due: others may begin with the rest meanwhile."""
        due = self.store.due(1)
        ours = [run.run_id for run in due if self.queues is None or run.queue in self.queues]
        others = [run for run in due if run.run_id not in ours]
        if others:
            (self.hints or self.pool).offer_each(others)
        return ours

    @property
    def is_idle(self) -> bool:
        """Whether nothing is done here, and no alarm is due. Raises `StoreError`."""
        earliest, now = self.store.next_alarm()
        return (earliest is None or earliest > now) and self.pool.is_idle

    def abandon(self, grace: float = 5.0) -> None:
        """Interrupted: bodies in threads have *grace* seconds to end, then they are interrupted, too. What ends by that
        is given back, and counts as nothing; what does not keeps its claim until the process is gone.
        """
        if not self.pool.stop(grace):
            self.watch.stop_all()
            self.pool.stop(MOMENT)

    def ring(self, stop: Flag, room: Callable[[str], int] = lambda _: 1) -> None:
        """Be the timer service of the store until *stop* is set; what the store cannot answer is asked again."""

        def wait(seconds: float) -> bool:
            self.tidy(self.store, self.clock.now())
            return stop.wait(seconds)

        while not stop.is_set():
            with suppress(StoreError):
                if self.hints is None:
                    ring(self.store, self.pool, room, wait, tick=QUICK_TICK, most=lambda: self.pool.room)
                else:
                    ring(self.store, self.hints, room, wait)
            stop.wait(0.5)

    def serve(self, stop: Flag) -> Thread:
        """Be the timer service in a thread of its own."""
        thread = Thread(target=self.ring, args=(stop,), name="yieldflow alarms", daemon=True)
        thread.start()
        return thread

    def _pump(self, run_ids: Sequence[str], more: More) -> None:
        group = self.group(self.pool.stopping, hints=self.pool)
        group.add(run_ids)
        try:
            while len(group):
                group.round()
                group.add(more(group.room, group.run_ids))
        finally:
            group.close()

    def _saw(self, run_id: str, tended: Tended) -> None:
        self.descent.saw(run_id, tended)
        if tended.state == "stopped" and not self.pool.stopping():
            self.pool.offer(run_id, "")


here: ContextVar[Runtime] = ContextVar("yieldflow runtime")
"""Of whoever tends the run whose body this is: what our own steps do to other runs, they do through it."""
