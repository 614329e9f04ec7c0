"""Who plays the steps: fakes, or the bodies themselves, and a book of all their calls.

A body that is called runs as it does in a worker, with its `current_step()`; nobody counts its time or takes it away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, TypeAlias

from attrs import define, evolve, field

from yieldflow.authoring.loaded import loaded
from yieldflow.body import Bodies
from yieldflow.core.asks import StepDefinition
from yieldflow.core.failures import from_exception, to_exception
from yieldflow.core.path import Path, show
from yieldflow.core.times import Millis, end
from yieldflow.core.values import Arguments, Codec
from yieldflow.engine.requests import Execute, ExecuteLocal, Returned, Threw, Unfit
from yieldflow.errors import RetryableError
from yieldflow.heart import Heart, Held
from yieldflow.interrupting import Watch
from yieldflow.testing.fakes import Ending, Fake, endings

State: TypeAlias = Literal["answered", "raised", "lost", "timed out", "unheard"]
"""How an attempt came out. lost: its worker died · unheard: nobody waited for it any more when it came out."""


@define(eq=False)
class Call:
    """An attempt that has ended, for a test to look at: what the step was given, and how that came out."""

    step: str
    run_id: str
    path: Path
    attempt: int
    at: Millis
    key: str  # its idempotency key
    _given: Callable[[], Arguments] = field(repr=False)
    outcome: Any = None  # what it answered, or the exception that it raised
    state: State = "lost"
    done: bool = False  # its body came to an answer, whether anybody heard of it or not

    @property
    def args(self) -> tuple[Any, ...]:
        """By position."""
        return self._given().args

    @property
    def kwargs(self) -> Mapping[str, Any]:
        """By name, as it was called."""
        return self._given().kwargs


class _Quiet(Heart):
    """Nobody takes a claim away here."""

    def hold(self, held: Held) -> None:
        pass

    def let_go(self, held: Held) -> None:
        pass

    def give_back(self, held: Held) -> None:
        pass


@define(eq=False)
class Cast:
    """*fakes* by the names of their steps; *whole* is that of a step without one."""

    codec: Codec
    fakes: Mapping[str, Fake]
    whole: Fake | None
    now: Callable[[], Millis]
    calls: list[Call] = field(factory=list)
    _endings: dict[str, tuple[Ending, ...]] = field(factory=dict, init=False)

    def endings(self, step: StepDefinition) -> tuple[Ending, ...]:
        """All ways in which an attempt of it may end. Raises AssertionError for a step that has no fake."""
        known = self._endings.get(step.name)
        if known is None:
            known = self._endings[step.name] = endings(self._fake(step), step)
        return known

    def called(self, request: Execute | ExecuteLocal) -> Call:
        """Written down as lost, until it is known how it came out."""
        path, attempt, at = request.path, 1, self.now()
        if isinstance(request, Execute):
            attempt, at = request.claim.work.attempt, request.claim.since
        key = f"{request.keys or request.run_id}/{show(path)}"

        codec = self.codec  # of the cast a call knows nothing: else each would outlive its stage

        def given() -> Arguments:
            return codec.decode_arguments(request.call.arguments, request.step.parameters)

        call = Call(request.step.name, request.run_id, path, attempt, at, key, given)
        self.calls.append(call)
        return call

    def perform(self, request: Execute | ExecuteLocal, ending: Ending, call: Call) -> Returned | Threw:
        if ending.is_called:
            return self._body(evolve(request, step=evolve(request.step, fn=ending.outcome)), call)
        if (error := ending.error) is None:
            call.outcome, call.state, call.done = ending.outcome, "answered", True
            return Returned(self.codec.encode(ending.outcome, request.step.returns), call.at)
        call.outcome, call.state = error, "raised"
        after = error.retry_after if isinstance(error, RetryableError) else None
        return Threw(from_exception(error, self.codec), call.at, None if after is None else end(after))

    def _body(self, request: Execute | ExecuteLocal, call: Call) -> Returned | Threw:
        match self._bodies.execute(request):
            case Returned(value) as body:
                call.outcome, call.state = self.codec.decode(value, request.step.returns), "answered"
                call.done = True
                return body
            case Threw(failure) as body:
                call.outcome, call.state = to_exception(failure, self.codec, loaded), "raised"
                return body
            case Unfit(reason):
                raise AssertionError(reason)
            case _:
                raise AssertionError(f"the body of {call.step} was stopped")

    @cached_property
    def _bodies(self) -> Bodies:
        return Bodies(_Quiet(None, lambda _: None), Watch(), self.codec, self.now, lambda _: None)  # type: ignore[arg-type]  # it has no store

    def _fake(self, step: StepDefinition) -> Fake:
        for name in (step.name, *step.also_known_as):
            if name in self.fakes:
                return self.fakes[name]
        if self.whole is None:
            named = step.fn.__name__
            raise AssertionError(
                f"step {step.name} has no fake: give steps={{{named}: ...}}, or steps=real for its body"
            )
        return self.whole
