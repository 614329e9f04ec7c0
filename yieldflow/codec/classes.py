"""Classes with named fields as JSON objects: attrs classes, dataclasses, typed dicts and named tuples.

Fields travel by their annotations, with type variables bound. When reading, fields that are missing take
their defaults and unknown ones are ignored, so that a class may grow and shrink under a running run.
Fields that are not arguments of the class (`init=False`) are not stored: the class makes them again.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable
from functools import cache
from typing import (
    Any,
    Generic,
    NoReturn,
    NotRequired,
    Protocol,
    Required,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import attrs
from attrs import frozen

from yieldflow.codec.untyped import (
    REFUSALS,
    TAG,
    Json,
    Misfit,
    Shape,
    load_items,
    tagged,
    unfit,
    unreadable,
    untag,
)
from yieldflow.core.values import Annotation


@frozen
class Field:
    """*name* is how it is stored and read from an instance, *argument* how the class takes it."""

    name: str
    argument: str
    shape: Shape
    required: bool


def is_record(cls: type) -> bool:
    return attrs.has(cls) or dataclasses.is_dataclass(cls) or is_typeddict(cls) or _is_named_tuple(cls)


def record(annotation: Annotation, name: str, of: Callable[[Annotation], Shape]) -> Shape:
    """The fields are looked up at the first use, so that a class may mention itself."""
    cls: Any = get_origin(annotation) or annotation
    fields = cache(lambda: _fields(annotation, cls, of))
    if is_typeddict(cls):
        return _typed_dict(name, fields)

    def dump(value: Any) -> Json:
        if type(value) is not cls:
            raise unfit(value, f"it is annotated as {name}")
        out, field = {}, None
        try:
            for field in fields():
                out[field.name] = field.shape.dump(getattr(value, field.name))
        except Misfit as misfit:
            raise misfit.under(f".{field.name}" if field else "") from None
        return out

    def load(data: Json) -> Any:
        given = _given(name, fields(), data)
        try:
            return cls(**given)
        except REFUSALS as error:
            raise Misfit(name, f"{type(error).__name__}: {error}") from None

    return Shape(name, dump, load)


def _typed_dict(name: str, fields: Callable[[], tuple[Field, ...]]) -> Shape:
    def dump(value: Any) -> Json:
        if type(value) is not dict:
            raise unfit(value, f"it is annotated as {name}")
        known = {field.name: field for field in fields()}
        for key in value:
            if key not in known:
                raise unfit(value, f"it is annotated as {name}, which has no key {key!r:.60}")
        for field in known.values():
            if field.required and field.name not in value:
                raise unfit(value, f"it is annotated as {name}, and the key {field.name!r} is missing")
        out, key = {}, ""
        try:
            for key, item in value.items():
                out[key] = known[key].shape.dump(item)
        except Misfit as misfit:
            raise misfit.under(f"[{key!r}]") from None
        return tagged("dict", list(out.items())) if TAG in out else out

    def load(data: Json) -> Any:
        pairs = untag("dict", data)
        return _given(name, fields(), data if pairs is data else load_items(lambda key: key, lambda raw: raw, data))

    return Shape(name, dump, load)


def _given(name: str, fields: Iterable[Field], data: Json) -> dict[str, Any]:
    if type(data) is not dict:
        raise unreadable(name, data)
    given: dict[str, Any] = {}
    field = None
    try:
        for field in fields:
            if field.name in data:
                given[field.argument] = field.shape.load(data[field.name])
            elif field.required:
                _refuse_to_miss(field)
    except Misfit as misfit:
        raise misfit.under(f".{field.name}" if field else "") from None
    return given


def _refuse_to_miss(field: Field) -> NoReturn:
    raise Misfit(field.shape.name, "it is missing")


# --- which fields a class has ---------------------------------------------------------------------------------


def _fields(annotation: Annotation, cls: type, of: Callable[[Annotation], Shape]) -> tuple[Field, ...]:
    try:
        types = _types(annotation)
    except (NameError, TypeError, AttributeError) as error:
        raise Misfit(cls.__qualname__, f"its annotations cannot be resolved ({error})") from None
    fields = tuple(
        Field(name, argument, of(types.get(name, Any)), required) for name, argument, required in _arguments(cls, types)
    )
    if not is_typeddict(cls):
        _check_constructor(cls, {field.argument for field in fields})
    return fields


def _arguments(cls: Any, types: dict[str, Annotation]) -> list[tuple[str, str, bool]]:
    """(stored name, name of the argument, whether it is required) of each field."""
    if attrs.has(cls):
        return [(a.name, a.alias or a.name, a.default is attrs.NOTHING) for a in attrs.fields(cls) if a.init]
    if dataclasses.is_dataclass(cls):
        missing = dataclasses.MISSING
        return [
            (f.name, f.name, f.default is missing and f.default_factory is missing)
            for f in dataclasses.fields(cls)
            if f.init
        ]
    if is_typeddict(cls):
        return [(name, name, _is_required(cls, name, types[name])) for name in types]
    return [(name, name, name not in cls._field_defaults) for name in cls._fields]


def _is_required(cls: Any, name: str, annotation: Annotation) -> bool:
    origin: Any = get_origin(annotation)  # `__required_keys__` cannot see markers in annotations that are texts
    return origin is Required or (origin is not NotRequired and name in cls.__required_keys__)


def _check_constructor(cls: type, given: set[str]) -> None:
    """An own `__init__`, or init-only variables, may want what no field holds: said before anything is stored."""
    for name, parameter in inspect.signature(cls).parameters.items():
        bindable = parameter.kind in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}
        if bindable and parameter.default is parameter.empty and name not in given:
            raise Misfit(cls.__qualname__, f"its constructor wants {name!r}, which is no field")


def _types(annotation: Annotation) -> dict[str, Annotation]:
    """The annotations of a class and its bases, each with the type variables of its own place bound."""
    cls = get_origin(annotation) or annotation
    if not isinstance(cls, type) or cls is object:
        return {}
    bound = dict(zip(getattr(cls, "__parameters__", ()), get_args(annotation), strict=False))
    types: dict[str, Annotation] = {}
    for base in reversed(cls.__dict__.get("__orig_bases__", cls.__bases__)):
        if get_origin(base) not in {Generic, Protocol}:
            types |= _types(_bound(base, bound))
    resolved = get_type_hints(cls, include_extras=True)
    return types | {name: _bound(resolved[name], bound) for name in inspect.get_annotations(cls)}


def _bound(annotation: Annotation, bound: dict[Any, Annotation]) -> Annotation:
    if isinstance(annotation, TypeVar):
        return bound.get(annotation, annotation)
    variables = () if isinstance(annotation, type) else getattr(annotation, "__parameters__", ())
    return annotation[tuple(bound.get(one, one) for one in variables)] if variables else annotation


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and hasattr(cls, "_field_defaults")
