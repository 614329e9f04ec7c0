"""`App`: start runs, find them, talk to them, work on them. Everything users do goes through here."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache, cached_property
from threading import Event as Flag
from threading import RLock
from typing import Any, TypeVar

from yieldflow.authoring.registry import DEFAULT, Registry
from yieldflow.authoring.scope import inside
from yieldflow.codec import JsonCodec
from yieldflow.codec.packing import unpack
from yieldflow.connect import connect, hints, is_embedded, store_on
from yieldflow.core.answers import token_hash
from yieldflow.core.asks import Hook, OpenHookCommand, ReceiveCommand, WorkflowCall
from yieldflow.core.events import Limits, RunStarted
from yieldflow.core.times import Duration, Millis, duration, instant
from yieldflow.engine.outside import (
    CANCEL,
    cancellation,
    check_hook,
    check_run_id,
    check_tags,
    delivery,
    expect_same,
    opening,
    started,
)
from yieldflow.errors import (
    BadPayload,
    InboxFull,
    InsideWorkflow,
    ReplyLost,
    RunEnded,
    StoreError,
    StoreUnreachable,
    Unencodable,
    UnknownRun,
    UnknownToken,
    UsageError,
)
from yieldflow.handle import Handle
from yieldflow.ports import Commit, Conflict, Done, Filter, Page, Queue, Refused, Reply, Status, Store
from yieldflow.runtime import Runtime, fresh
from yieldflow.settings import settings

T = TypeVar("T")


class App:
    """A store and the code that works on it.

    *url*: `memory:`, `sqlite:///file.db`, `redis://…`, `rediss://…` or `unix://…`; default `$YIELDFLOW_URL`, then
    `[tool.yieldflow] url` in pyproject.toml, then `sqlite:///yieldflow.db`. *modules* are imported so that their
    steps and workflows are known; default `$YIELDFLOW_MODULES` (separated by commas), then `[tool.yieldflow]`.
    *queue* is where runs are tended, *step_queue* where their steps are carried out (default: the same). *lease*:
    how long a silent worker keeps its work. *converter*: a `cattrs.Converter` whose hooks teach the codec classes of
    your own. Nothing is connected before it is needed.

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
        prefix: str | None = None,
        registry: Registry = DEFAULT,
        converter: Any = None,
        threads: int = 4,
    ) -> None:
        if threads < 1:
            raise UsageError(f"threads={threads} must be at least 1")
        self._lock = RLock()
        self.settings = settings(url, modules, prefix)
        self.queue = queue
        self.base_url = base_url
        self.limits = Limits(lease=duration(lease), step_queue=step_queue)
        self.registry = registry
        self.codec = JsonCodec(converter=converter)
        self.threads = threads
        self.working = False

    @classmethod
    def on(cls, connection: Any) -> App:
        """The app of a stock RQ worker: its store is the Redis of its job, never the default URL."""
        app = cls("redis://")
        app.store = store_on(connection, app.settings.prefix)
        return app

    # --- starting ---------------------------------------------------------------------------------------------

    def start(
        self, call: WorkflowCall[T], *, run_id: str | None = None, tags: Mapping[str, str] | None = None
    ) -> Handle[T]:
        """Start a run and answer its handle; *run_id* is random by default.

        Starting the same again (that run id, workflow and arguments) answers the run that is there, also when many
        do it at once. Raises `RunExists` for another workflow or other arguments, `BadRunId`, `BadArguments`.
        """
        handle = self._create(call, run_id, tags)
        self.hint(handle.run_id)
        return handle

    def run(self, call: WorkflowCall[T], *, run_id: str | None = None, tags: Mapping[str, str] | None = None) -> T:
        """Start a run, or take up the unfinished one of that id, and drive it in this process until it ends.

        Bodies run in the calling thread where nothing else is owed meanwhile, else in threads. Raises what
        `Handle.result` raises, and `RunBlocked` at once.
        """
        handle = self._create(call, run_id, tags)
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
        """Runs that fit, newest first, at most *limit* of them; `.cursor` is given back for the next page."""
        wanted = Filter(status, workflow, tag, _instant(since), _instant(until), limit)
        return self.store.find(wanted, cursor)

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
        name, kind = _hook(hook)
        check_hook(name)
        return self._deliver(run_id, name, self._payload(name, payload, kind), key, None)

    def resume_hook(self, token: str, payload: Any, *, key: str | None = None) -> int:
        """Deliver *payload* to the hook that has this token. Raises `UnknownToken` and what `send` raises."""
        found = self.store.resolve(token_hash(token))
        if found is None:
            raise UnknownToken
        run_id, name = found
        return self._deliver(run_id, name, self._payload(name, payload, Any), key, "token")

    def cancel(self, run_id: str, reason: str | None = None, *, again: bool = False) -> None:
        """Ask a run to stop: `Cancelled` is thrown where it waits, and its clean-up is carried out.

        A run is cancelled once; *again* throws once more. Raises `UnknownRun`, `RunEnded`.
        """
        key = fresh() if again else CANCEL
        commit = cancellation(run_id, fresh(), key=key, reason=reason, at=self.runtime.clock.now())
        reply = self._append(commit)
        if isinstance(reply, Refused) and reply.reason == "twice":
            return
        self._expect_done(run_id, reply)

    # --- working ----------------------------------------------------------------------------------------------------

    @contextmanager
    def worker(self, threads: int | None = None) -> Iterator[None]:
        """Work on all runs of the store in *threads* background threads, its alarms included, until the block ends."""
        former, stop = self.__dict__.get("runtime"), Flag()
        self.runtime = runtime = self._runtime(threads or self.threads)
        self.working = True
        runtime.serve(stop)
        try:
            yield
        finally:
            stop.set()
            runtime.pool.stop()
            runtime.cache.clear()
            self.working = False
            del self.runtime
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

    def _create(self, call: WorkflowCall[T], run_id: str | None, tags: Mapping[str, str] | None) -> Handle[T]:
        if inside.get() == "workflow":
            raise InsideWorkflow("start()")
        if not isinstance(call, WorkflowCall):
            raise UsageError(f"start() takes the call of a workflow, such as checkout(order), not {call!r}")
        name = f"{call.definition.fn.__name__}-{fresh()}" if run_id is None else run_id
        check_run_id(name)
        check_tags(tags or {})
        event = started(
            call,
            name,
            at=self.runtime.clock.now(),
            seed=secrets.token_bytes(16),
            queue=self.queue,
            limits=self.limits,
            tags=tags or {},
            base_url=self.base_url,
            codec=self.codec,
        )
        self._open(event, call)
        return Handle(name, self, call.definition.returns)

    def _open(self, event: RunStarted, call: WorkflowCall[Any]) -> None:
        commit = opening(event, fresh())
        reply = self._append(commit)
        match reply:
            case Done():
                return
            case Conflict(tail=tail) if tail:
                existing = unpack(tail[0])
                if isinstance(existing, RunStarted) and existing.seed != event.seed:
                    expect_same(existing, call, self.codec)
            case _:
                raise StoreError(f"run {event.run_id!r} could not be started: {reply}")

    def hint(self, run_id: str) -> None:
        """Have somebody look at a run: here, if this process works on runs, else a worker."""
        if self.working:
            self.runtime.pool.offer(run_id, self.queue)
        elif not self.embedded:
            with suppress(StoreError):  # it may be lost: the alarm leaves another one
                self.hints.offer(run_id, self.queue)

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

    def _deliver(self, run_id: str, hook: str, payload: bytes, key: str | None, by: str | None) -> int:
        at, inbox = self.runtime.clock.now(), self.limits.inbox
        reply = self._append(delivery(run_id, fresh(), hook, payload, key=key or fresh(), by=by, inbox=inbox, at=at))
        if isinstance(reply, Refused) and reply.reason == "twice" and reply.position is not None:
            return reply.position
        return self._expect_done(run_id, reply).head.length

    def _append(self, commit: Commit) -> Reply:
        """A lost reply is asked for again: every commit from outside is known by its key or seed."""
        for _ in range(3):
            try:
                (reply,) = self.store.commit((commit,))
            except ReplyLost as error:
                lost = error
            else:
                self.runtime.clock.heard(reply.now)
                return reply
        raise StoreUnreachable(self.settings.url, lost.reason)

    def _expect_done(self, run_id: str, reply: Reply) -> Done:
        match reply:
            case Done():
                self.hint(run_id)
                return reply
            case Refused(reason="ended"):
                raise RunEnded(run_id)
            case Refused(reason="inbox"):
                raise InboxFull(run_id, self.limits.inbox)
            case _:
                raise UnknownRun(run_id)

    def _payload(self, hook: str, payload: Any, kind: Any) -> bytes:
        try:
            return self.codec.encode(payload, kind)
        except Unencodable as error:
            raise BadPayload(hook, str(error)) from error


def _hook(hook: str | ReceiveCommand[Any] | OpenHookCommand[Any]) -> tuple[str, Any]:
    match hook:
        case ReceiveCommand(hook=name, type=kind) | OpenHookCommand(name=name, type=kind):
            return name, kind
        case _:
            return hook, Any


def _instant(moment: datetime | None) -> Millis | None:
    return None if moment is None else instant(moment)


@cache
def default_app() -> App:
    """The app of the module-level verbs: its settings come from the environment or pyproject.toml."""
    return App()


def start(call: WorkflowCall[T], *, run_id: str | None = None, tags: Mapping[str, str] | None = None) -> Handle[T]:
    """As `App.start`, on the default app."""
    return default_app().start(call, run_id=run_id, tags=tags)
