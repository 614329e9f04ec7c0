"""`workflow`: generators that ask. A call of one is a value, which `App.start` takes.

Calling a workflow runs none of its code. What its source shows to be a mistake is refused when it is defined.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, Generic, Literal, ParamSpec, Protocol, TypeVar, overload

from attrs import evolve, frozen

from yieldflow.authoring import options
from yieldflow.authoring.options import queue_name, span, text_tags, user_run_id
from yieldflow.authoring.registry import DEFAULT
from yieldflow.authoring.scope import refuse_in_a_step
from yieldflow.authoring.signatures import (
    bind,
    default_name,
    former_names,
    refuse_what_is_no_function,
    workflow_shape,
)
from yieldflow.authoring.source_check import all_at_once, check
from yieldflow.core import asks
from yieldflow.core.asks import WorkflowDefinition
from yieldflow.core.times import Duration
from yieldflow.errors import BadDefinition

P = ParamSpec("P")
R = TypeVar("R")
T_co = TypeVar("T_co", covariant=True)


@frozen(repr=False)
class WorkflowCall(asks.WorkflowCall[T_co]):
    """One call of a workflow, not yet started: `App.start` takes it, and a workflow may `yield` it as a child run."""

    def options(
        self,
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: Duration | None = None,
        queue: str | None = None,
        on_parent_close: Literal["cancel", "abandon"] | None = None,
    ) -> WorkflowCall[T_co]:
        """The same call, started otherwise; what is not given stays. For a child *run_id* is made from the parent's by
        default, *tags* are added to its own, *queue* is the same; *on_parent_close*: whether the child is cancelled
        when its parent lets it go (default) or goes on. *timeout* bounds the whole run.

        Raises ValueError.
        """
        if on_parent_close not in (None, "cancel", "abandon"):
            raise ValueError(f"on_parent_close={on_parent_close!r} must be 'cancel' or 'abandon'")
        changes = {
            "run_id": None if run_id is None else user_run_id(run_id),
            "tags": None if tags is None else {**self.changed.tags, **text_tags(tags)},
            "timeout": span(timeout),
            "queue": queue_name(queue),
            "on_parent_close": on_parent_close,
        }
        given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
        return evolve(self, changed=evolve(self.changed, **given))


@frozen
class Workflow(Generic[P, R]):
    """A workflow; called it is a `WorkflowCall`, a value. `.fn` is the generator function."""

    definition: WorkflowDefinition

    @property
    def fn(self) -> Callable[P, Generator[Any, Any, R]]:
        return self.definition.fn

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> WorkflowCall[R]:
        refuse_in_a_step(f"{self.definition.fn.__qualname__}.fn")
        arguments = bind(self.definition.fn, args, kwargs)
        return WorkflowCall(self.definition, arguments.args, arguments.kwargs)


class WorkflowDecorator(Protocol):
    """What `workflow(name=..., ...)` answers."""

    def __call__(self, fn: Callable[P, Generator[Any, Any, R]], /) -> Workflow[P, R]: ...


@overload
def workflow(fn: Callable[P, Generator[Any, Any, R]], /) -> Workflow[P, R]: ...
@overload
def workflow(
    *,
    name: str | None = None,
    version: str | None = None,
    also_known_as: str | Iterable[str] = (),
    retention: Duration | Mapping[str, Duration] | None = None,
) -> WorkflowDecorator: ...
def workflow(
    fn: Callable[..., Generator[Any, Any, Any]] | None = None,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
    also_known_as: str | Iterable[str] = (),
    retention: Duration | Mapping[str, Duration] | None = None,
) -> Any:
    """Make a generator function a workflow (`@workflow`, `@workflow(name="checkout")`).

    *name* pins what logs call it (default `module:qualname`), *also_known_as* what they called it before; *version*
    is noted in each run that starts. *retention*: how long its runs are kept once they have ended, for all or by how
    they did (`{"completed": "7d"}`); default what the app says. Raises ValueError, and BadDefinition for anything but a
    generator function, and for commands that its source never yields and clocks, randomness and effects that it calls.

    >>> from yieldflow.core.asks import Flow
    >>> @workflow
    ... def checkout(order_id: str) -> Flow[str]:
    ...     return (yield order_id)
    >>> checkout("order-1")
    checkout('order-1')
    """
    kept = None if retention is None else options.retention(retention)

    def decorate(fn: Callable[..., Generator[Any, Any, Any]]) -> Workflow[Any, Any]:
        _refuse(fn)
        names = former_names(also_known_as)
        definition = WorkflowDefinition(name or default_name(fn), fn, workflow_shape(fn), version, names, kept)
        DEFAULT.add_workflow(definition)
        return Workflow(definition)

    return decorate if fn is None else decorate(fn)


def _refuse(fn: Any) -> None:
    if hasattr(fn, "definition"):
        raise BadDefinition(f"{fn!r} is a step or a workflow already")
    refuse_what_is_no_function(fn, "workflow")
    if inspect.isasyncgenfunction(fn) or inspect.iscoroutinefunction(fn):
        raise BadDefinition(
            f"{fn.__qualname__} is async: a workflow is a plain `def` that yields; async steps it may call"
        )
    if not inspect.isgeneratorfunction(fn):
        raise BadDefinition(
            f"{fn.__qualname__} yields nothing: a workflow must yield (a function with effects is a @step)"
        )
    if not all_at_once.get() and (findings := check(fn)):
        raise BadDefinition("\n".join(map(str, findings)))
