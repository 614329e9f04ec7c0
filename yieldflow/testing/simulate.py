"""`simulate`: a workflow in virtual time. Thirty days pass in a millisecond, and a test stops wherever it likes.

The interpreter is that of production; only the bodies of steps and the outside world are the test's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from attrs import define, field

from yieldflow.authoring.loaded import loaded
from yieldflow.codec import JsonCodec
from yieldflow.core.asks import Hook, OpenHookCommand, ReceiveCommand, StepCall, WorkflowCall
from yieldflow.core.commands import Sleep
from yieldflow.core.events import CommandIssued, CommandResolved, Event
from yieldflow.core.failures import to_exception
from yieldflow.core.frames import where
from yieldflow.core.outcome import Cancelled, Err, Ok
from yieldflow.core.times import Duration, Millis, duration, instant, moment
from yieldflow.core.values import Codec
from yieldflow.engine.planning import status
from yieldflow.errors import RunCancelled, UsageError, shown
from yieldflow.ports import Status
from yieldflow.reach import encoded, hook_of
from yieldflow.testing.cast import Call
from yieldflow.testing.fakes import Ending, Fakes, Real, by_name
from yieldflow.testing.stage import Attempt, Part, Stage
from yieldflow.under_test import under_test

T = TypeVar("T")

RUN = "simulation"
MOST_TURNS = 100_000


class StillWaiting(AssertionError):
    """Only the outside can help: a hook, or nothing at all."""


def simulate(
    call: WorkflowCall[T],
    *,
    steps: Fakes | None = None,
    at: datetime | None = None,
    run_id: str = RUN,
    tags: Mapping[str, str] | None = None,
    codec: Codec | None = None,
) -> Simulation[T]:
    """Start *call* in virtual time. *steps* maps each step that is called to its fake: a function with the step's
    signature, `outcomes(...)` or `takes(...)`; `steps=real` calls the bodies. *at* is when it starts (default
    2026-01-01, UTC).

    Nothing happens until it is asked for: `.result`, `.advance()` and `.run()` let time pass.
    Raises `UsageError`; AssertionError names a step that has no fake.

    >>> from yieldflow import Flow, sleep, step, workflow
    >>> def remind(user: str) -> str: ...
    >>> @workflow
    ... def trial(user: str) -> Flow[str]:
    ...     yield sleep("30d")
    ...     return (yield step(remind, user))
    >>> sim = simulate(trial("ann"), steps={remind: lambda user: f"mail to {user}"})
    >>> sim.result, sim.elapsed.days
    ('mail to ann', 30)
    """
    if not isinstance(call, WorkflowCall):
        raise UsageError(f"simulate() takes the call of a workflow, such as checkout(order), not {shown(call)}")
    stage = Stage.of(codec or JsonCodec(), steps)
    if at is not None:
        stage.now = instant(at)
    simulation = Simulation(call, stage, run_id)
    under_test.simulating(stage)
    stage.begin(call, run_id, tags or {})
    return simulation


@define(eq=False)
class Simulation(Generic[T]):
    """A run in virtual time, with its children. What it answers is of the newest generation of the run."""

    call: WorkflowCall[T]
    _stage: Stage = field(alias="stage")
    run_id: str
    _planned: dict[Attempt, tuple[Millis, Ending | None]] = field(factory=dict, init=False)  # None: it takes too long
    _tries: Counter[str] = field(factory=Counter, init=False)  # of each step
    _begun: Millis = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._begun = self._stage.now

    # --- what a test looks at -----------------------------------------------------------------------------------------

    @property
    def result(self) -> T:
        """Let time pass until the run has ended; what it answers. Raises what the workflow raises, `RunCancelled`, and
        `StillWaiting`, naming hook and line, where only the outside can help.
        """
        self.run()
        match self._part.run.outcome:
            case Ok(value):
                answer: T = self._stage.codec.decode(value, self._part.workflow.returns)  # type: ignore[assignment]  # by its annotation
                return answer
            case Err(failure):
                raise to_exception(failure, self._stage.codec, loaded)
            case Cancelled(reason):
                raise RunCancelled(self.run_id, reason)
            case _:
                raise StillWaiting(self.waits())

    @property
    def status(self) -> Status:
        return status(self._part.run.outcome)

    @property
    def error(self) -> BaseException | None:
        """What a failed run raised."""
        outcome = self._part.run.outcome
        return to_exception(outcome.failure, self._stage.codec, loaded) if isinstance(outcome, Err) else None

    @property
    def data(self) -> Mapping[str, Any]:
        """What it has set with `set_data`."""
        found = {key: self._stage.codec.decode(value, Any) for key, value in self._part.run.data.items()}
        return MappingProxyType(found)

    @property
    def now(self) -> datetime:
        return moment(self._stage.now)

    @property
    def elapsed(self) -> timedelta:
        """Since it started."""
        return timedelta(milliseconds=self._stage.now - self._begun)

    @property
    def slept(self) -> timedelta:
        """The sum of all its sleeps that are over; those of children do not count."""
        asleep: dict[Any, Millis] = {}
        total = 0
        for event in self.history:
            match event:
                case CommandIssued(at=at, path=path, command=Sleep()):
                    asleep[path] = at
                case CommandResolved(at=at, path=path) if path in asleep:
                    total += at - asleep[path]
                case _:
                    pass
        return timedelta(milliseconds=total)

    @property
    def history(self) -> tuple[Event, ...]:
        return tuple(self._part.events)

    @property
    def waiting(self) -> tuple[str, ...]:
        """What each branch waits for, and its line."""
        return tuple(self._waiting(self._part))

    @property
    def children(self) -> Mapping[str, Status]:
        """All other runs there are, by id: children, and what they have started."""
        others = {name: part for name, part in self._stage.parts.items() if part.started.parent is not None}
        return MappingProxyType({name: status(part.run.outcome) for name, part in others.items()})

    def calls(self, step: StepCall[Any] | Any) -> list[Call]:
        """The attempts of a step that have ended, of all runs, in that order."""
        (name,) = by_name({step: Real()})
        return [call for call in self._stage.cast.calls if call.step == name]

    def effects(self, step: StepCall[Any] | Any) -> list[Call]:
        """What a step has done to a world that knows idempotency keys: of its calls that came to an answer, heard of or
        not, the first one of each key.
        """
        first: dict[str, Call] = {}
        for call in self.calls(step):
            if call.done:
                first.setdefault(call.key, call)
        return list(first.values())

    # --- what a test does ---------------------------------------------------------------------------------------------

    def run(self) -> Simulation[T]:
        """Let time pass until nothing more happens by itself."""
        for _ in range(MOST_TURNS):
            if not self._turn(None):
                return self
        raise AssertionError(f"{self.call!r} goes on for ever: {MOST_TURNS:,} things have happened")

    def advance(self, span: Duration) -> Simulation[T]:
        """Let so much time pass, and all happen that happens meanwhile. Raises ValueError."""
        until = self._stage.now + duration(span)
        for _ in range(MOST_TURNS):
            if not self._turn(until):
                self._stage.advance(until)
                return self
        raise AssertionError(f"{self.call!r} goes on for ever: {MOST_TURNS:,} things have happened")

    def send(
        self,
        hook: str | ReceiveCommand[Any] | OpenHookCommand[Any] | Hook[Any],
        payload: Any,
        *,
        key: str | None = None,
        run_id: str | None = None,
    ) -> Simulation[T]:
        """Deliver *payload* now, to the run or to a child. Raises `BadPayload`, `UnknownRun`, `RunEnded`."""
        name, kind = hook_of(hook)
        packed = encoded(name, payload, kind, self._stage.codec)
        once = f"delivery {len(self._stage.order)}" if key is None else key
        self._stage.send(run_id or self.run_id, name, packed, once)
        return self

    def cancel(self, reason: str | None = None, *, again: bool = False, run_id: str | None = None) -> Simulation[T]:
        """*again*: also where it is cancelled already, in the midst of clean-up. Raises `UnknownRun`, `RunEnded`."""
        key = f"cancel {len(self._stage.order)}" if again else "cancel"
        self._stage.cancel(run_id or self.run_id, reason, key)
        return self

    def crash(self) -> Simulation[T]:
        """The memory of all workers is gone: the programs are replayed. Raises `NonDeterminism`, and AssertionError
        where a replay does something else.
        """
        for part in self._stage.parts.values():
            if part.run.ended is None:
                self._stage.crash(part)
        return self

    # --- how it goes on by itself -------------------------------------------------------------------------------------

    @property
    def _part(self) -> Part:
        return self._stage.newest(self.run_id)

    def _turn(self, until: Millis | None) -> bool:
        """The next thing that happens, if it happens before *until*; whether it did."""
        stage = self._stage
        attempts = stage.attempts()
        for attempt in attempts:
            if attempt not in self._planned:
                self._planned[attempt] = self._plan(attempt)
        first = min(attempts, key=lambda attempt: self._planned[attempt][0], default=None)
        ends = None if first is None else self._planned[first][0]
        at = min((time for time in (ends, stage.next_time()) if time is not None), default=None)
        if at is None or (until is not None and at > until):
            return False
        if first is None or ends is None or at < ends:
            stage.advance(at)
            return True
        stage.now = max(stage.now, ends)
        ending = self._planned.pop(first)[1]
        if ending is None:
            stage.expire(first, None)
        else:
            stage.finish(first, ending)
        return True

    def _plan(self, attempt: Attempt) -> tuple[Millis, Ending | None]:
        choices, name, since = self._stage.cast.endings(attempt.step), attempt.step.name, attempt.claim.since
        ending = choices[min(self._tries[name], len(choices) - 1)]
        self._tries[name] += 1
        timeout = attempt.call.options.timeout
        takes = ending.after or 0
        return (since + takes, ending) if timeout is None or takes <= timeout else (since + timeout, None)

    def waits(self) -> str:
        """What it waits for, and where, in words."""
        lines = [line for part in self._stage.parts.values() for line in self._waiting(part)]
        return f"{self.call!r} waits for what does not come by itself:\n" + "\n".join(f"  {line}" for line in lines)

    def _waiting(self, part: Part) -> list[str]:
        leaves = part.execution.leaves
        branches = part.execution.waiting()
        found = []
        for path, leaf in leaves.items():
            line = max((one for one in branches if one.path == path[: len(one.path)]), key=lambda one: len(one.path))
            found.append(f"{leaf.command!r}, asked at {where(line.generator)}")
        return found
