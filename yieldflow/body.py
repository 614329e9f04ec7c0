"""Runs the body of one step, and keeps its claim alive while it runs.

A body is user code: whatever it raises is the outcome of that attempt. What it does to the world cannot be
undone here; that its outcome is committed at most once is the claim's business.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from threading import Condition, Thread
from typing import Any

from attrs import define, field, frozen

from yieldflow.authoring.scope import inside
from yieldflow.core.failures import from_exception
from yieldflow.core.path import show
from yieldflow.core.times import End, Millis, end, moment
from yieldflow.core.values import Codec
from yieldflow.engine.requests import Body, Execute, Returned, Threw, Unfit
from yieldflow.errors import Cancelled, FatalError, RetryableError, StoreError, Undecodable, Unencodable
from yieldflow.ports import Beat, Mark, Store


@define(eq=False)
class Held:
    """A claim that this process holds while a body runs."""

    beat: Beat
    lease: Millis
    head: Mark | None = None
    lost: bool = False


@frozen(eq=False)
class CurrentStep:
    """What a body may know of its own call: `current_step()`."""

    run_id: str
    path: str
    attempt: int
    tags: Mapping[str, str]
    deadline: datetime | None
    logger: logging.LoggerAdapter[logging.Logger] = field(repr=False)
    _held: Held = field(repr=False)

    @property
    def idempotency_key(self) -> str:
        """The same on every attempt: give it to whoever can refuse a second call."""
        return f"{self.run_id}/{self.path}"

    @property
    def cancelled(self) -> bool:
        """Nobody waits for the outcome any more; known within a third of the lease."""
        return self._held.lost

    def check_cancelled(self) -> None:
        """Raises `Cancelled` if nobody waits for the outcome any more."""
        if self.cancelled:
            raise Cancelled


_CURRENT: contextvars.ContextVar[CurrentStep] = contextvars.ContextVar("yieldflow step")


def current_step() -> CurrentStep:
    """The call that this body carries out. Raises RuntimeError outside of a step."""
    try:
        return _CURRENT.get()
    except LookupError:
        raise RuntimeError("current_step() is only known while a step runs under yieldflow") from None


@define(eq=False)
class Heart:
    """One thread of a process that renews the claims of all bodies that run in it, a third of a lease apart.

    *moved* is told of a run whose head moved while a body of it runs: somebody else should tend it.
    """

    store: Store
    moved: Callable[[str], None]
    _held: dict[Beat, Held] = field(factory=dict, init=False)
    _changed: Condition = field(factory=Condition, init=False)
    _thread: Thread | None = field(default=None, init=False)

    def hold(self, held: Held) -> None:
        with self._changed:
            self._held[held.beat] = held
            if self._thread is None or not self._thread.is_alive():  # also after a fork
                self._thread = Thread(target=self._run, name="yieldflow heart", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def holding(self) -> tuple[Beat, ...]:
        """The claims whose bodies run in this process."""
        with self._changed:
            return tuple(self._held)

    def let_go(self, held: Held) -> None:
        with self._changed:
            self._held.pop(held.beat, None)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._changed.wait_for(lambda: bool(self._held), timeout=60):
                    self._thread = None
                    return
                pause = min(held.lease for held in self._held.values()) / 3_000
                self._sleep(pause)
                holding = list(self._held.values())
            self._beat(holding)

    def _sleep(self, pause: float) -> None:
        """At most *pause* seconds: a claim with a shorter lease may come."""
        self._changed.wait_for(lambda: any(held.lease / 3_000 < pause for held in self._held.values()), pause)

    def _beat(self, holding: list[Held]) -> None:
        try:
            heads = self.store.renew([held.beat for held in holding])
        except StoreError:
            return  # the lease may run out: then somebody else goes on, and our report is refused
        for held, head in zip(holding, heads, strict=True):
            moved = held.head is not None and head != held.head
            held.lost, held.head = held.lost or head is None, head
            if moved:
                with suppress(StoreError):  # a hint may be lost
                    self.moved(held.beat.run_id)


def execute(request: Execute, heart: Heart, codec: Codec, now: Callable[[], Millis]) -> Body:
    """Run a body in this thread."""
    claim, step = request.claim, request.step
    try:
        arguments = codec.decode_arguments(request.call.arguments, step.parameters)
    except Undecodable as error:
        return Unfit(f"its arguments cannot be read by the step of this worker: {error}")
    held = Held(Beat(request.run_id, claim.path, claim.token), claim.work.lease)
    started = now()
    context = contextvars.copy_context()
    heart.hold(held)
    try:
        return context.run(_call, request, held, lambda: step.fn(*arguments.args, **arguments.kwargs), codec, started)
    finally:
        heart.let_go(held)


def _call(request: Execute, held: Held, fn: Callable[[], Any], codec: Codec, started: Millis) -> Body:
    _CURRENT.set(_described(request, held))
    inside.set("step")
    try:
        value = fn()
        if inspect.iscoroutine(value):
            value = _finished(value)
        return Returned(codec.encode(value, request.step.returns), started)
    except Unencodable as error:  # the effect has happened: trying again would repeat it
        error.path = f"the answer of {request.step.name}, {error.path}"
        return Threw(from_exception(FatalError(str(error)), codec), started)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - user code: whatever it raises is the outcome of the attempt
        return Threw(from_exception(error, codec), started, _wait(error))


def _finished(coroutine: Any) -> Any:
    """Run an async body on a loop of its own, never the caller's."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(contextvars.copy_context().run, asyncio.run, coroutine).result()


def _wait(error: BaseException) -> End | None:
    if not isinstance(error, RetryableError) or error.retry_after is None:
        return None
    try:
        return end(error.retry_after)
    except ValueError:
        return None  # the policy's delay holds


def _described(request: Execute, held: Held) -> CurrentStep:
    claim = request.claim
    path = show(claim.path)
    extra = {"run_id": request.run_id, "step": request.step.name, "attempt": claim.work.attempt}
    return CurrentStep(
        request.run_id,
        path,
        claim.work.attempt,
        request.tags,
        None if claim.deadline is None else moment(claim.deadline),
        logging.LoggerAdapter(logging.getLogger(f"yieldflow.step.{request.step.fn.__name__}"), extra),
        held,
    )
