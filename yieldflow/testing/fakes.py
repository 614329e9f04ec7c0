"""What stands in for the bodies of steps: a function, answers in a row, or an answer that takes its time.

A fake answers one attempt. Nothing here runs one, and none keeps a state: the same fakes serve many plays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

from yieldflow.authoring.step import Step
from yieldflow.authoring.workflow import Workflow
from yieldflow.core.asks import StepDefinition
from yieldflow.core.times import Duration, Millis, duration
from yieldflow.errors import UsageError, shown


@frozen
class Outcomes:
    """One of these ends an attempt: `outcomes(...)`."""

    choices: tuple[Any, ...]


@frozen(repr=False)
class Takes:
    """It takes so long: `takes(...)`."""

    span: Millis
    outcome: Any

    def __repr__(self) -> str:
        return f"takes({self.span / 1_000:g} s, {shown(self.outcome)})"


class Real:
    """The type of `real`."""

    def __repr__(self) -> str:
        return "real"


real = Real()
"""In place of a fake, or of all: the body of the step itself is called."""

Fake: TypeAlias = Callable[..., Any] | Outcomes | Takes | Real
Fakes: TypeAlias = Mapping[Any, Fake] | Real


def outcomes(*choices: Any) -> Outcomes:
    """A fake whose attempts end so: an answer, an exception (raised), a `takes(...)`, or a function that is called.

    `simulate` takes them in the order given, one an attempt, the last one again and again; `explore` tries any of them
    for each attempt, the first one most often. Raises `UsageError`.

    >>> fakes = {"charge": outcomes(ConnectionError("busy"), "receipt 1")}
    """
    if not choices:
        raise UsageError("outcomes() needs at least one way for an attempt to end")
    return Outcomes(choices)


def takes(span: Duration, outcome: Any = None) -> Takes:
    """A fake whose attempts take that long, in virtual time, and then end as *outcome* says: an answer, an exception,
    `outcomes(...)` or a function that is called. Raises ValueError for what is no duration.

    >>> takes("5s", "receipt 1")
    takes(5 s, 'receipt 1')
    """
    return Takes(duration(span), outcome)


@frozen
class Ending:
    """How an attempt may end: after how long (None: nobody says), with an answer, an exception, or what a function
    answers.
    """

    after: Millis | None
    outcome: Any
    fails: bool = field(init=False)
    is_called: bool = field(init=False)

    @fails.default
    def _fails(self) -> bool:
        return isinstance(self.outcome, BaseException) or _is_error_class(self.outcome)

    @is_called.default
    def _is_called(self) -> bool:
        return callable(self.outcome) and not self.fails

    @property
    def error(self) -> BaseException | None:
        """A new one, if a class is what is raised."""
        if not self.fails:
            return None
        error: BaseException = self.outcome() if isinstance(self.outcome, type) else self.outcome
        return error

    def __str__(self) -> str:
        if (error := self.error) is not None:
            return f"raises {error!r}"
        return "ends" if self.is_called else f"answers {shown(self.outcome)}"


def endings(fake: Fake, step: StepDefinition) -> tuple[Ending, ...]:
    """All ways in which an attempt may end."""
    return tuple(_endings(fake, step, None))


def _endings(fake: Any, step: StepDefinition, after: Millis | None) -> Iterable[Ending]:
    match fake:
        case Outcomes(choices):
            for choice in choices:
                yield from _endings(choice, step, after)
        case Takes(span, outcome):
            yield from _endings(outcome, step, (after or 0) + span)
        case Real():
            yield Ending(after, step.fn)
        case _:
            yield Ending(after, fake)


def by_name(fakes: Fakes | None) -> Mapping[str, Fake]:
    """The fakes by the names of their steps and workflows; a plain function stands for itself. Raises `UsageError`."""
    if fakes is None or isinstance(fakes, Real):
        return {}
    return {_name(key): _checked(key, fake) for key, fake in fakes.items()}


def _name(key: Any) -> str:
    match key:
        case str():
            return key
        case Step() | Workflow():
            return key.definition.name
        case _ if callable(key):
            return f"{key.__module__}:{key.__qualname__}"
        case _:
            raise UsageError(f"{shown(key)} is no step: steps= takes a fake for each step, such as {{charge: fake}}")


def _checked(key: Any, fake: Any) -> Fake:
    if isinstance(fake, Outcomes | Takes | Real) or callable(fake):
        return fake  # type: ignore[no-any-return]  # whatever can be called
    raise UsageError(f"the fake of {_name(key)} is {shown(fake)}: use a function, outcomes(...) or takes(...)")


def _is_error_class(outcome: Any) -> bool:
    return isinstance(outcome, type) and issubclass(outcome, BaseException)
