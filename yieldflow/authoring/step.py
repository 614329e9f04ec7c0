"""`step`: functions with effects, called from a workflow as values that are carried out elsewhere.

With a function in first place all further arguments are that function's; options go through `@step(...)`
or `.options(...)`. Nothing is called here.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Coroutine, Iterable
from difflib import get_close_matches
from functools import reduce
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from attrs import evolve, frozen

from yieldflow.authoring.options import queue_name, span
from yieldflow.authoring.registry import DEFAULT
from yieldflow.authoring.scope import inside, refuse_in_a_step
from yieldflow.authoring.signatures import (
    bind,
    default_name,
    former_names,
    refuse_what_is_no_function,
    step_shape,
)
from yieldflow.core import asks
from yieldflow.core.asks import StepDefinition, WorkflowDefinition
from yieldflow.core.commands import StepOptions
from yieldflow.core.retry import Retry
from yieldflow.core.times import Duration
from yieldflow.errors import BadDefinition, shown

P = ParamSpec("P")
R = TypeVar("R")
T_co = TypeVar("T_co", covariant=True)


@frozen(repr=False)
class StepCall(asks.StepCall[T_co]):
    """One call of a step, not yet carried out: `yield` it."""

    def options(
        self,
        *,
        retry: int | Retry | None = None,
        timeout: Duration | None = None,
        queue: str | None = None,
        lease: Duration | None = None,
        heartbeat: Duration | None = None,
        label: str | None = None,
        local: bool | None = None,
    ) -> StepCall[T_co]:
        """The same call, carried out otherwise; what is not given stays. *label* is shown instead of the name. *local*:
        carried out in the turn itself, never queued; one attempt, without a time-out.

        Raises ValueError for what is no duration or policy.
        """
        return evolve(self, changed=_changed(self, retry, timeout, queue, lease, heartbeat, label, local))


@frozen(repr=False)
class Step(StepCall[R], Generic[P, R]):
    """A step; uncalled it is itself the call without arguments (`yield step(fn)`). `.fn` is the function."""

    @property
    def fn(self) -> Callable[P, Any]:
        return self.definition.fn

    def __hash__(self) -> int:
        return hash(self.definition.name)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> StepCall[R]:
        refuse_in_a_step(_instead(self.definition))
        return _call(self.definition, args, kwargs, self.changed)

    def options(
        self,
        *,
        retry: int | Retry | None = None,
        timeout: Duration | None = None,
        queue: str | None = None,
        lease: Duration | None = None,
        heartbeat: Duration | None = None,
        label: str | None = None,
        local: bool | None = None,
    ) -> Step[P, R]:
        """The same step, whose calls are carried out otherwise; what is not given stays."""
        return evolve(self, changed=_changed(self, retry, timeout, queue, lease, heartbeat, label, local))


class StepDecorator(Protocol):
    """What `step(retry=..., ...)` answers; may decorate any number of functions."""

    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, R]], /) -> Step[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> Step[P, R]: ...


@overload
def step(fn: Callable[P, Coroutine[Any, Any, R]], /) -> Step[P, R]: ...
@overload
def step(fn: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(fn: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs) -> StepCall[R]: ...
@overload
def step(fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> StepCall[R]: ...
@overload
def step(
    *,
    name: str | None = None,
    also_known_as: str | Iterable[str] = (),
    retry: int | Retry | None = None,
    timeout: Duration | None = None,
    queue: str | None = None,
    lease: Duration | None = None,
    heartbeat: Duration | None = None,
    local: bool = False,
) -> StepDecorator: ...
def step(*args: Any, **kwargs: Any) -> Any:
    """Make a function a step (`@step`, `@step(retry=5)`), or call a plain one as a step (`step(fn, *args)`).

    *retry*: a `Retry`, or its attempts (default 3 in total). *timeout* bounds one attempt, *heartbeat* the silence
    of its body, *lease* that of its worker; *local* steps run in the turn itself. *name* pins what logs call it,
    *also_known_as* what they called it.
    Raises BadDefinition for generators and methods, TypeError for arguments that do not fit the function.

    >>> @step(retry=5, timeout="30s")
    ... def charge(order_id: str, cents: int) -> str:
    ...     return f"receipt of {order_id}"
    >>> charge("order-1", cents=500)
    charge('order-1', 500)
    >>> charge.fn("order-1", 500)
    'receipt of order-1'
    """
    if not args:
        _refuse_unknown(kwargs)
        return _decorator(**kwargs)
    fn, *given = args
    if not given and not kwargs:
        return _defined(fn)
    _refuse(fn)
    refuse_in_a_step(fn.__qualname__)
    return _call(StepDefinition(default_name(fn), fn, step_shape(fn), plain=True), tuple(given), kwargs, None)


def _refuse_unknown(options: Iterable[str]) -> None:
    for name in options:
        if name not in _OPTIONS:
            near = get_close_matches(name, _OPTIONS, 1)
            instead = f"did you mean {near[0]}=?" if near else f"it has {', '.join(_OPTIONS)}"
            raise TypeError(f"step() has no option {shown(name)}; {instead}")


_OPTIONS = ("name", "also_known_as", "retry", "timeout", "queue", "lease", "heartbeat", "local")


def _decorator(
    *,
    name: str | None = None,
    also_known_as: str | Iterable[str] = (),
    retry: int | Retry | None = None,
    timeout: Duration | None = None,
    queue: str | None = None,
    lease: Duration | None = None,
    heartbeat: Duration | None = None,
    local: bool = False,
) -> Callable[[Any], Step[Any, Any]]:
    policy = Retry() if retry is None else _policy(retry)
    options = StepOptions(
        queue_name(queue), timeout=span(timeout), lease=span(lease), heartbeat=span(heartbeat), local=local
    )

    def decorate(fn: Any) -> Step[Any, Any]:
        _refuse(fn)
        definition = StepDefinition(
            name or default_name(fn), fn, step_shape(fn), policy, options, also_known_as=former_names(also_known_as)
        )
        DEFAULT.add_step(definition)
        return Step(definition)

    return decorate


def _defined(fn: Any) -> Step[Any, Any]:
    """`@step` and `step(fn)` look the same; a decorator sees its function before anything else can name it."""
    _refuse(fn)
    plain = inside.get() == "workflow" or fn.__name__ == "<lambda>" or _is_named(fn)
    definition = StepDefinition(default_name(fn), fn, step_shape(fn), plain=plain)
    if not plain:
        DEFAULT.add_step(definition)
    return Step(definition)


def _is_named(fn: Any) -> bool:
    module = sys.modules.get(fn.__module__)
    return reduce(lambda owner, name: getattr(owner, name, None), fn.__qualname__.split("."), module) is fn


def _call(definition: StepDefinition, args: Any, kwargs: Any, changed: StepOptions | None) -> StepCall[Any]:
    arguments = bind(definition.fn, args, kwargs)
    return StepCall(definition, arguments.args, arguments.kwargs, changed)


def _instead(definition: StepDefinition) -> str:
    name: str = definition.fn.__qualname__
    return name if definition.plain else f"{name}.fn"


def _refuse(fn: Any) -> None:
    defined = getattr(fn, "definition", None)
    if isinstance(defined, StepDefinition):
        raise BadDefinition(f"{defined.name} is a step already: call it, or change it with .options(...)")
    if isinstance(defined, WorkflowDefinition):
        raise BadDefinition(f"{defined.name} is a workflow, not a step")
    refuse_what_is_no_function(fn, "step")
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise BadDefinition(
            f"{fn.__qualname__} is a generator, which cannot be a step: "
            "write `yield from` its call in the workflow, or make it a @workflow"
        )


def _changed(
    call: StepCall[Any],
    retry: int | Retry | None,
    timeout: Duration | None,
    queue: str | None,
    lease: Duration | None,
    heartbeat: Duration | None,
    label: str | None,
    local: bool | None,
) -> StepOptions:
    definition = call.definition
    if queue is not None and definition.plain:
        raise BadDefinition(
            f"queue= needs @step: a worker of another queue finds {definition.fn.__qualname__} only by a step's name"
        )
    changes = {
        "retry": None if retry is None else _policy(retry),
        "timeout": span(timeout),
        "queue": queue_name(queue),
        "lease": span(lease),
        "heartbeat": span(heartbeat),
        "label": label,
        "local": local,
    }
    given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    return evolve(definition.options if call.changed is None else call.changed, **given)


def _policy(retry: int | Retry) -> Retry:
    return retry if isinstance(retry, Retry) else Retry(attempts=retry)
