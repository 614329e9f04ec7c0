"""`Handle`: one run, as seen from outside of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar, assert_never, overload

from attrs import define, field

from yieldflow.authoring.loaded import loaded
from yieldflow.authoring.options import is_position
from yieldflow.codec.packing import unpack
from yieldflow.core.asks import Hook, OpenHookCommand, ReceiveCommand
from yieldflow.core.chain import chain_of, expect_possible
from yieldflow.core.chain import generation as generation_of
from yieldflow.core.events import Event, RunFinished
from yieldflow.core.failures import to_exception
from yieldflow.core.outcome import Cancelled, ContinuedAs, Err, Ok
from yieldflow.core.run import Run
from yieldflow.core.times import Duration, Millis, duration
from yieldflow.engine.requests import Inline
from yieldflow.errors import (
    RunBlocked,
    RunCancelled,
    RunFailed,
    StoreError,
    TimedOut,
    UnknownData,
    UnknownRun,
    UsageError,
    shown,
)
from yieldflow.inspection import Inspection, inspect
from yieldflow.ports import LAST_EVENT, Log, Look, Mark, Status, Summary
from yieldflow.reach import expect_key
from yieldflow.runtime import SLICE

if TYPE_CHECKING:
    from yieldflow.app import App

T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S")

_LONGEST_WAIT = 1.0  # seconds
_RESULTS_A_CALL = 64
_DAY: Millis = 86_400_000
MAY_GO_ON: tuple[Status, ...] = ("continued", "failed")  # as a next generation: what failed may be retried


class Handle(Generic[T_co]):
    """A run: `run_id`, and what may be asked of it. Making one asks nothing of the store. Raises `UnknownRun`."""

    def __init__(self, run_id: str, app: App, returns: Any, queue: str = "") -> None:
        expect_possible(run_id)
        self.run_id = run_id
        self.queue = queue or app.queue
        self._app = app
        self._returns = returns
        self._generation = run_id  # the newest one, as far as we know
        self._told = Told()

    def __repr__(self) -> str:
        return f"<run {self.run_id!r}>"

    def status(self) -> Status:
        """running, paused, blocked, completed, failed or cancelled. Raises `UnknownRun`."""
        status = self.summary().status
        return "running" if status == "continued" else status  # its next generation is about to begin

    def summary(self) -> Summary:
        """What `App.runs` lists of it. Raises `UnknownRun`."""
        return self._stand().summary

    def result(self, timeout: Duration | None = None) -> T_co:
        """Wait for the end and answer what the workflow returned; *timeout*: a duration, default: for ever.

        On an embedded store this process works on the run meanwhile, in threads. Raises `RunFailed` (with the
        workflow's own exception as `__cause__`), `RunCancelled`, `RunBlocked` (embedded only), `TimedOut`.
        """
        seconds = None if timeout is None else duration(timeout) / 1_000
        deadline = None if seconds is None else monotonic() + seconds
        if self._app.embedded and not self._has_ended(self.summary()):
            self._drive("never", deadline, seconds)
        answer: T_co = self.returned(self._watch(deadline, seconds))
        return answer

    def completed_with(self: Handle[S], others: Sequence[Handle[S]]) -> list[S]:
        """Its result and those of *others*, as many as have completed: nothing, if this one has not."""
        handles = [self, *others]
        logs = self._app.store.read_each([handle.stands for handle in handles])
        ended = takewhile(lambda log: log is not None and log.summary.status == "completed", logs)
        return [handle.returned(log) for handle, log in zip(handles, ended, strict=False) if log is not None]

    @property
    def stands(self) -> Look:
        """What to read, to know how it stands."""
        return Look(self._generation, LAST_EVENT)

    def cancel(self, reason: str | None = None, *, again: bool = False) -> None:
        """As `App.cancel`."""
        self._app.cancel(self.run_id, reason, again=again)

    def send(
        self, hook: str | ReceiveCommand[S] | OpenHookCommand[Hook[S]], payload: S, *, key: str | None = None
    ) -> int:
        """As `App.send`."""
        return self._app.send(self.run_id, hook, payload, key=key)

    @overload
    def data(self) -> dict[str, Any]: ...
    @overload
    def data(self, key: str, type: type[S], *, timeout: Duration | None = None) -> S: ...
    @overload
    def data(self, key: str, type: Any = ..., *, timeout: Duration | None = None) -> Any: ...
    def data(self, key: str | None = None, type: Any = Any, *, timeout: Duration | None = None) -> Any:  # noqa: A002 - the word that users know
        """What the workflow has set with `set_data`: all of it, or one value, which is waited for (*timeout* in
        seconds, default: for ever). Raises `UnknownRun`, `TimedOut`, and `UnknownData` if the run ends without it.
        """
        if key is None:
            return {name: self._app.codec.decode(value, Any) for name, value in self._known().data.items()}
        expect_key(key)
        seconds = None if timeout is None else duration(timeout) / 1_000
        deadline = None if seconds is None else monotonic() + seconds
        while key not in (run := self._known()).data:
            if run.ended is not None and not isinstance(run.outcome, ContinuedAs):
                raise UnknownData(self.run_id, key)
            if deadline is not None and monotonic() >= deadline:
                raise TimedOut(f"run {self.run_id!r} has not set {shown(key)} within {seconds:g} s")
            self._pause(self._told.head, None, 0, deadline)
        return self._app.codec.decode(self._told.run.data[key], type)

    def pause(self, reason: str | None = None) -> None:
        """As `App.pause`."""
        self._app.pause(self.run_id, reason)

    def resume(self) -> None:
        """As `App.resume`."""
        self._app.resume(self.run_id)

    def terminate(self, reason: str | None = None) -> None:
        """As `App.terminate`."""
        self._app.terminate(self.run_id, reason)

    def history(self, generation: int | None = None) -> tuple[Event, ...]:
        """All events of its log; of a run that was continued or retried the newest one, or that of *generation* (from
        1). Raises `UnknownRun`.
        """
        self._stand()
        if generation is not None and not is_position(generation, 1):
            raise UsageError(f"{shown(generation)} is no generation: they are counted from 1")
        run_id = self._generation if generation is None else generation_of(chain_of(self.run_id)[0], generation)
        events: list[Event] = []
        log = self._read(None, run_id)
        while log.events:
            events += map(unpack, log.events)
            if len(events) >= log.head.length:
                break
            log = self._read(Mark(len(events), ""), run_id)
        return tuple(events)

    def inspect(self, at: int | datetime | timedelta | None = None) -> Inspection:
        """Where it stands and why, now or after *at* events, at an aware datetime, or so long ago. Raises `UnknownRun`,
        `UsageError`.
        """
        return inspect(self._app, self.run_id, at)

    def drive(self, interrupted: Callable[[], None] = lambda: None) -> None:
        """Work on it in this thread, and in those of the app where there is more than one thing to do, until it ends.

        On Ctrl-C *interrupted* is called; bodies in threads then have five seconds to end, and what has not begun is
        given back: no attempt is counted. Raises `RunBlocked`, `UnknownRun`, `StoreError`.
        """
        try:
            self._drive("alone")
        except KeyboardInterrupt:
            interrupted()
            self._app.abandon()
            raise

    # --- how it is done ---------------------------------------------------------------------------------------

    def _drive(self, inline: Inline, deadline: float | None = None, timeout: float | None = None) -> None:
        """Tend it in this thread, and let the threads of the app do what is not done here, until it ends."""
        with self._app.runtime.descent.driving(self.run_id):
            self._drive_all(inline, deadline, timeout)

    def _drive_all(self, inline: Inline, deadline: float | None, timeout: float | None) -> None:
        still, head = 0, None
        while True:
            runtime = self._app.runtime  # another one, if somebody closed the app meanwhile
            slice_ = SLICE if deadline is not None else _DAY  # at its end others are asked to go on with the run
            tended = runtime.tend(self._generation, inline=inline, hints=runtime.pool, slice_=slice_)
            still, head = 0 if tended.head != head else still, tended.head
            match tended.state:
                case "ended":
                    if self._has_ended(self._stand().summary):
                        return
                case "blocked":
                    raise RunBlocked(self.run_id, tended.reason)
                case "unknown":
                    raise UnknownRun(self.run_id)
                case "stopped":
                    pass  # its time slice is over; the next one begins
                case "waiting":
                    runtime.descent.expect_none_blocked(tended.children)
                    moved = self._pause(tended.head, tended.alarm, still, deadline)
                    still = 0 if moved else still + 1
                case _:
                    assert_never(tended.state)
            self._expect_time(deadline, timeout)

    def _watch(self, deadline: float | None, timeout: float | None) -> Log:
        """Until it has ended, by the work of others."""
        still = 0
        while not self._has_ended((log := self._stand()).summary):
            self._expect_time(deadline, timeout)
            if log.summary.status == "continued":  # its next generation, which has another log, is about to begin
                moved = self._pause(log.head, 0, still, deadline)
                still = 0 if moved else still + 1
            else:
                self._app.store.wait(self._generation, log.head, self._within(deadline), end=True)
        return log

    def _expect_time(self, deadline: float | None, timeout: float | None) -> None:
        if deadline is not None and monotonic() >= deadline:
            raise TimedOut(f"run {self.run_id!r} has not ended within {timeout:g} s; it is {self.status()}")

    def _pause(self, head: Mark | None, alarm: int | None, still: int, deadline: float | None = None) -> bool:
        """Until the log grows, the alarm is due or a while is over: longer each time nothing has happened."""
        seconds = self._within(deadline)
        if alarm is not None:
            seconds = min(seconds, max((alarm - self._app.runtime.clock.now()) / 1_000, 0.01 * 2 ** min(still, 7)))
        return self._app.store.wait(self._generation, head, seconds)

    def _within(self, deadline: float | None) -> float:
        """Seconds to wait before one looks again."""
        return _LONGEST_WAIT if deadline is None else min(_LONGEST_WAIT, max(0.0, deadline - monotonic()))

    def returned(self, log: Log) -> Any:
        """What a run that has ended so returned. Raises as `result` does."""
        event = unpack(log.events[-1])
        if not isinstance(event, RunFinished):
            raise StoreError(f"run {self.run_id!r} is listed as ended, but its log has no end")
        match event.outcome:
            case Ok(value):
                return self._app.codec.decode(value, self._returns_as(log.summary))
            case Err(failure):
                cause = to_exception(failure, self._app.codec, loaded)
                raise RunFailed(self.run_id, f"{type(cause).__name__}: {failure.message}") from cause
            case Cancelled(reason):
                raise RunCancelled(self.run_id, reason)
            case ContinuedAs(run_id):
                raise StoreError(f"run {self.run_id!r} went on as {run_id!r}")
            case _:
                assert_never(event.outcome)

    def _returns_as(self, summary: Summary) -> Any:
        """By the call, or by the code at hand; else as plain JSON."""
        workflow = self._app.registry.workflow(summary.workflow)
        return self._returns if self._returns is not Any or workflow is None else workflow.returns

    def _has_ended(self, summary: Summary) -> bool:
        return summary.finished_at is not None and summary.status != "continued"

    def _known(self) -> Run:
        """The fold of all there is, kept between calls."""
        log = self._stand()
        if self._told.generation != self._generation:
            self._told = Told(self._generation)
        while self._told.run.length < log.head.length:
            log = self._read(self._told.head)
            if log.gap:
                self._told = Told(self._generation)
            for event in log.events:
                self._told.run.add(unpack(event))
            whole = self._told.run.length == log.head.length
            self._told.head = log.head if whole else Mark(self._told.run.length, "")
        return self._told.run

    def _stand(self) -> Log:
        """How the newest generation stands; one that has ended may have a successor."""
        log = self._read(LAST_EVENT)
        if log.summary.status in MAY_GO_ON:
            newest = self._app.store.newest(chain_of(self._generation)[0])
            if newest != self._generation:
                self._generation = newest
                return self._stand()
        return log

    def _read(self, after: Mark | None, run_id: str | None = None) -> Log:
        log = self._app.store.read(run_id or self._generation, after)
        if log is None:
            raise UnknownRun(self.run_id)
        self._app.runtime.clock.heard(log.now)
        return log


def results(handles: Sequence[Handle[T_co]], timeout: Duration | None = None) -> list[T_co]:
    """As `App.results`. How many are read at once grows as long as all of them have ended."""
    seconds = None if timeout is None else duration(timeout) / 1_000
    deadline, answers, several = None if seconds is None else monotonic() + seconds, list[T_co](), 1
    while len(answers) < len(handles):
        some = handles[len(answers) : len(answers) + several]
        ended = some[0].completed_with(some[1:])
        if not ended:
            left = None if deadline is None else max(0.0, deadline - monotonic())
            ended = [some[0].result(left)]
        answers += ended
        several = min(_RESULTS_A_CALL, 2 * several) if len(ended) == len(some) else len(ended)
    return answers


@define
class Told:
    """What we know of one generation."""

    generation: str = ""
    run: Run = field(factory=Run)
    head: Mark | None = None
