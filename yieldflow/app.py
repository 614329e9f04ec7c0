"""`App`: start runs, find them, talk to them, work on them. Everything users do goes through here."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from yieldflow.aio import AsyncApp
from yieldflow.authoring.options import is_position
from yieldflow.authoring.registry import DEFAULT, Registry
from yieldflow.codec import LIMIT, JsonCodec, PayloadCodec, SealedCodec
from yieldflow.connect import store_on
from yieldflow.core.answers import is_token, token_hash
from yieldflow.core.asks import Hook, OpenHookCommand, ReceiveCommand, WorkflowCall
from yieldflow.core.chain import chain_of, expect_possible
from yieldflow.core.events import Limits
from yieldflow.core.times import Duration, duration
from yieldflow.engine import control
from yieldflow.engine.outside import check_run_id
from yieldflow.errors import RunEnded, UnknownRun, UnknownToken, UsageError, shown
from yieldflow.forking import Forking
from yieldflow.handle import Handle, results
from yieldflow.inspection import OpenHook
from yieldflow.mending import Mender, Runs, Verb, cancelling, pausing, resuming, retrying, terminating
from yieldflow.observing.told import Observer
from yieldflow.ports import Due, Queue, Status, Store
from yieldflow.pruning import prunable, prune
from yieldflow.reach import Reach, encoded, hook_of, refuse_in_a_workflow, wanted
from yieldflow.runtime import Runtime, fresh
from yieldflow.schedules.verbs import Schedules, knowing_schedules, placed
from yieldflow.settings import Durability, settings, whole
from yieldflow.starting import Start, Starter
from yieldflow.workshop import Workshop, kept_for

T = TypeVar("T")


class App:
    """A store and the code that works on it.

    *url*: `memory:`, `sqlite:///file.db`, `redis://…`, `rediss://…` or `unix://…`; default `$YIELDFLOW_URL`, then
    `[tool.yieldflow] url` in pyproject.toml, then `sqlite:///yieldflow.db`. *modules* are imported so that their
    steps and workflows are known; default `$YIELDFLOW_MODULES` (separated by commas), then `[tool.yieldflow]`.
    *queue* is where runs are tended, *step_queue* where their steps are carried out (default: the same). *lease*:
    how long a silent worker keeps its work. *base_url*: where links of hooks lead (`the_hook.url`); default
    `$YIELDFLOW_BASE_URL`, then `[tool.yieldflow]`. *history_limit*: events after which a run takes no command; from
    *history_warn* on `run_info()` suggests to continue as new. *inbox_limit*: unread payloads of a run. *converter*: a
    `cattrs.Converter` whose hooks teach the codec classes of your own. *payload_codec*: all values pass through its
    `encode(bytes) -> bytes` and `decode`, for encryption or compression; default what `$YIELDFLOW_PAYLOAD_CODEC` or
    `[tool.yieldflow]` names as `module:name`. *payload_limit*: bytes of the largest value, before that (default 1 MiB).
    *retention*: how long runs are kept once they have ended, for all or by how they did (`{"completed": "7d", "failed":
    "90d"}`); default `$YIELDFLOW_RETENTION`, then `[tool.yieldflow]`, then for ever. *durability*: with "fsync" what is
    answered is on the disk; default `$YIELDFLOW_DURABILITY`, then `[tool.yieldflow]`, then "server": as that keeps it.
    *observe*: who is told of what is done here, such as `[yieldflow.otel.Tracing()]`, besides those that
    `$YIELDFLOW_OBSERVE` or `[tool.yieldflow]` names as `module:name`. Nothing is connected before it is needed.

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
        durability: Durability | None = None,
        registry: Registry = DEFAULT,
        converter: Any = None,
        payload_codec: PayloadCodec | None = None,
        payload_limit: int | None = None,
        retention: Duration | Mapping[str, Duration] | None = None,
        threads: int = 4,
        observe: Iterable[Observer] = (),
    ) -> None:
        self.settings = settings(url, modules, prefix, durability)
        self.queue, self.base_url = queue, base_url or self.settings.base_url
        self.limits = Limits(
            duration(lease), step_queue, inbox=inbox_limit, history=history_limit, history_warn=history_warn
        )
        self.registry, self.threads = knowing_schedules(registry), threads
        limit = whole("payload_limit", payload_limit) or self.settings.payload_limit or LIMIT
        plain, kept, told = JsonCodec(limit, converter), kept_for(retention, self.settings), tuple(observe)
        shop = Workshop(self.settings, registry, queue, self.limits, threads, plain, payload_codec, kept, told)
        self.workshop = shop
        self._reach = Reach(self.settings.url, lambda: shop.runtime, shop.hint, shop.is_heard)
        self.mender = Mender(lambda: shop.store, lambda: shop.runtime, shop.hint_each, shop.is_heard)

    @classmethod
    def on(cls, connection: Any) -> App:
        """The app of a stock RQ worker: its store is the Redis of its job, never the default URL."""
        app = cls("redis://")
        app.store = store_on(connection, app.settings.prefix, fsync=app.settings.durability == "fsync")
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
        start, shop = self._starter.asked(call, run_id, tags, timeout), self.workshop
        return self._open(start, shop.hint_each, hinted=shop.is_heard())

    def start_many(self, calls: Iterable[WorkflowCall[T]], *, tags: Mapping[str, str] | None = None) -> list[Handle[T]]:
        """Start a run of each call, dozens in one round trip, with random ids unless `.options(run_id=)` gives one.

        Raises as `start` does; of several `RunExists` the first, when all the others are started.
        """
        refuse_in_a_workflow("start_many()")
        starts, shop = [self._starter.asked(call, None, tags, None) for call in calls], self.workshop
        if (refused := self._starter.open(starts, shop.hint_each, hinted=shop.is_heard())) is not None:
            raise refused
        return [self._handle(start) for start in starts]

    def results(self, handles: Sequence[Handle[T]], timeout: Duration | None = None) -> list[T]:
        """Wait for the ends of all of them and answer their results in that order, dozens in one round trip; *timeout*:
        for all together. Raises what `Handle.result` raises, of the first of them that does.
        """
        return results(handles, timeout)

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
        handle = self._open(self._starter.asked(call, run_id, tags, timeout), lambda _: None, hinted=True)
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
        status: Status | Sequence[Status] | None = None,
        workflow: str | None = None,
        tag: tuple[str, str] | Mapping[str, str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        oldest_first: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Runs:
        """Runs that fit, newest first, at most *limit* of them (default 100); `.cursor`: given back for the next page.

        `.cancel()`, `.pause()`, `.resume()`, `.terminate()` and `.retry()` of it do that to all that fit, or with a
        *limit* or *cursor* to those of this page. Raises `UsageError`.
        """
        asked = wanted(status, workflow, tag, since, until, 100 if limit is None else limit, oldest_first=oldest_first)
        all_of_them = limit is None and cursor is None
        return Runs(self.mender.page(asked, cursor), self.mender, asked if all_of_them else None)

    schedule = placed

    @cached_property
    def schedules(self) -> Schedules:
        """The schedules of this store: `app.schedules.list()`, `.get(schedule_id)`, `.declare()`."""
        return Schedules(self)

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
        self._operate(cancelling(reason, again=again, hinted=self.workshop.is_heard), run_id)

    # --- running them -----------------------------------------------------------------------------------------------

    def pause(self, run_id: str, reason: str | None = None) -> None:
        """What happens to the run is kept, and not told to it, until it is resumed or cancelled; bodies that run may
        end. Nothing happens if it is paused. Raises `UnknownRun`, `RunEnded`.
        """
        self._operate(pausing(reason), run_id)

    def resume(self, run_id: str) -> None:
        """Go on with a paused run. Nothing happens if it is not paused. Raises `UnknownRun`, `RunEnded`."""
        self._operate(resuming(), run_id)

    def terminate(self, run_id: str, reason: str | None = None) -> None:
        """End a run without asking it: no clean-up is carried out. Its children are cancelled. Raises `UnknownRun`,
        `RunEnded`.
        """
        self._operate(terminating(reason), run_id)

    def retry(self, run_id: str) -> Handle[Any]:
        """Go on with a failed run from the command whose failure ended it, its attempts counted anew, under the same
        run id and with the same idempotency keys. Raises `UnknownRun`, `NotFailed`.
        """
        self._operate(retrying(), run_id)
        return Handle(chain_of(run_id)[0], self, Any)

    def fork(
        self,
        run_id: str,
        *,
        at: int | None = None,
        replace: Mapping[str, object] | None = None,
        new_run_id: str | None = None,
    ) -> Handle[Any]:
        """Start a run of its own that shares the first *at* events (default: all but the end) and goes on from there,
        with idempotency keys, hook tokens and random numbers of its own: what comes after is done again.

        *replace*: by path (`{"3": receipt}`), other answers of steps and child runs than the run got; without *at* the
        fork begins after the last of them. Raises `UnknownRun`, `RunExists`, `BadRunId`, `UsageError`.
        """
        expect_possible(run_id)
        if at is not None and not is_position(at, -(2**31)):
            raise UsageError(f"at={shown(at)} is no position: events are counted from 1")
        name = f"{chain_of(run_id)[0].partition('~')[0][:180]}-{fresh()}" if new_run_id is None else new_run_id
        check_run_id(name)
        runtime, seed = self.runtime, secrets.token_bytes(16)
        forking = Forking(at, {} if replace is None else replace, runtime.registry, runtime.codec)
        self._reach.operate("fork()", run_id, lambda t: control.fork(t, lambda log: forking.cut(log, name, seed)))
        return Handle(name, self, Any)

    def prune(
        self,
        older_than: Duration,
        *,
        status: Status | Sequence[Status] | None = None,
        workflow: str | None = None,
        tag: tuple[str, str] | Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> list[str]:
        """Delete what ended longer ago than that, fits, and owes nothing to another run; answers the run ids. Of a run
        that was continued or retried the last generation decides for all. Raises ValueError, `UsageError`.
        """
        refuse_in_a_workflow("prune()")
        asked = wanted(status, workflow, tag, None, None, 1)
        before = self.workshop.now() - duration(older_than)
        return list(prunable(self.store, asked, before)) if dry_run else prune(self.store, asked, before)

    @cached_property
    def aio(self) -> AsyncApp:
        """The same verbs as coroutines: `await app.aio.start(checkout(order))`."""
        return AsyncApp(self)

    # --- working ----------------------------------------------------------------------------------------------------

    def worker(self, threads: int | None = None) -> AbstractContextManager[None]:
        """Work on all runs of the store in *threads* background threads, its alarms included, until the block ends."""
        self.schedules.of_modules()
        return self.workshop.at_work(threads or self.threads)

    def abandon(self) -> None:
        """What Ctrl-C asks for: as `close`, but the bodies that do not end in time are given back to others."""
        self.workshop.abandon()

    def close(self) -> None:
        """Stop the threads of this app and close its connections; a body that runs gets five seconds."""
        self.workshop.close()

    def serving(self, queues: tuple[str, ...]) -> Runtime:
        """What tends runs of these queues in a worker process; its hints go to all of them."""
        return self.workshop.begun(self.threads, queues, self.hints)

    def hint(self, run_id: str, queue: str) -> None:
        """Have somebody look at a run: here, if this process works on runs, else a worker of its queue."""
        self.workshop.hint(run_id, queue)

    def room(self, queue: str) -> int:
        """How many more hints that queue takes: the alarms ring no further."""
        asked: int = getattr(self.hints, "room")(queue)  # noqa: B009 - the port does not know it
        return asked

    # --- what it works with, made when it is needed -----------------------------------------------------------------

    @property
    def store(self) -> Store:
        """Raises `BadUrl`, `StoreUnreachable`, `StoreUnsuitable`."""
        return self.workshop.store

    @store.setter
    def store(self, store: Store) -> None:
        self.workshop.store = self.workshop.observed(store)

    @property
    def runtime(self) -> Runtime:
        return self.workshop.runtime

    @runtime.deleter
    def runtime(self) -> None:
        del self.workshop.runtime

    @property
    def hints(self) -> Queue:
        """The queue of an app whose workers are other processes."""
        return self.workshop.hints

    @hints.setter
    def hints(self, queue: Queue) -> None:
        self.workshop.hints = queue

    @property
    def codec(self) -> SealedCodec:
        """Raises `UsageError` for a payload codec that the settings name and that is not there."""
        return self.workshop.codec

    @property
    def client(self) -> Any:
        """The connection of a store on a Redis server. Raises `UsageError` for another one."""
        return self.workshop.client

    @property
    def embedded(self) -> bool:
        """Whether this process works on runs by itself, for want of a server."""
        return self.workshop.embedded

    @property
    def working(self) -> bool:
        """Whether this process works on all runs of the store."""
        return self.workshop.working

    # --- how it is done ---------------------------------------------------------------------------------------------

    def _operate(self, verb: Verb, run_id: str) -> None:
        self._reach.operate(f"{verb.name}()", run_id, verb.asking)

    def _open(self, start: Start[T], hint: Callable[[Sequence[Due]], None], *, hinted: bool) -> Handle[T]:
        if (refused := self._starter.open([start], hint, hinted=hinted)) is not None:
            raise refused
        return self._handle(start)

    def _handle(self, start: Start[T]) -> Handle[T]:
        return Handle(start.event.run_id, self, start.call.definition.returns, start.event.queue)

    @cached_property
    def _starter(self) -> Starter:
        shop = self.workshop
        return Starter(self.queue, self.limits, self.base_url, self.codec, shop.now, self._reach.append, shop.carried)
