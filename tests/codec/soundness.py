"""What the annotations of an event allow, found by looking at them: the slow way to say what a reader has to refuse."""

from __future__ import annotations

from collections import abc
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from yieldflow.core.times import LATEST


def is_sound(value: Any) -> bool:
    """Whether all fields of an attrs instance hold exactly what is annotated, all the way down."""
    return all(_fits(getattr(value, name), hint) for name, hint in hints(type(value)).items())


@cache
def hints(cls: type) -> dict[str, Any]:
    """The annotation of each field."""
    found = get_type_hints(cls)
    return {field.name: found[field.name] for field in attrs.fields(cls)}


def _fits(value: Any, hint: Any) -> bool:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, member) for member in args)
    if origin is Literal:
        return type(value) is str and value in args
    if origin is tuple:
        return type(value) is tuple and _members_fit(value, args)
    if origin is abc.Mapping:
        return type(value) is dict and all(_fits(key, args[0]) and _fits(one, args[1]) for key, one in value.items())
    if attrs.has(hint):
        return type(value) is hint and is_sound(value)
    if hint is int or (hint is float and type(value) is int):
        return type(value) is int and -LATEST <= value <= LATEST
    return type(value) is (NoneType if hint is None else hint)


def _members_fit(values: tuple[Any, ...], hints: tuple[Any, ...]) -> bool:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return all(_fits(value, hints[0]) for value in values)
    return len(values) == len(hints) and all(map(_fits, values, hints))
