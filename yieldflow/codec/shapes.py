"""Annotations as shapes: by what they say, values become JSON and JSON becomes values, strictly.

Nothing is coerced: a value has exactly the class that is annotated, or it is refused with its place. The one
exception is a whole number for `float`. JSON of values names nothing that would have to be imported: the tag
of a union's member is only compared with the members that the annotation lists.
"""

from __future__ import annotations

import collections.abc as abstract
import enum
import json
import pathlib
import sys
import typing
from collections.abc import Callable
from functools import cache, partial
from inspect import Parameter
from typing import Any, Literal, TypeVar, get_args, get_origin

from yieldflow.codec.classes import is_record, record
from yieldflow.codec.taught import Taught
from yieldflow.codec.unions import UNIONS, Of, bare, enumeration, flag, literal, made_by, spelled, union
from yieldflow.codec.untyped import (
    ASKS,
    NONE,
    PLAIN,
    REFUSALS,
    SCALARS,
    UNTYPED,
    Json,
    Misfit,
    Raw,
    Shape,
    dump,
    dump_each,
    dump_items,
    dump_set,
    load,
    load_each,
    load_items,
    load_list,
    load_readable,
    unfit,
    unreadable,
    untag,
)
from yieldflow.core.values import Annotation, Readable


class Shapes:
    """The shape of each annotation, made once."""

    def __init__(self, taught: Taught) -> None:
        self._taught = taught
        self._known: dict[Annotation, Shape] = {
            **dict.fromkeys((Any, object, Parameter.empty), UNTYPED),
            **{scalar.cls: taught(scalar.cls, scalar.cls) or scalar.shape() for scalar in (*PLAIN, *SCALARS)},
            None: NONE.shape(),
            Raw: Shape("JSON", _as_it_is, _as_it_is),
            Readable: Shape("any value", dump, load_readable),
            pathlib.Path: taught(pathlib.Path, pathlib.Path) or SCALARS[-1].shape(),
        }

    def of(self, annotation: Annotation) -> Shape:
        try:
            shape = self._known.get(annotation)
        except TypeError:  # cannot be hashed, such as Annotated[int, []]
            return self._made(annotation)
        if shape is None:
            shape = self._known[annotation] = self._made(annotation)
        return shape

    def _made(self, annotation: Annotation) -> Shape:
        if (inner := bare(annotation)) is not annotation:
            return self.of(inner)
        origin: Any = get_origin(annotation)
        args = get_args(annotation)
        if origin is Literal:
            return literal(annotation, self.of)
        if origin in UNIONS:
            return union(annotation, self.of)
        if (meant := _alias(annotation, origin, args)) is not None:
            return _later(spelled(annotation), cache(lambda: self.of(meant())))
        cls = origin or annotation
        if not isinstance(cls, type):
            return _refused(annotation)
        return self._taught(annotation, cls) or _CONTAINERS.get(cls, _class)(annotation, self.of)


def _as_it_is(data: Json) -> Json:
    return data


# --- containers ------------------------------------------------------------------------------------------


def _list(annotation: Annotation, of: Of, *, taken: tuple[type, ...] = (list,)) -> Shape:
    name, member = spelled(annotation), of(*get_args(annotation) or (Any,))

    def dump_list(value: Any) -> Json:
        if type(value) not in taken:
            raise unfit(value, f"it is annotated as {name}")
        return dump_each(member.dump, value)

    return Shape(name, dump_list, partial(load_list, list, member.load))


def _set(annotation: Annotation, of: Of, *, cls: type) -> Shape:
    name, member = spelled(annotation), of(*get_args(annotation) or (Any,))

    def dump_members(value: Any) -> Json:
        if type(value) is not cls:
            raise unfit(value, f"it is annotated as {name}")
        members: Any = value
        return dump_set(member.dump, members)

    return Shape(name, dump_members, partial(load_list, cls, member.load))


def _dict(annotation: Annotation, of: Of) -> Shape:
    keys, values = get_args(annotation) or (Any, Any)
    name, key, member = spelled(annotation), of(keys), of(values)

    def dump_dict(value: Any) -> Json:
        if type(value) is not dict:
            raise unfit(value, f"it is annotated as {name}")
        return dump_items(key.dump, member.dump, value)

    def load_dict(data: Json) -> Any:
        if type(data) is not dict:
            raise unreadable(name, data)
        return load_items(key.load, member.load, data)

    return Shape(name, dump_dict, load_dict)


def _tuple(annotation: Annotation, of: Of) -> Shape:
    args = get_args(annotation)
    if annotation is tuple or annotation is typing.Tuple:  # noqa: UP006 - any tuple; `tuple[()]` is the empty one
        args = (Any, ...)
    name = spelled(annotation)
    if len(args) == 2 and args[1] is Ellipsis:
        return _any_long(name, of(args[0]))
    members = tuple(map(of, args))

    def dump_tuple(value: Any) -> Json:
        if type(value) is not tuple or len(value) != len(members):
            raise unfit(value, f"it is annotated as {name}")
        return dump_each(lambda pair: pair[0].dump(pair[1]), zip(members, value, strict=True))

    def load_tuple(data: Json) -> Any:
        raw = untag("tuple", data)
        if type(raw) is not list or len(raw) != len(members):
            raise unreadable(name, raw)
        return tuple(load_each(lambda pair: pair[0].load(pair[1]), zip(members, raw, strict=True)))

    return Shape(name, dump_tuple, load_tuple)


def _any_long(name: str, member: Shape) -> Shape:
    def dump_tuple(value: Any) -> Json:
        if type(value) is not tuple:
            raise unfit(value, f"it is annotated as {name}")
        return dump_each(member.dump, value)

    return Shape(name, dump_tuple, partial(load_list, tuple, member.load))


_SEQUENCES = (abstract.Sequence, abstract.MutableSequence, abstract.Collection, abstract.Iterable)
_CONTAINERS: dict[Any, Callable[[Annotation, Of], Shape]] = {
    list: _list,
    **dict.fromkeys(_SEQUENCES, partial(_list, taken=(list, tuple))),  # a list is the normal form
    **dict.fromkeys((set, abstract.Set, abstract.MutableSet), partial(_set, cls=set)),
    frozenset: partial(_set, cls=frozenset),
    **dict.fromkeys((dict, abstract.Mapping, abstract.MutableMapping), _dict),
    tuple: _tuple,
}


# --- classes ------------------------------------------------------------------------------------------


def _class(annotation: Annotation, of: Of) -> Shape:
    name = spelled(annotation)
    cls: Any = get_origin(annotation) or annotation
    if issubclass(cls, ASKS):
        return _refused(annotation)
    if issubclass(cls, enum.Flag):
        return flag(cls, name)
    if issubclass(cls, enum.Enum):
        return _later(name, cache(partial(enumeration, cls, name)))
    if is_record(cls):
        return record(annotation, name, of)
    pydantic = sys.modules.get("pydantic")  # a model cannot exist before it is loaded
    if pydantic is not None and issubclass(cls, pydantic.BaseModel):
        return _model(cls, name)
    return _refused(annotation)


def _model(cls: Any, name: str) -> Shape:
    """Pydantic's own JSON form, so that its serializers and validators hold, the strict ones too."""

    def dump_model(value: Any) -> Json:
        if type(value) is not cls:
            raise unfit(value, f"it is annotated as {name}")
        try:
            plain = value.model_dump(mode="json", round_trip=True, by_alias=True, warnings="error")
        except REFUSALS as error:
            raise unfit(value, str(error)) from None
        return dump(plain)

    return Shape(name, dump_model, made_by(name, lambda data: cls.model_validate_json(json.dumps(load(data)))))


# --- the rest ------------------------------------------------------------------------------------------


def _alias(annotation: Annotation, origin: Any, args: tuple[Any, ...]) -> Callable[[], Annotation] | None:
    """What another annotation only gives a name to: a NewType, a type variable, a `type` statement."""
    if isinstance(annotation, TypeVar):
        return lambda: Any if annotation.__bound__ is None else annotation.__bound__
    for holder in (annotation, origin):
        if hasattr(holder, "__value__"):
            return partial(_meant, holder, args)
    supertype = getattr(annotation, "__supertype__", None)
    return None if supertype is None else lambda: supertype


def _meant(alias: Any, args: tuple[Any, ...]) -> Annotation:
    return alias.__value__[args] if args else alias.__value__


def _later(name: str, shape: Callable[[], Shape]) -> Shape:
    return Shape(name, lambda value: shape().dump(value), lambda data: shape().load(data))


def _refused(annotation: Annotation) -> Shape:
    name = spelled(annotation)
    advice = "make it an attrs class or a dataclass, or give the codec a converter with hooks for it"
    if isinstance(annotation, str | typing.ForwardRef):
        advice = "an annotation that is only a text could not be resolved"

    def dump_none(value: Any) -> Json:
        raise unfit(value, f"values annotated {name} cannot travel; {advice}")

    def load_none(_: Json) -> Any:
        raise Misfit(name, advice)

    return Shape(name, dump_none, load_none)
