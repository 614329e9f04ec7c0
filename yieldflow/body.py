"""Runs the body of one step, and says how it came out.

A body is user code: whatever it raises is the outcome of that attempt. What it does to the world cannot be
undone here; that its outcome is committed at most once is the claim's business.
"""

from __future__ import annotations

import contextvars
import logging
import time
from asyncio import CancelledError
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Thread, current_thread
from types import CoroutineType
from typing import Any

from attrs import define

from yieldflow.authoring.scope import inside
from yieldflow.core.failures import from_exception
from yieldflow.core.path import show
from yieldflow.core.times import End, Millis, end, moment
from yieldflow.core.values import Arguments, Codec
from yieldflow.engine.requests import Body, Execute, ExecuteLocal, Returned, Stopped, Threw, Unfit
from yieldflow.errors import Cancelled, FatalError, RetryableError, StepTimeout, Undecodable, Unencodable
from yieldflow.heart import Heart, Held
from yieldflow.interrupting import Guard, Interrupted, Watch, Why
from yieldflow.loop import finish
from yieldflow.ports import Claimed


@define(eq=False, repr=False)
class CurrentStep:
    """What a body may know of its own call, and say while it runs: `current_step()`."""

    _run: _Run

    def __repr__(self) -> str:
        return f"CurrentStep(run_id={self.run_id!r}, path={self.path!r}, attempt={self.attempt})"

    @property
    def run_id(self) -> str:
        return self._run.request.run_id

    @property
    def path(self) -> str:
        return show(self._run.held.path)

    @property
    def attempt(self) -> int:
        return _attempt(self._run.request)

    @property
    def tags(self) -> Mapping[str, str]:
        return self._run.request.tags

    @property
    def deadline(self) -> datetime | None:
        claim = self._run.claim
        return None if claim is None or claim.deadline is None else moment(claim.deadline)

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """Of the step, as `yieldflow.step.NAME`; its records know the run, the step and the attempt."""
        extra = {"run_id": self.run_id, "step": self._run.request.step.name, "attempt": self.attempt}
        return logging.LoggerAdapter(logging.getLogger(f"yieldflow.step.{self._run.request.step.fn.__name__}"), extra)

    @property
    def idempotency_key(self) -> str:
        """The same on every attempt: give it to whoever can refuse a second call."""
        return f"{self._run.request.keys or self.run_id}/{self.path}"

    @property
    def cancelled(self) -> bool:
        """Nobody waits for the outcome any more; known within a third of the lease."""
        return self._run.held.lost

    def check_cancelled(self) -> None:
        """Raises `Cancelled` if nobody waits for the outcome any more."""
        if self.cancelled:
            raise Cancelled

    def heartbeat(self, details: object = None) -> None:
        """Say that the body is alive, as a step with a `heartbeat=` has to within that time, again and again.

        *details*, if any, are kept for the next attempt, should this one fail. Raises `Unencodable`.
        """
        if details is not None:
            self._run.held.details = self._run.codec.encode(details, Any)
        self._run.guard.spoken()

    @property
    def last_heartbeat(self) -> Any:
        """The last details that an attempt before this one gave to `heartbeat()`; None if there are none."""
        said = None if self._run.claim is None else self._run.claim.work.details
        return None if said is None else self._run.codec.decode(said, Any)


_CURRENT: contextvars.ContextVar[CurrentStep] = contextvars.ContextVar("yieldflow step")


def current_step() -> CurrentStep:
    """The call that this body carries out. Raises RuntimeError outside of a step."""
    try:
        return _CURRENT.get()
    except LookupError:
        raise RuntimeError("current_step() is only known while a step runs under yieldflow") from None


@define(eq=False)
class Bodies:
    """Runs the bodies of one tender, each in the thread that asks for it.

    The claim of a body is renewed beyond its end, until the tender begins the next one or has ended: then its report
    is made. *stuck* is told of a thread that is still in a body which was interrupted a while ago.
    """

    heart: Heart
    watch: Watch
    codec: Codec
    now: Callable[[], Millis]
    stuck: Callable[[Thread], None]
    _held: Held | None = None

    def execute(self, request: Execute | ExecuteLocal) -> Body:
        try:
            arguments = self.codec.decode_arguments(request.call.arguments, request.step.parameters)
        except Undecodable as error:
            return Unfit(f"its arguments cannot be read by the step of this worker: {error}")
        if isinstance(request, ExecuteLocal):
            return self._execute_local(request, arguments)
        self.close()
        claim = request.claim
        self._held = held = Held(request.run_id, claim.path, claim.token, claim.work.lease)
        guard = self._guard(request, held)
        body: Body = Stopped()
        self.heart.hold(held)
        try:
            body = self._run(request, arguments, held, guard)
        finally:
            held.running = guard.left_running
            if isinstance(body, Stopped) and not held.running:  # a claim is never given back while its body runs
                self.heart.give_back(held)
        return body

    def _execute_local(self, request: ExecuteLocal, arguments: Arguments) -> Body:
        """There is no claim: nothing is renewed, and nothing but its own `timeout=` ends it."""
        timeout = request.call.options.timeout
        guard = Guard(None if timeout is None else time.monotonic() + timeout / 1_000, lasts=True)
        held = Held(request.run_id, request.path, "", 0)
        return self._run(request, arguments, held, guard)

    def close(self) -> None:
        if self._held is not None:
            self.heart.let_go(self._held)
            self._held = None

    def _guard(self, request: Execute, held: Held) -> Guard:
        deadline, silence = request.claim.deadline, request.call.options.heartbeat
        thread = current_thread()
        return Guard(
            None if deadline is None else time.monotonic() + (deadline - self.now()) / 1_000,
            None if silence is None else silence / 1_000,
            lambda why: self._goes_on(held, thread, why),
        )

    def _goes_on(self, held: Held, thread: Thread, why: Why) -> None:
        """It was hit a while ago: its thread is not counted on, and a silent one must not keep its claim."""
        if why == "silent" and held.ends is None:
            held.ends = self.now()
        self.stuck(thread)

    def _run(self, request: Execute | ExecuteLocal, arguments: Arguments, held: Held, guard: Guard) -> Body:
        run = _Run(request, arguments, held, guard, self.codec, self.now())
        self.watch.add(guard)
        try:
            return contextvars.copy_context().run(run.body)
        finally:
            self.watch.remove(guard)


@define(eq=False)
class _Run:
    """One body, called."""

    request: Execute | ExecuteLocal
    arguments: Arguments
    held: Held
    guard: Guard
    codec: Codec
    started: Millis

    @property
    def claim(self) -> Claimed | None:
        return self.request.claim if isinstance(self.request, Execute) else None

    def body(self) -> Body:
        """In a context of its own: what a body sets there, no other finds."""
        _CURRENT.set(CurrentStep(self))
        inside.set("step")
        try:
            value = self.guard.run(self._value)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - user code: whatever it raises is the outcome of the attempt
            return self._threw(error)
        if self.guard.fired in ("timeout", "silent"):  # it swallowed what was thrown, or ended just then
            return self._threw(Interrupted())
        return self._returned(value)

    def _value(self) -> Any:
        value = self.request.step.fn(*self.arguments.args, **self.arguments.kwargs)
        return finish(value, self.guard) if isinstance(value, CoroutineType) else value

    def _returned(self, value: Any) -> Body:
        step = self.request.step
        try:
            return Returned(self.codec.encode(value, step.returns), self.started)
        except Unencodable as error:  # the effect has happened: trying again would repeat it
            error.path = f"the answer of {step.name}, {error.path}"
            return self._failed(FatalError(str(error)))

    def _threw(self, error: BaseException) -> Body:
        match self.guard.fired:
            case None if isinstance(error, Interrupted):
                raise error  # it was meant for a body around this one
            case None:
                return self._failed(error)
            case "stopped":
                return Stopped()
            case why:
                return self._failed(_out_of_time(self.request, why, error))

    def _failed(self, error: BaseException) -> Threw:
        return Threw(from_exception(error, self.codec), self.started, _wait(error), self.held.details)


def _out_of_time(request: Execute | ExecuteLocal, why: Why, error: BaseException) -> StepTimeout:
    """As whoever revokes the claim words it, with the place where the body was hit."""
    limit = "took longer than its timeout" if why == "timeout" else "was silent for longer than its heartbeat"
    timeout = StepTimeout(f"{request.call.name} {limit} on attempt {_attempt(request)}")
    if not isinstance(error, Interrupted | CancelledError):
        timeout.__cause__ = error
    return timeout.with_traceback(error.__traceback__)


def _wait(error: BaseException) -> End | None:
    if not isinstance(error, RetryableError) or error.retry_after is None:
        return None
    try:
        return end(error.retry_after)
    except ValueError:
        return None  # the policy's delay holds


def _attempt(request: Execute | ExecuteLocal) -> int:
    return request.claim.work.attempt if isinstance(request, Execute) else 1
