"""`app.aio`: the verbs of an app as coroutines, for programs that have an event loop of their own.

Whatever asks the store does so in the few threads of the loop's executor. An await for a run is a coroutine that
looks from time to time: it holds no thread meanwhile, and to cancel it does nothing to the run.
"""
# ruff: noqa: ASYNC109 - the timeouts of `Handle`, which a newcomer knows already

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from math import inf
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar, assert_never, overload

from attrs import define, field, frozen

from yieldflow.core.asks import Hook, OpenHookCommand, ReceiveCommand, WorkflowCall
from yieldflow.core.events import Event
from yieldflow.core.times import Duration
from yieldflow.errors import RunBlocked, TimedOut, UnknownRun
from yieldflow.handle import Handle
from yieldflow.mending import Mended, Runs
from yieldflow.ports import Status, Summary
from yieldflow.schedules.aio import AsyncSchedules, placed_later

if TYPE_CHECKING:
    from yieldflow.app import App

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S")

_SHORTEST, _USUAL, _LONGEST = 0.01, 0.1, 1.0  # seconds between two looks at a run
_LOOKS = 1_000  # a second, at everything that is awaited
_OVER: tuple[Status, ...] = ("completed", "failed", "cancelled")


class AsyncApp:
    """The verbs of *app* as coroutines: `app.aio`. Several event loops may use it, one after the other or at once.

    >>> from yieldflow import App
    >>> async def ended() -> int:
    ...     return len((await App("memory:").aio.runs(status="completed")).runs)
    >>> asyncio.run(ended())
    0
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._awaits = Awaits()

    async def start(
        self,
        call: WorkflowCall[T],
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: Duration | None = None,
    ) -> AsyncHandle[T]:
        """As `App.start`. A cancelled await may have started the run: with a *run_id* it can be started again."""
        return self._handle(
            await asyncio.to_thread(lambda: self._app.start(call, run_id=run_id, tags=tags, timeout=timeout))
        )

    async def start_many(
        self, calls: Iterable[WorkflowCall[T]], *, tags: Mapping[str, str] | None = None
    ) -> list[AsyncHandle[T]]:
        """As `App.start_many`."""
        asked = list(calls)
        started = await asyncio.to_thread(lambda: self._app.start_many(asked, tags=tags))
        return [self._handle(one) for one in started]

    async def results(self, handles: Iterable[AsyncHandle[T]], timeout: float | None = None) -> list[T]:
        """As `App.results`."""
        return list(await asyncio.gather(*(handle.result(timeout) for handle in handles)))

    async def run(
        self,
        call: WorkflowCall[T],
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: Duration | None = None,
    ) -> T:
        """Start a run, or take up the unfinished one of that id, and work on it in the threads of this app until it
        ends; on a server its workers may help. Raises what `Handle.result` raises, and `RunBlocked` at once.
        """
        handle = await self.start(call, run_id=run_id, tags=tags, timeout=timeout)
        return await handle.drive()

    async def get(self, run_id: str) -> AsyncHandle[Any]:
        """As `App.get`."""
        return self._handle(await asyncio.to_thread(self._app.get, run_id))

    async def runs(
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
    ) -> AsyncRuns:
        """As `App.runs`; what is done to them is a coroutine, too: `await (await app.aio.runs(…)).cancel()`."""
        found = await asyncio.to_thread(
            self._app.runs,
            status=status,
            workflow=workflow,
            tag=tag,
            since=since,
            until=until,
            oldest_first=oldest_first,
            limit=limit,
            cursor=cursor,
        )
        return AsyncRuns(found)

    schedule = placed_later

    @property
    def schedules(self) -> AsyncSchedules:
        """As `App.schedules`."""
        return AsyncSchedules(self._app)

    async def send(
        self,
        run_id: str,
        hook: str | ReceiveCommand[T] | OpenHookCommand[Hook[T]],
        payload: T,
        *,
        key: str | None = None,
    ) -> int:
        """As `App.send`."""
        return await asyncio.to_thread(lambda: self._app.send(run_id, hook, payload, key=key))

    async def resume_hook(self, token: str, payload: Any, *, key: str | None = None) -> int:
        """As `App.resume_hook`."""
        return await asyncio.to_thread(self._app.resume_hook, token, payload, key=key)

    async def cancel(self, run_id: str, reason: str | None = None, *, again: bool = False) -> None:
        """As `App.cancel`."""
        await asyncio.to_thread(self._app.cancel, run_id, reason, again=again)

    async def pause(self, run_id: str, reason: str | None = None) -> None:
        """As `App.pause`."""
        await asyncio.to_thread(self._app.pause, run_id, reason)

    async def resume(self, run_id: str) -> None:
        """As `App.resume`."""
        await asyncio.to_thread(self._app.resume, run_id)

    async def terminate(self, run_id: str, reason: str | None = None) -> None:
        """As `App.terminate`."""
        await asyncio.to_thread(self._app.terminate, run_id, reason)

    async def retry(self, run_id: str) -> AsyncHandle[Any]:
        """As `App.retry`."""
        return self._handle(await asyncio.to_thread(self._app.retry, run_id))

    async def fork(
        self,
        run_id: str,
        *,
        at: int | None = None,
        replace: Mapping[str, object] | None = None,
        new_run_id: str | None = None,
    ) -> AsyncHandle[Any]:
        """As `App.fork`."""
        fork = self._app.fork
        return self._handle(await asyncio.to_thread(fork, run_id, at=at, replace=replace, new_run_id=new_run_id))

    async def prune(
        self,
        older_than: Duration,
        *,
        status: Status | Sequence[Status] | None = None,
        workflow: str | None = None,
        tag: tuple[str, str] | Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> list[str]:
        """As `App.prune`."""
        prune = self._app.prune
        return await asyncio.to_thread(prune, older_than, status=status, workflow=workflow, tag=tag, dry_run=dry_run)

    def _handle(self, handle: Handle[T]) -> AsyncHandle[T]:
        return AsyncHandle(handle, self._app, self._awaits)


@frozen
class AsyncRuns:
    """Runs that fit, as `Runs` has them."""

    _found: Runs

    @property
    def runs(self) -> tuple[Summary, ...]:
        return self._found.runs

    @property
    def cursor(self) -> str | None:
        return self._found.cursor

    async def cancel(self, reason: str | None = None, *, again: bool = False, dry_run: bool = False) -> Mended:
        """As `Runs.cancel`."""
        return await asyncio.to_thread(self._found.cancel, reason, again=again, dry_run=dry_run)

    async def pause(self, reason: str | None = None, *, dry_run: bool = False) -> Mended:
        """As `Runs.pause`."""
        return await asyncio.to_thread(self._found.pause, reason, dry_run=dry_run)

    async def resume(self, *, dry_run: bool = False) -> Mended:
        """As `Runs.resume`."""
        return await asyncio.to_thread(self._found.resume, dry_run=dry_run)

    async def terminate(self, reason: str | None = None, *, dry_run: bool = False) -> Mended:
        """As `Runs.terminate`."""
        return await asyncio.to_thread(self._found.terminate, reason, dry_run=dry_run)

    async def retry(self, *, dry_run: bool = False) -> Mended:
        """As `Runs.retry`."""
        return await asyncio.to_thread(self._found.retry, dry_run=dry_run)


class AsyncHandle(Generic[T_co]):
    """A run, as `Handle` is one; what asks the store is a coroutine."""

    def __init__(self, handle: Handle[T_co], app: App, awaits: Awaits) -> None:
        self.run_id = handle.run_id
        self._handle = handle
        self._app = app
        self._awaits = awaits
        self._lock = Lock()  # a `Handle` is used by one thread at a time

    def __repr__(self) -> str:
        return repr(self._handle)

    async def status(self) -> Status:
        """As `Handle.status`."""
        return await self._ask(self._handle.status)

    async def result(self, timeout: float | None = None) -> T_co:
        """Wait for the end and answer what the workflow returned; *timeout* in seconds, default: for ever.

        On an embedded store this process works on the run meanwhile, in the threads of the app. To cancel the await
        does nothing to the run. Raises what `Handle.result` raises.
        """
        if self._app.embedded:
            return await self.drive(timeout)
        await self._end(self._watch, timeout)
        return await self._ask(lambda: self._handle.result(timeout=0))

    async def cancel(self, reason: str | None = None, *, again: bool = False) -> None:
        """As `App.cancel`: it asks the run to stop, which cancelling an await does not."""
        await asyncio.to_thread(self._app.cancel, self.run_id, reason, again=again)

    async def send(
        self, hook: str | ReceiveCommand[S] | OpenHookCommand[Hook[S]], payload: S, *, key: str | None = None
    ) -> int:
        """As `App.send`."""
        return await asyncio.to_thread(lambda: self._app.send(self.run_id, hook, payload, key=key))

    @overload
    async def data(self) -> dict[str, Any]: ...
    @overload
    async def data(self, key: str, type: type[S], *, timeout: float | None = None) -> S: ...
    @overload
    async def data(self, key: str, type: Any = ..., *, timeout: float | None = None) -> Any: ...
    async def data(self, key: str | None = None, type: Any = Any, *, timeout: float | None = None) -> Any:  # noqa: A002 - the word that users know
        """As `Handle.data`."""
        if key is None:
            return await self._ask(self._handle.data)
        with self._awaits.one() as awaiting:
            while True:
                try:
                    return await self._ask(lambda: self._handle.data(key, type, timeout=0))
                except TimedOut:
                    if timeout is not None and awaiting.waited >= timeout:
                        raise TimedOut(f"run {self.run_id!r} has not set {key!r} within {timeout:g} s") from None
                await awaiting.wait(timeout)

    async def pause(self, reason: str | None = None) -> None:
        """As `App.pause`."""
        await asyncio.to_thread(self._app.pause, self.run_id, reason)

    async def resume(self) -> None:
        """As `App.resume`."""
        await asyncio.to_thread(self._app.resume, self.run_id)

    async def terminate(self, reason: str | None = None) -> None:
        """As `App.terminate`."""
        await asyncio.to_thread(self._app.terminate, self.run_id, reason)

    async def history(self) -> tuple[Event, ...]:
        """As `Handle.history`."""
        return await self._ask(self._handle.history)

    async def drive(self, timeout: float | None = None) -> T_co:
        """As `result`, on whatever store: this process works on the run meanwhile. Raises `RunBlocked` at once."""
        runtime = await asyncio.to_thread(lambda: self._app.runtime)
        with runtime.descent.driving(self.run_id):
            await self._end(self._work, timeout)
        return await self._ask(lambda: self._handle.result(timeout=0))

    # --- how it is done ---------------------------------------------------------------------------------------

    async def _end(self, look: Callable[[], float | None], timeout: float | None) -> None:
        """*look* answers in how many seconds something is due, or None: it has ended."""
        with self._awaits.one() as awaiting:
            while (soonest := await asyncio.to_thread(look)) is not None:
                if timeout is not None and awaiting.waited >= timeout:
                    raise TimedOut(
                        f"run {self.run_id!r} has not ended within {timeout:g} s; it is {await self.status()}"
                    )
                await awaiting.wait(timeout, soonest)

    def _watch(self) -> float | None:
        return None if self._alone(self._handle.status) in _OVER else inf

    def _work(self) -> float | None:
        """Tend it here, and leave bodies to the threads of the app, as `Handle.result` does."""
        summary = self._alone(self._handle.summary)
        if summary.status in _OVER:
            return None
        runtime = self._app.runtime  # another one, if somebody closed the app meanwhile
        tended = runtime.tend(summary.run_id, inline="never", hints=runtime.pool)
        match tended.state:
            case "ended" | "stopped":
                return 0.0  # there may be a next generation; or its time slice is over
            case "blocked":
                raise RunBlocked(self.run_id, tended.reason)
            case "unknown":
                raise UnknownRun(self.run_id)
            case "waiting":
                runtime.descent.expect_none_blocked(tended.children)
                return inf if tended.alarm is None else max(0.0, (tended.alarm - runtime.clock.now()) / 1_000)
            case _:
                assert_never(tended.state)

    async def _ask(self, ask: Callable[[], S]) -> S:
        return await asyncio.to_thread(self._alone, ask)

    def _alone(self, ask: Callable[[], S]) -> S:
        with self._lock:
            return ask()


@define(eq=False)
class Awaits:
    """How many there are of one app. The more, the longer each of them pauses: they share the looks there may be."""

    count: int = 0
    _lock: Lock = field(factory=Lock, init=False)  # several loops may use one app

    @contextmanager
    def one(self) -> Iterator[Await]:
        with self._lock:
            self.count += 1
        try:
            yield Await(self)
        finally:
            with self._lock:
                self.count -= 1


@define(eq=False)
class Await:
    """One await that looks again and again: after a tenth of the time it has waited, so that what is short is not
    kept waiting.
    """

    of: Awaits
    began: float = field(factory=monotonic, init=False)

    @property
    def waited(self) -> float:
        """Seconds."""
        return monotonic() - self.began

    async def wait(self, timeout: float | None, soonest: float = inf) -> None:
        """Until the next look: in *soonest* seconds if all goes well, or when *timeout* is over."""
        least = max(_SHORTEST, self.of.count / _LOOKS)
        pause = min(_LONGEST, max(least, min(soonest, self.waited / 10, _USUAL)))
        await asyncio.sleep(pause if timeout is None else min(pause, max(0.0, timeout - self.waited)))
