"""Whether an event that was read holds what its class says: a log may have been damaged, or written by anybody.

Exact classes all the way down, and numbers that every store can keep. Refuses, and never mends.
"""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs

from yieldflow.core.times import LATEST
from yieldflow.errors import shown

Kinds: TypeAlias = dict[type, Callable[[Any], None] | None]  # what is allowed, and what is looked at in it
Fields: TypeAlias = tuple[tuple[str, object, Kinds], ...]  # name, default and kinds of each

_KNOWN: dict[type, Fields] = {}


def expect_sound(value: Any) -> None:
    """Raises ValueError for an attrs instance one of whose fields holds another kind of value than annotated."""
    cls = type(value)
    fields = _KNOWN.get(cls)
    if fields is None:
        fields = _KNOWN[cls] = _fields(cls)
    for name, default, kinds in fields:
        one = getattr(value, name)
        if one is not default:  # most are, and those need no look
            _expect(name, one, kinds)


def _expect(name: str, value: Any, kinds: Kinds) -> None:
    kind = type(value)
    if kind not in kinds:
        raise ValueError(f"its field {name} holds {shown(value)}")
    look = kinds[kind]
    if look is not None:
        look(value)


def _fields(cls: type) -> Fields:
    hints = get_type_hints(cls)
    return tuple((one.name, one.default, _kinds(one.name, hints[one.name])) for one in attrs.fields(cls))


def _kinds(name: str, hint: Any) -> Kinds:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return {kind: look for member in args for kind, look in _kinds(name, member).items()}
    if origin is Literal:
        return {str: _one_of(name, args)}
    if origin is tuple:
        return {tuple: _several(name, args)}
    if origin is abc.Mapping:
        return {dict: _items(_kinds(name, args[0]), _kinds(name, args[1]), name)}
    if attrs.has(hint):
        return {hint: expect_sound}
    plain: Mapping[Any, Kinds] = {int: {int: _in_range}, float: {float: None, int: _in_range}, None: {NoneType: None}}
    return plain.get(hint, {hint: None})


def _in_range(number: int) -> None:
    """Nothing that is counted comes near the milliseconds that there are."""
    if not -LATEST <= number <= LATEST:
        raise ValueError(f"{shown(number)} is out of range")


def _one_of(name: str, words: tuple[str, ...]) -> Callable[[str], None]:
    def look(word: str) -> None:
        if word not in words:
            raise ValueError(f"its field {name} holds {shown(word)}")

    return look


def _several(name: str, hints: tuple[Any, ...]) -> Callable[[tuple[Any, ...]], None]:
    kinds = [_kinds(name, hint) for hint in hints if hint is not Ellipsis]
    many = Ellipsis in hints

    def look(values: tuple[Any, ...]) -> None:
        if not many and len(values) != len(kinds):
            raise ValueError(f"its field {name} holds {len(values):,} values")
        for number, value in enumerate(values):
            _expect(name, value, kinds[0 if many else number])

    return look


def _items(keys: Kinds, values: Kinds, name: str) -> Callable[[Mapping[Any, Any]], None]:
    def look(items: Mapping[Any, Any]) -> None:
        for key, value in items.items():
            _expect(name, key, keys)
            _expect(name, value, values)

    return look
