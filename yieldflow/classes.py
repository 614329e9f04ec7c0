"""Steps and workflows written as classes: a thin layer over `step` and `workflow`.

`yieldflow.Step` and `yieldflow.Workflow` are other things: the types of what the decorators make, whose parameters say
how they are called. A class below those would inherit a constructor and a type that say nothing of its own methods.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Generator, Iterable
from typing import Any, ClassVar, Never, ParamSpec, Protocol, Self, TypeVar, overload

from yieldflow.authoring import step as steps
from yieldflow.authoring import workflow as workflows
from yieldflow.authoring.signatures import signature
from yieldflow.core.retry import Retry
from yieldflow.core.times import Duration
from yieldflow.errors import BadDefinition

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Executes(Protocol[P, R_co]):
    """What a class of steps must have."""

    def execute(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class ExecutesAsync(Protocol[P, R_co]):
    def execute(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]: ...


class Runs(Protocol[P, R_co]):
    """What a class of workflows must have."""

    def run(self, *args: P.args, **kwargs: P.kwargs) -> Generator[Any, Any, R_co]: ...


class Stateless:
    """Nothing of an instance travels to the worker that runs it: it may hold nothing."""

    def __new__(cls, *state: Never, **more: Never) -> Self:
        if state or more:
            raise TypeError(_no_state(cls))
        return super().__new__(cls)


class Step(Stateless):
    """A step as a class: what it does is `execute`, and its options are attributes of the class.

    `name`, `also_known_as`, `retry`, `timeout`, `queue`, `lease`, `heartbeat` and `local` are those of `@step`; a
    subclass inherits all but the names. `CreateGreeting()("Ada")` is the call, to be yielded. Raises BadDefinition.

    >>> class CreateGreeting(Step):
    ...     retry = 5
    ...     def execute(self, name: str) -> str:
    ...         return f"Hello, {name}!"
    >>> CreateGreeting()("Ada")
    CreateGreeting('Ada')
    """

    name: ClassVar[str | None] = None
    also_known_as: ClassVar[str | Iterable[str]] = ()
    retry: ClassVar[int | Retry | None] = None
    timeout: ClassVar[Duration | None] = None
    queue: ClassVar[str | None] = None
    lease: ClassVar[Duration | None] = None
    heartbeat: ClassVar[Duration | None] = None
    local: ClassVar[bool] = False
    _step: ClassVar[steps.Step[..., Any]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if hasattr(cls, "execute"):
            decorated = steps.step(
                name=vars(cls).get("name"),
                also_known_as=vars(cls).get("also_known_as", ()),
                retry=cls.retry,
                timeout=cls.timeout,
                queue=cls.queue,
                lease=cls.lease,
                heartbeat=cls.heartbeat,
                local=cls.local,
            )
            cls._step = decorated(_function(cls, "execute"))

    @overload
    def __call__(self: ExecutesAsync[P, R_co], *args: P.args, **kwargs: P.kwargs) -> steps.StepCall[R_co]: ...
    @overload
    def __call__(self: Executes[P, R_co], *args: P.args, **kwargs: P.kwargs) -> steps.StepCall[R_co]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _defined(type(self), "_step", "execute")(*args, **kwargs)


class Workflow(Stateless):
    """A workflow as a class: its program is `run`, a generator, and its options are attributes of the class.

    `name`, `also_known_as` and `version` are those of `@workflow`; `queue` and `timeout` hold for each run, as if
    given with `.options()`. A subclass inherits all but the names. `Greet()("Ada")` is the call. Raises BadDefinition.

    >>> class Greet(Workflow):
    ...     version = "2"
    ...     def run(self, name: str):
    ...         return (yield CreateGreeting()(name))
    >>> Greet()("Ada")
    Greet('Ada')
    """

    name: ClassVar[str | None] = None
    also_known_as: ClassVar[str | Iterable[str]] = ()
    version: ClassVar[str | None] = None
    queue: ClassVar[str | None] = None
    timeout: ClassVar[Duration | None] = None
    _workflow: ClassVar[workflows.Workflow[..., Any]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if hasattr(cls, "run"):
            decorated = workflows.workflow(
                name=vars(cls).get("name"),
                version=cls.version,
                also_known_as=vars(cls).get("also_known_as", ()),
            )
            cls._workflow = decorated(_function(cls, "run"))

    def __call__(self: Runs[P, R_co], *args: P.args, **kwargs: P.kwargs) -> workflows.WorkflowCall[R_co]:
        cls: Any = type(self)
        call: workflows.WorkflowCall[R_co] = _defined(cls, "_workflow", "run")(*args, **kwargs)
        return call.options(queue=cls.queue, timeout=cls.timeout)


def _defined(cls: type, attribute: str, method: str) -> Callable[..., Any]:
    found: Callable[..., Any] | None = getattr(cls, attribute, None)
    if found is None:
        raise BadDefinition(f"{cls.__qualname__} has no {method}(): give it one, it is what the class does")
    return found


def _function(cls: type, name: str) -> Callable[..., Any]:
    """The method as a function under the name of the class: made anew for each call, an object has nothing to say."""
    _refuse_state(cls)
    method = inspect.getattr_static(cls, name)
    if not inspect.isfunction(method) or inspect.isasyncgenfunction(method):
        raise BadDefinition(f"{cls.__qualname__}.{name} must be a plain method, `def {name}(self, ...)`")
    function = functools.wraps(method)(_calling(cls, method))
    shape = signature(method)
    setattr(function, "__signature__", shape.replace(parameters=list(shape.parameters.values())[1:]))  # noqa: B010 - mypy knows functions without it
    function.__name__, function.__qualname__, function.__module__ = cls.__name__, cls.__qualname__, cls.__module__
    return function


def _calling(cls: Callable[[], Any], method: Callable[..., Any]) -> Callable[..., Any]:
    """Of the same kind as the method, so that the decorators see what they are given."""

    def program(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        return (yield from method(cls(), *args, **kwargs))

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        return await method(cls(), *args, **kwargs)

    def function(*args: Any, **kwargs: Any) -> Any:
        return method(cls(), *args, **kwargs)

    if inspect.isgeneratorfunction(method):
        return program
    return coroutine if inspect.iscoroutinefunction(method) else function


def _refuse_state(cls: type) -> None:
    init = inspect.getattr_static(cls, "__init__")
    if inspect.isfunction(init) and len(signature(init).parameters) > 1:
        raise BadDefinition(_no_state(cls))


def _no_state(cls: type) -> str:
    return (
        f"{cls.__qualname__} takes nothing when it is made, for nothing of an object reaches the worker that runs it: "
        f"pass it with the call, {cls.__qualname__}()(...)"
    )
