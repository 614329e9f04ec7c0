"""Where an app works: its store, its code, its threads, and how those are told who work on runs elsewhere.

Nothing is connected, imported or begun before it is needed. Knows no verb.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from threading import Event as Flag
from threading import RLock
from typing import Any

from attrs import define, field

from yieldflow.authoring.options import retention
from yieldflow.authoring.registry import Registry
from yieldflow.codec import JsonCodec, PayloadCodec, SealedCodec
from yieldflow.connect import connect, hints, is_embedded
from yieldflow.core.events import Limits
from yieldflow.core.times import Duration, Millis
from yieldflow.errors import StoreError, UsageError
from yieldflow.observing.harmless import harmless
from yieldflow.observing.store import ObservedStore
from yieldflow.observing.told import Observer
from yieldflow.ports import Due, Queue, Store
from yieldflow.pruning import Rule, Sweeper, rules_of
from yieldflow.runtime import Runtime
from yieldflow.settings import Settings, named


@define(eq=False, slots=False)
class Workshop:
    """*queue* is where runs are tended; *kept*: how long those are that have ended, by how they did."""

    settings: Settings
    registry: Registry
    queue: str
    limits: Limits
    threads: int = field()
    plain: JsonCodec
    payload_codec: PayloadCodec | None
    kept: dict[str, Millis]
    observe: tuple[Observer, ...] = ()
    working: bool = field(default=False, init=False)
    _lock: RLock = field(factory=RLock, init=False)

    @threads.validator
    def _expect_some(self, _: Any, threads: int) -> None:
        if threads < 1:
            raise UsageError(f"threads={threads} must be at least 1")

    @cached_property
    def codec(self) -> SealedCodec:
        """Raises `UsageError` for a payload codec that the settings name and that is not there."""
        place = self.settings.payload_codec
        if self.payload_codec is None and place is not None:
            return SealedCodec(self.plain, named("payload_codec", place))
        return SealedCodec(self.plain, self.payload_codec)

    @cached_property
    def store(self) -> Store:
        """Raises `BadUrl`, `StoreUnreachable`, `StoreUnsuitable`."""
        with self._lock:  # two threads have one store
            if (made := self.__dict__.get("store")) is None:
                told = self.settings
                made = self.observed(connect(told.url, told.prefix, fsync=told.durability == "fsync"))
                self.__dict__["store"] = made
            store: Store = made
            return store

    @cached_property
    def observers(self) -> tuple[Observer, ...]:
        """Raises `UsageError` for one that the settings name and that is not there."""
        named_ones = [named("observe", place) for place in self.settings.observe]
        return (*self.observe, *(one() if isinstance(one, type) else one for one in named_ones))

    def observed(self, store: Store) -> Store:
        """*store*, which tells our observers, if there are any."""
        return ObservedStore(store, self.observers) if self.observers else store

    def place(self, run_id: str) -> Mapping[str, str]:
        """What a log line of that run says beside it."""
        return self._asked(lambda observer: observer.place(run_id))

    def carried(self) -> Mapping[str, str]:
        """Tags of a run that is started here and now."""
        return self._asked(lambda observer: observer.carried())

    def _asked(self, ask: Callable[[Observer], Mapping[str, str]]) -> Mapping[str, str]:
        answers: dict[str, str] = {}
        for observer in self.observers:
            with harmless:
                answers |= ask(observer)
        return answers

    @cached_property
    def runtime(self) -> Runtime:
        with self._lock:
            if (made := self.__dict__.get("runtime")) is None:
                made = self.__dict__["runtime"] = self.begun(self.threads)
            runtime: Runtime = made
            return runtime

    @cached_property
    def hints(self) -> Queue:
        """The queue of an app whose workers are other processes."""
        return hints(self.client)

    @property
    def client(self) -> Any:
        """The connection of a store on a Redis server. Raises `UsageError` for another one."""
        if self.embedded:
            raise UsageError(f"{self.settings.url} is no Redis server")
        return getattr(self.store, "client")  # noqa: B009 - the port does not know it

    @property
    def embedded(self) -> bool:
        return is_embedded(self.settings.url)

    def rules(self) -> Sequence[Rule]:
        """What is deleted when: of the workflows at hand alone, for others may say that theirs are kept for longer."""
        spans = {
            name: self.kept if workflow.retention is None else workflow.retention
            for workflow in self.registry.workflows()
            for name in (workflow.name, *workflow.also_known_as)
        }
        return [rule for name, kept in spans.items() for rule in rules_of(name, kept)]

    # --- working ----------------------------------------------------------------------------------------------------

    @contextmanager
    def at_work(self, threads: int) -> Iterator[None]:
        former, stop = self.__dict__.get("runtime"), Flag()
        self.runtime = runtime = self.begun(threads)
        self.working = True
        alarms = runtime.serve(stop)
        try:
            yield
        finally:
            stop.set()
            runtime.pool.stop()
            alarms.join(5.0)  # seconds; who closes the store now takes it from under nobody
            runtime.cache.clear()
            self.working = False
            self.__dict__.pop("runtime", None)  # it may be closed meanwhile
            if former is not None:
                self.runtime = former

    def begun(self, threads: int, queues: tuple[str, ...] = (), elsewhere: Queue | None = None) -> Runtime:
        """What tends runs of *queues* here, with the code at hand; its hints go *elsewhere*, or to its own threads."""
        self.registry.load(self.settings.modules)
        own = None if self.embedded else tuple(dict.fromkeys((self.queue, self.limits.step_queue or self.queue)))
        sweeper = Sweeper(self.rules)
        return Runtime(self.store, self.codec, self.registry, queues or own, elsewhere, threads, sweeper.turn)

    def abandon(self) -> None:
        """As `close`, but bodies that do not end in time are given back to others, and the store stays open."""
        if "runtime" in self.__dict__:
            self.runtime.abandon()
            self.runtime.cache.clear()
            del self.runtime

    def close(self) -> None:
        if "runtime" in self.__dict__:
            self.runtime.pool.stop()
            self.runtime.cache.clear()
            del self.runtime
        if "store" in self.__dict__:
            self.store.close()
            del self.store
        self.__dict__.pop("hints", None)

    # --- telling who works ------------------------------------------------------------------------------------------

    def now(self) -> Millis:
        return self.runtime.clock.now()  # another one, once the app was closed

    def is_heard(self) -> bool:
        """Whether those who work hear hints: in other processes, those of an embedded store see only alarms."""
        return self.working or not self.embedded or self.runtime.descent.is_driven

    def hint(self, run_id: str, queue: str) -> None:
        self.hint_each([Due(run_id, queue)])

    def hint_each(self, runs: Sequence[Due]) -> None:
        """Have somebody look at these runs: here, if this process works on runs, else workers of their queues."""
        if self.working or (self.embedded and self.is_heard()):
            self.runtime.pool.offer_each(runs)
        elif not self.embedded:
            with suppress(StoreError):  # it may be lost: the alarm leaves another one
                self.hints.offer_each(runs)


def kept_for(asked: Duration | Mapping[str, Duration] | None, settings: Settings) -> dict[str, Millis]:
    """How long an app keeps what has ended. Raises ValueError, and `UsageError` for what the settings say."""
    if asked is not None:
        return retention(asked)
    try:
        return retention(settings.retention)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the setting retention cannot be meant: {error}") from error
