"""What a program may yield. A command is an immutable value: it may be kept, listed, compared, dropped.

`yield command` and `yield from command` are the same question; with the second, type checkers know the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from random import Random
from typing import Any, Generic, Literal, TypeAlias, TypeVar
from uuid import UUID

from attrs import evolve, field, frozen

from yieldflow.core.commands import ChildOptions, StepOptions
from yieldflow.core.retry import Retry
from yieldflow.core.times import End, Millis, When, end
from yieldflow.core.values import Annotation, Parameters, Shape

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Flow: TypeAlias = Generator[Any, Any, T]
"""What a workflow function returns: `def checkout(order: Order) -> Flow[Receipt]`."""


class Command(Generic[T_co]):
    """What a workflow yields; *T_co* is the type of its answer."""

    __slots__ = ()

    def __iter__(self) -> Generator[Command[Any], Any, T_co]:
        answer: T_co = yield self
        return answer


Ask: TypeAlias = Command[T] | Generator[Any, Any, T]


class Missing:
    """The type of `MISSING`: no default was given, which is not the default None."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


@frozen
class StepDefinition:
    """What a step is, however often it is called."""

    name: str
    fn: Callable[..., Any] = field(eq=False)
    shape: Shape = field(eq=False, repr=False)
    retry: Retry = Retry()
    options: StepOptions = StepOptions()
    plain: bool = False  # an undecorated function: never found by name, only by replaying the program
    also_known_as: tuple[str, ...] = ()

    @property
    def parameters(self) -> Parameters:
        return self.shape.parameters

    @property
    def returns(self) -> Annotation:
        return self.shape.returns


@frozen(repr=False)
class StepCall(Command[T_co]):
    """One call of a step, not yet carried out."""

    definition: StepDefinition
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(factory=dict)
    changed: StepOptions | None = None  # what `.options()` of this call says instead of the definition

    def __repr__(self) -> str:
        return called(self.definition.fn, self.args, self.kwargs)

    @property
    def recorded(self) -> StepOptions:
        """The options as the log keeps them: the limits resolved, a policy only if it is the call's own."""
        options = self.definition.options if self.changed is None else self.changed
        retry = options.retry or self.definition.retry
        if (options.attempts, options.lost) == (retry.attempts, retry.lost):
            return options
        return evolve(options, attempts=retry.attempts, lost=retry.lost)


@frozen
class WorkflowDefinition:
    name: str
    fn: Callable[..., Generator[Any, Any, Any]] = field(eq=False)
    shape: Shape = field(eq=False, repr=False)
    version: str | None = None
    also_known_as: tuple[str, ...] = ()
    retention: Mapping[str, Millis] | None = field(default=None, eq=False)  # by how a run ended; None: the app's

    @property
    def parameters(self) -> Parameters:
        return self.shape.parameters

    @property
    def returns(self) -> Annotation:
        return self.shape.returns


@frozen(repr=False)
class WorkflowCall(Command[T_co]):
    """One call of a workflow, not yet started: what `App.start` takes."""

    definition: WorkflowDefinition
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(factory=dict)
    changed: ChildOptions = ChildOptions()  # what `.options()` says

    def __repr__(self) -> str:
        return called(self.definition.fn, self.args, self.kwargs)


@frozen(repr=False)
class DetachCommand(Command[str]):
    """Start a run of its own; the answer is its id, at once."""

    call: WorkflowCall[Any]

    def __repr__(self) -> str:
        return f"detach({self.call!r})"


@frozen(repr=False)
class ContinueCommand(Command[T_co]):
    """End this log and go on with a fresh one; never answered. *call* None: the same one again."""

    call: WorkflowCall[T_co] | None = None

    def __repr__(self) -> str:
        return f"continue_as_new({'' if self.call is None else repr(self.call)})"


@frozen(repr=False)
class SendCommand(Command[int]):
    """Deliver to another run's hook; the answer is the position in its log."""

    run_id: str
    hook: str
    payload: Any
    type: Annotation = Any

    def __repr__(self) -> str:
        return f"send({self.run_id!r}, {self.hook!r}, {self.payload!r})"


@frozen(repr=False)
class SetDataCommand(Command[None]):
    key: str
    value: Any

    def __repr__(self) -> str:
        return f"set_data({self.key!r}, {self.value!r})"


@frozen(repr=False)
class PatchedCommand(Command[bool]):
    change_id: str

    def __repr__(self) -> str:
        return f"patched({self.change_id!r})"


@frozen(repr=False)
class SleepCommand(Command[None]):
    when: When
    end: End

    def __repr__(self) -> str:
        return f"sleep({self.when!r})"


@frozen(repr=False)
class ReceiveCommand(Command[T_co]):
    """One payload of a hook; the hook is opened if this run has none of that name yet."""

    hook: str
    type: Annotation = Any
    timeout: When | None = None
    default: Any = MISSING

    def options(self, *, timeout: When | None = None, default: Any = MISSING) -> ReceiveCommand[T_co]:
        """The same question with another *timeout* (a duration or an aware datetime) and *default*."""
        if timeout is not None:
            end(timeout)
        return evolve(self, timeout=timeout, default=default)

    def __repr__(self) -> str:
        rest = "" if self.timeout is None else f", timeout={self.timeout!r}"
        rest += "" if self.default is MISSING else f", default={self.default!r}"
        return f"hook({self.hook!r}{rest})"


@frozen(repr=False)
class OpenHookCommand(Command[T_co]):
    name: str
    type: Annotation = Any
    token: str | None = field(default=None)  # None: derived from the run
    response: Any = MISSING
    within: Millis | None = None

    def __repr__(self) -> str:
        return f"open_hook({self.name!r})"  # a token is a secret: not in logs


@frozen(repr=False)
class RespondCommand(Command[None]):
    """Answer whoever sent what a hook has received last; *position*: of that payload."""

    hook: str
    value: Any
    position: int | None = None

    def __repr__(self) -> str:
        return f"{self.hook}.respond({self.value!r})"


@frozen
class Hook(Command[T_co]):
    """An open hook: whoever has its token can answer. `yield the_hook` is its next payload, again and again."""

    name: str
    token: str = field(repr=False)  # a secret: not in logs
    url: str | None = field(repr=False, default=None)
    type: Annotation = field(repr=False, default=Any)

    def receive(self, *, timeout: When | None = None, default: Any = MISSING) -> ReceiveCommand[T_co]:
        """The next payload; past *timeout* the *default* if given, else `TimedOut`."""
        return ReceiveCommand[T_co](self.name, self.type).options(timeout=timeout, default=default)

    def respond(self, value: Any) -> Command[None]:
        """Tell *value* to whoever sent the payload that this hook received last: over HTTP the caller waits for it as
        long as `open_hook(..., respond_within=)` says. Raises ValueError at the yield if nothing was received yet,
        or that has its response.
        """
        return RespondCommand(self.name, value)


@frozen
class RunInfo:
    """What a run may know of itself; the same on every replay."""

    run_id: str
    generation: int  # 1, and more each time it continues as new; a run that is retried stays what it was
    workflow: str
    started_at: datetime
    parent: str | None
    tags: Mapping[str, str]
    history_length: int  # the position of the last fact it was told
    continue_suggested: bool  # the history is long: `continue_as_new` is due


@frozen(repr=False)
class Question(Command[T_co]):
    """Answered at once from the log and the seed: takes no number and leaves no trace."""

    kind: Literal["now", "rng", "uuid4", "run_info"]

    def __repr__(self) -> str:
        return f"{self.kind}()"


@frozen(repr=False)
class GetDataCommand(Command[T_co]):
    """A question, too."""

    key: str
    type: Annotation = Any
    default: Any = None

    def __repr__(self) -> str:
        return f"get_data({self.key!r})"


NOW: Question[datetime] = Question("now")
RNG: Question[Random] = Question("rng")
UUID4: Question[UUID] = Question("uuid4")
RUN_INFO: Question[RunInfo] = Question("run_info")


def called(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """The source of a call."""
    given = [repr(arg) for arg in args] + [f"{name}={value!r}" for name, value in kwargs.items()]
    return f"{fn.__qualname__}({', '.join(given)})"
