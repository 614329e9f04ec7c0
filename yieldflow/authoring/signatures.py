"""What a function's signature says: its name in the log, how calls bind, by which annotations values travel.

Annotations are resolved at the first look, so that a step may stand above the classes it names. What cannot
be resolved even then (a name under TYPE_CHECKING) is `Any`. Calls bind at once and need no annotation.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

from attrs import define

from yieldflow.core.values import Annotation, Arguments, Parameters
from yieldflow.errors import BadDefinition, shortened

if sys.version_info >= (3, 14):  # annotations are evaluated late there, and asking for them may raise NameError
    import annotationlib

    _signature = partial(inspect.signature, annotation_format=annotationlib.Format.FORWARDREF)
    _annotations = partial(annotationlib.get_annotations, format=annotationlib.Format.FORWARDREF)
else:
    _signature = inspect.signature
    _annotations = inspect.get_annotations

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_OPEN = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_AWAITED = (Awaitable, Coroutine)
_KNOWN: WeakKeyDictionary[FunctionType, inspect.Signature] = WeakKeyDictionary()  # each call is bound by one
_UNRESOLVED = (NameError, AttributeError, TypeError, SyntaxError, KeyError)  # of an annotation that is evaluated


@define(slots=False, eq=False)
class LazyShape:
    """The shape of a function, its annotations resolved at the first look."""

    fn: Callable[..., Any]
    answer: Callable[[Callable[..., Any]], Annotation]

    @cached_property
    def parameters(self) -> Parameters:
        return parameters(self.fn)

    @cached_property
    def returns(self) -> Annotation:
        return self.answer(self.fn)


def step_shape(fn: Callable[..., Any]) -> LazyShape:
    return LazyShape(fn, step_returns)


def workflow_shape(fn: Callable[..., Any]) -> LazyShape:
    return LazyShape(fn, workflow_returns)


def bind(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
    """The arguments of a call, by position as far as they go; raises TypeError as the call itself would."""
    if not kwargs and _takes(fn, len(args)):
        return Arguments(args)
    try:
        bound = signature(fn).bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{fn.__qualname__}(): {shortened(str(error))}") from None
    return Arguments(bound.args, bound.kwargs)


def _takes(fn: Callable[..., Any], count: int) -> bool:
    """Whether it is a plain function, which so many arguments by position are enough for; False: look more closely."""
    if type(fn) is not FunctionType or vars(fn) or fn.__code__.co_flags & _OPEN or fn.__code__.co_kwonlyargcount:
        return False
    most = fn.__code__.co_argcount
    return most - len(fn.__defaults__ or ()) <= count <= most


def signature(fn: Callable[..., Any]) -> inspect.Signature:
    if not isinstance(fn, FunctionType):
        return _inspected(fn)
    known = _KNOWN.get(fn)
    if known is None:
        known = _KNOWN[fn] = _inspected(fn)
    return known


def _inspected(fn: Callable[..., Any]) -> inspect.Signature:
    try:
        return _signature(fn)
    except ValueError:  # some functions written in C do not tell
        return inspect.signature(lambda *_args, **_kwargs: None)


def parameters(fn: Callable[..., Any]) -> Parameters:
    given = signature(fn).parameters.values()
    hints = {parameter.name: _hint(fn, parameter.name) for parameter in given}
    kinds = {parameter.kind: hints[parameter.name] for parameter in given}
    return Parameters(
        names=tuple(parameter.name for parameter in given if parameter.kind in _POSITIONAL),
        annotations={
            parameter.name: hints[parameter.name]
            for parameter in given
            if parameter.kind in (*_POSITIONAL, inspect.Parameter.KEYWORD_ONLY)
        },
        rest=kinds.get(inspect.Parameter.VAR_POSITIONAL, Any),
        others=kinds.get(inspect.Parameter.VAR_KEYWORD, Any),
        required=tuple(
            parameter.name
            for parameter in given
            if parameter.default is parameter.empty and parameter.kind not in _VARIADIC
        ),
        defaults={parameter.name: parameter.default for parameter in given if parameter.default is not parameter.empty},
        unnamed=sum(parameter.kind is inspect.Parameter.POSITIONAL_ONLY for parameter in given),
    )


def step_returns(fn: Callable[..., Any]) -> Annotation:
    """What a step answers; of a function that returns an awaitable, what awaiting it gives."""
    hint = _hint(fn, "return")
    origin: object = typing.get_origin(hint)
    return typing.get_args(hint)[-1] if origin in _AWAITED else hint


def workflow_returns(fn: Callable[..., Any]) -> Annotation:
    """The `T` of `Flow[T]`; `Any` of what is annotated otherwise."""
    hint = _hint(fn, "return")
    origin: object = typing.get_origin(hint)
    given = typing.get_args(hint) if origin is Generator else ()
    return given[2] if len(given) == 3 else Any


def default_name(fn: Callable[..., Any]) -> str:
    """`module:qualname`: what the log calls a function."""
    return f"{home(fn)}:{fn.__qualname__}"


def home(fn: Callable[..., Any]) -> str:
    """The module of a function; of a script what others import it as, for `__main__` is another program elsewhere."""
    if fn.__module__ != "__main__":
        return fn.__module__
    main = sys.modules["__main__"]
    if main.__spec__ is not None:  # python -m shop.flows
        return main.__spec__.name
    file = getattr(main, "__file__", None)  # a notebook has none
    return Path(file).stem if file else "__main__"


def refuse_what_is_no_function(fn: Any, kind: str) -> None:
    """A step or workflow is found again by module and name and called without an object: raises BadDefinition."""
    if isinstance(fn, staticmethod | classmethod) or inspect.ismethod(fn) or _is_method(fn):
        raise BadDefinition(f"{_shown(fn)} is a method: make it a function of the module, a {kind} has no object")
    named = isinstance(getattr(fn, "__qualname__", None), str) and isinstance(getattr(fn, "__module__", None), str)
    if not callable(fn) or isinstance(fn, type) or not named:
        raise BadDefinition(
            f"{fn!r} is not a function, and a {kind} must be one (`def` or, for a plain step, a lambda)"
        )


def former_names(given: str | Iterable[str]) -> tuple[str, ...]:
    """`also_known_as=`: several names, or one."""
    return (given,) if isinstance(given, str) else tuple(given)


def _is_method(fn: Any) -> bool:
    owner = str(getattr(fn, "__qualname__", "")).rpartition(".")[0]
    if not owner or owner.endswith("<locals>") or not inspect.isfunction(fn):
        return False
    return next(iter(_signature(fn).parameters), "") in ("self", "cls")


def _shown(fn: Any) -> str:
    return str(getattr(fn, "__qualname__", None) or getattr(fn, "__func__", fn))


def _hint(fn: Callable[..., Any], name: str) -> Annotation:
    """One annotation by itself, so that one that cannot be resolved does not spoil the others."""
    inner = inspect.unwrap(fn)
    annotations = _annotations(inner)
    if name not in annotations:
        return Any
    cells = zip(inner.__code__.co_freevars, inner.__closure__ or (), strict=True) if inspect.isfunction(inner) else ()
    try:
        closed_over = {free: cell.cell_contents for free, cell in cells}
    except ValueError:  # a cell that is still empty
        closed_over = {}
    holder = SimpleNamespace(__annotations__={name: annotations[name]})
    try:
        return typing.get_type_hints(holder, getattr(inner, "__globals__", {}), closed_over, include_extras=True)[name]
    except _UNRESOLVED:
        return Any
