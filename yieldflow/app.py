"""`App`: start runs, find them, talk to them, work on them. Everything users do goes through here."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from threading import Event as Flag
from threading import RLock
from typing import Any, TypeVar

from yieldflow.aio import AsyncApp
from yieldflow.authoring.options import is_position
from yieldflow.authoring.registry import DEFAULT, Registry
from yieldflow.codec import LIMIT, JsonCodec, PayloadCodec, SealedCodec
from yieldflow.connect import connect, hints, is_embedded, store_on
from yieldflow.core.answers import is_token, token_hash
from yieldflow.core.asks import Hook, OpenHookCommand, ReceiveCommand, WorkflowCall
from yieldflow.core.chain import chain_of, expect_possible
from yieldflow.core.events import Limits
from yieldflow.core.times import Duration, Millis, duration
from yieldflow.engine import control
from yieldflow.engine.outside import CANCEL, check_run_id
from yieldflow.errors import RunEnded, StoreError, UnknownRun, UnknownToken, UsageError, shown
from yieldflow.handle import Handle
from yieldflow.inspection import OpenHook
from yieldflow.ports import Due, Page, Queue, Status, Store
from yieldflow.pruning import prune
from yieldflow.reach import Reach, encoded, expect_text, hook_of, refuse_in_a_workflow, wanted
from yieldflow.runtime import Runtime, fresh
from yieldflow.settings import named, settings, whole
from yieldflow.starting import Start, Starter

T = TypeVar("T")
R = TypeVar("R")


class App:
    """A store and the code that works on it.

    *url*: `memory:`, `sqlite:///file.db`, `redis://…`, `rediss://…` or `unix://…`; default `$YIELDFLOW_URL`, then
    `[tool.yieldflow] url` in pyproject.toml, then `sqlite:///yieldflow.db`. *modules* are imported so that their
    steps and workflows are known; default `$YIELDFLOW_MODULES` (separated by commas), then `[tool.yieldflow]`.
    *queue* is where runs are tended, *step_queue* where their steps are carried out (default: the same). *lease*:
    how long a silent worker keeps its work. *history_limit*: events after which a run takes no command; from
    *history_warn* on `run_info()` suggests to continue as new. *inbox_limit*: unread payloads of a run. *converter*: a
    `cattrs.Converter` whose hooks teach the codec classes of your own. *payload_codec*: all values pass through its
    `encode(bytes) -> bytes` and `decode`, for encryption or compression; default what `$YIELDFLOW_PAYLOAD_CODEC` or
    `[tool.yieldflow]` names as `module:name`. *payload_limit*: bytes of the largest value, before that (default 1 MiB).
    Nothing is connected before it is needed.

    >>> app = App("memory:")
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        modules: str | Iterable[str] = (),
        queue: str = "yieldflow",
        step_queue: str | None = None,
        lease: Duration = "10s",
        base_url: str | None = None,
        history_limit: int = 50_000,
        history_warn: int = 10_000,
        inbox_limit: int = 1_000,
        prefix: str | None = None,
        registry: Registry = DEFAULT,
        converter: Any = None,
        payload_codec: PayloadCodec | None = None,
        payload_limit: int | None = None,
        threads: int = 4,
    ) -> None:
        if threads < 1:
            raise UsageError(f"threads={threads} must be at least 1")
        self._lock = RLock()
        self.settings = settings(url, modules, prefix)
        self.queue = queue
        self.base_url = base_url
        self.limits = Limits(
            lease=duration(lease),
            step_queue=step_queue,
            inbox=inbox_limit,
            history=history_limit,
            history_warn=history_warn,
        )
        self.registry = registry
        limit = whole("payload_limit", payload_limit) or self.settings.payload_limit or LIMIT
        self._plain, self._payload_codec = JsonCodec(limit, converter), payload_codec
        self.threads = threads
        self.working = False
        self._reach = Reach(self.settings.url, lambda: self.runtime, self.hint, self._is_heard)

    @classmethod
    def on(cls, connection: Any) -> App:
        """The app of a stock RQ worker: its store is the Redis of its job, never the default URL."""
        app = cls("redis://")
        app.store = store_on(connection, app.settings.prefix)
        return app

    # --- starting ---------------------------------------------------------------------------------------------

    def start(
        self,
        call: WorkflowCall[T],
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: Duration | None = None,
    ) -> Handle[T]:
        """Start a run and answer its handle; *run_id* is random by default. *tags* are inherited by its children; past
        *timeout* it is cancelled, and fails with `RunTimeout` unless it goes on.

        Starting the same again (that run id, workflow and arguments) answers the run that is there, also when many
        do it at once. Raises `RunExists` for another workflow or other arguments, `BadRunId`, `BadArguments`.
        """
        refuse_in_a_workflow("start()")
        handle = self._open(self._starter.asked(call, run_id, tags, timeout), hinted=self._is_heard())
        self.hint(handle.run_id, handle.queue)
        return handle

    def start_many(self, calls: Iterable[WorkflowCall[T]], *, tags: Mapping[str, str] | None = None) -> list[Handle[T]]:
        """Start a run of each call, hundreds in one round trip, with random ids unless `.options(run_id=)` gives one.

        Raises as `start` does; of several `RunExists` the first, when all the others are started.
        """
        refuse_in_a_workflow("start_many()")
        starts = [self._starter.asked(call, None, tags, None) for call in calls]
        refused = self._starter.open(starts, hinted=self._is_heard())
        handles = [self._handle(start) for start in starts]
        self._hint_each([Due(handle.run_id, handle.queue) for handle in handles])
        if refused is not None:
            raise refused
        return handles

    def run(
        self,
        call: WorkflowCall[T],
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: Duration | None = None,
    ) -> T:
        """Start a run, or take up the unfinished one of that id, and drive it in this process until it ends.

        Bodies run in the calling thread where nothing else is owed meanwhile, else in threads. Raises what
        `Handle.result` raises, and `RunBlocked` at once.
        """
        refuse_in_a_workflow("start()")
        handle = self._open(self._starter.asked(call, run_id, tags, timeout), hinted=True)
        handle.drive()
        return handle.result(timeout=0)

    def get(self, run_id: str) -> Handle[Any]:
        """The handle of a run. Raises `UnknownRun`."""
        handle: Handle[Any] = Handle(run_id, self, Any)
        handle.summary()
        return handle

    def runs(
        self,
        *,
        status: Status | None = None,
        workflow: str | None = None,
        tag: tuple[str, str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        """Runs that fit, newest first, at most *limit* of them; `.cursor` is given back for the next page.

        Raises `UsageError`.
        """
        return self.store.find(wanted(status, workflow, tag, since, until, limit), cursor)

    # --- talking to runs ----------------------------------------------------------------------------------------

    def send(
        self,
        run_id: str,
        hook: str | ReceiveCommand[T] | OpenHookCommand[Hook[T]],
        payload: T,
        *,
        key: str | None = None,
    ) -> int:
        """Deliver *payload* to a hook of a run, open already or not; answers its position in the log.

        With the hook itself (not its name) the payload is checked against its type. A *key* makes the delivery
        count once, however often it is sent. Raises `UnknownRun`, `RunEnded`, `BadPayload`, `InboxFull`.
        """
        name, kind = hook_of(hook)
        return self._reach.send(run_id, name, encoded(name, payload, kind, self.codec), key, None, self.limits.inbox)

    def resume_hook(self, token: str, payload: Any, *, key: str | None = None) -> int:
        """Deliver *payload* to the hook that has this token. Raises `UnknownToken` and what `send` raises."""
        found = self.store.resolve(token_hash(token)) if is_token(token) else None
        if found is None:
            raise UnknownToken
        run_id, name = found
        packed = encoded(name, payload, Any, self.codec)
        try:
            return self._reach.send(run_id, name, packed, key, "token", self.limits.inbox)
        except (RunEnded, UnknownRun):  # who only has a token is told nothing of its run
            raise UnknownToken from None

    def hooks(self, run_id: str) -> tuple[OpenHook, ...]:
        """The hooks that a run has opened, with the tokens that answer them. Raises `UnknownRun`."""
        return self.get(run_id).inspect().hooks

    def cancel(self, run_id: str, reason: str | None = None, *, again: bool = False) -> None:
        """Ask a run to stop: `Cancelled` is thrown where it waits, and its clean-up is carried out.

        A run is cancelled once; *again* throws once more. Raises `UnknownRun`, `RunEnded`.
        """
        self._reach.cancel(run_id, reason, fresh() if again else CANCEL)

    # --- running them -----------------------------------------------------------------------------------------------

    def pause(self, run_id: str, reason: str | None = None) -> None:
        """What happens to the run is kept, and not told to it, until it is resumed or cancelled; bodies that run may
        end. Nothing happens if it is paused. Raises `UnknownRun`, `RunEnded`.
        """
        expect_text(reason)
        self._reach.operate("pause()", run_id, lambda t: control.pause(t, reason))

    def resume(self, run_id: str) -> None:
        """Go on with a paused run. Nothing happens if it is not paused. Raises `UnknownRun`, `RunEnded`."""
        self._reach.operate("resume()", run_id, control.resume)

    def terminate(self, run_id: str, reason: str | None = None) -> None:
        """End a run without asking it: no clean-up is carried out. Its children are cancelled. Raises `UnknownRun`,
        `RunEnded`.
        """
        expect_text(reason)
        self._reach.operate("terminate()", run_id, lambda t: control.terminate(t, reason))

    def retry(self, run_id: str) -> Handle[Any]:
        """Go on with a failed run from the command whose failure ended it, its attempts counted anew, under the same
        run id and with the same idempotency keys. Raises `UnknownRun`, `NotFailed`.
        """
        self._reach.operate("retry()", run_id, control.retry)
        return Handle(chain_of(run_id)[0], self, Any)

    def fork(self, run_id: str, *, at: int | None = None, new_run_id: str | None = None) -> Handle[Any]:
        """Start a run of its own that shares the first *at* events (default: all but the end) and goes on from there,
        with idempotency keys, hook tokens and random numbers of its own: what comes after is done again.

        Raises `UnknownRun`, `RunExists`, `BadRunId`, `UsageError`.
        """
        expect_possible(run_id)
        if at is not None and not is_position(at, -(2**31)):
            raise UsageError(f"at={shown(at)} is no position: events are counted from 1")
        name = f"{chain_of(run_id)[0].partition('~')[0][:180]}-{fresh()}" if new_run_id is None else new_run_id
        check_run_id(name)
        self._reach.operate("fork()", run_id, lambda t: control.fork(t, name, at, secrets.token_bytes(16)))
        return Handle(name, self, Any)

    def prune(self, older_than: Duration, *, dry_run: bool = False) -> list[str]:
        """Delete what ended longer ago than that and owes nothing to another run; answers the run ids. A run that was
        continued keeps its first generation until its last has ended. Raises ValueError.
        """
        refuse_in_a_workflow("prune()")
        return prune(self.store, self.runtime.clock.now() - duration(older_than), dry_run=dry_run)

    @cached_property
    def aio(self) -> AsyncApp:
        """The same verbs as coroutines: `await app.aio.start(checkout(order))`."""
        return AsyncApp(self)

    # --- working ----------------------------------------------------------------------------------------------------

    @contextmanager
    def worker(self, threads: int | None = None) -> Iterator[None]:
        """Work on all runs of the store in *threads* background threads, its alarms included, until the block ends."""
        former, stop = self.__dict__.get("runtime"), Flag()
        self.runtime = runtime = self._runtime(threads or self.threads)
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

    def abandon(self) -> None:
        """What Ctrl-C asks for: as `close`, but the bodies that do not end in time are given back to others."""
        if "runtime" in self.__dict__:
            self.runtime.abandon()
            self.runtime.cache.clear()
            del self.runtime

    def close(self) -> None:
        """Stop the threads of this app and close its connections; a body that runs gets five seconds."""
        if "runtime" in self.__dict__:
            self.runtime.pool.stop()
            self.runtime.cache.clear()
            del self.runtime
        if "store" in self.__dict__:
            self.store.close()
            del self.store
        self.__dict__.pop("hints", None)

    @cached_property
    def codec(self) -> SealedCodec:
        """Raises `UsageError` for a payload codec that the settings name and that is not there."""
        place = self.settings.payload_codec
        if self._payload_codec is None and place is not None:
            return SealedCodec(self._plain, named("payload_codec", place))
        return SealedCodec(self._plain, self._payload_codec)

    @cached_property
    def store(self) -> Store:
        """Raises `BadUrl`, `StoreUnreachable`, `StoreUnsuitable`."""
        with self._lock:  # two threads have one store
            if (made := self.__dict__.get("store")) is None:
                made = self.__dict__["store"] = connect(self.settings.url, self.settings.prefix)
            store: Store = made
            return store

    @cached_property
    def runtime(self) -> Runtime:
        with self._lock:
            if (made := self.__dict__.get("runtime")) is None:
                made = self.__dict__["runtime"] = self._runtime(self.threads)
            runtime: Runtime = made
            return runtime

    @property
    def embedded(self) -> bool:
        """Whether this process works on runs by itself, for want of a server."""
        return is_embedded(self.settings.url)

    def serving(self, queues: tuple[str, ...]) -> Runtime:
        """What tends runs of these queues in a worker process; its hints go to all of them."""
        return self._runtime(self.threads, queues, self.hints)

    def _runtime(self, threads: int, queues: tuple[str, ...] = (), hints: Queue | None = None) -> Runtime:
        self.registry.load(self.settings.modules)
        own = None if self.embedded else tuple(dict.fromkeys((self.queue, self.limits.step_queue or self.queue)))
        return Runtime(self.store, self.codec, self.registry, queues or own, hints, threads)

    # --- how it is done ---------------------------------------------------------------------------------------------

    def _open(self, start: Start[T], *, hinted: bool) -> Handle[T]:
        if (refused := self._starter.open([start], hinted=hinted)) is not None:
            raise refused
        return self._handle(start)

    def _handle(self, start: Start[T]) -> Handle[T]:
        return Handle(start.event.run_id, self, start.call.definition.returns, start.event.queue)

    @cached_property
    def _starter(self) -> Starter:
        return Starter(self.queue, self.limits, self.base_url, self.codec, self._now, self._reach.append)

    def _now(self) -> Millis:
        return self.runtime.clock.now()  # another one, once the app was closed

    def hint(self, run_id: str, queue: str) -> None:
        """Have somebody look at a run: here, if this process works on runs, else a worker of its queue."""
        self._hint_each([Due(run_id, queue)])

    def _is_heard(self) -> bool:
        """Whether those who work hear hints: in other processes, those of an embedded store see only alarms."""
        return self.working or not self.embedded or self.runtime.descent.is_driven

    def _hint_each(self, runs: Sequence[Due]) -> None:
        if self.working or (self.embedded and self._is_heard()):
            self.runtime.pool.offer_each(runs)
        elif not self.embedded:
            with suppress(StoreError):  # it may be lost: the alarm leaves another one
                self.hints.offer_each(runs)

    @cached_property
    def hints(self) -> Queue:
        """The queue of an app whose workers are other processes."""
        return hints(self.client)

    def room(self, queue: str) -> int:
        """How many more hints that queue takes: the alarms ring no further."""
        asked: int = getattr(self.hints, "room")(queue)  # noqa: B009 - the port does not know it
        return asked

    @property
    def client(self) -> Any:
        """The connection of a store on a Redis server. Raises `UsageError` for another one."""
        if self.embedded:
            raise UsageError(f"{self.settings.url} is no Redis server")
        return getattr(self.store, "client")  # noqa: B009 - the port does not know it
