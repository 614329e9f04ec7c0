"""Annotations that list what a value may be: unions, literals, enums.

A value is never tried out by guessing from its content: plain JSON is told apart by its kind, everything else
by a tag that is compared with the members that the annotation lists, and imports nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from contextvars import ContextVar
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NotRequired, Required, TypeAlias, Union, get_args, get_origin

from attrs import frozen

from yieldflow.codec.untyped import (
    INT,
    REFUSALS,
    TAG,
    UNTYPED,
    Json,
    Load,
    Misfit,
    Shape,
    compact,
    dump,
    tagged,
    unfit,
    unreadable,
    untag,
)
from yieldflow.core.values import Annotation

Of: TypeAlias = Callable[[Annotation], Shape]
UNIONS = (Union, UnionType)
_WRAPPERS = (Annotated, Final, NotRequired, Required)
_PLAIN = (bool, int, float, str, NoneType)


def bare(annotation: Annotation) -> Annotation:
    """Without what says nothing about the value."""
    origin: Any = get_origin(annotation)
    return bare(get_args(annotation)[0]) if origin in _WRAPPERS else annotation


def spelled(annotation: Annotation) -> str:
    """An annotation as a short text that does not depend on the order in which a union lists its members."""
    annotation = bare(annotation)
    origin: Any = get_origin(annotation)
    args = get_args(annotation)
    if origin is Literal:
        return f"Literal[{', '.join(sorted(map(repr, args)))}]"
    if origin in UNIONS:
        return " | ".join(sorted(map(spelled, args)))
    if args:
        return f"{spelled(origin)}[{', '.join(map(spelled, args))}]"
    if annotation is None or annotation is NoneType:
        return "None"
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation).removeprefix("typing.")


# --- unions ------------------------------------------------------------------------------------------


def union(annotation: Annotation, of: Of) -> Shape:
    """`X | None` is X or null. Else only plain members stand without a tag, so that a union may grow."""
    name = spelled(annotation)
    members = sorted(set(map(bare, get_args(annotation))), key=spelled)
    if any(of(member) is UNTYPED for member in members):
        return UNTYPED
    plain = [member for member in members if _is_plain(member)]
    others = [member for member in members if not _is_plain(member)]
    if len(others) == 1 and plain == [NoneType]:
        return _optional(name, of(others[0]))
    plain.sort(key=lambda member: member is float)  # last: it takes whole numbers too
    tags = {member: _tag(member, others) for member in others}
    exact = {member: tag for member, tag in tags.items() if isinstance(member, type)}
    kinds = {member: of(member) for member in plain if isinstance(member, type)}
    return _Union(name, tuple(map(of, plain)), kinds, {tag: of(member) for member, tag in tags.items()}, exact).shape()


@frozen
class _Union:
    name: str
    plain: tuple[Shape, ...]
    kinds: dict[type, Shape]  # the plain members that are classes, and
    behind: dict[str, Shape]
    exact: dict[type, str]  # the tags of the others that are: no need to try

    def shape(self) -> Shape:
        return Shape(self.name, self.dump, self.load)

    def dump(self, value: Any) -> Json:
        if (kind := self.kinds.get(type(value))) is not None:
            return kind.dump(value)
        tag = self.exact.get(type(value))
        if tag is not None:
            return tagged(tag, self.behind[tag].dump(value))
        for shape in self.plain:
            if (out := _tried(shape.dump, value)) is not _FAILED:
                return out
        for tag, shape in self.behind.items():
            if (out := _tried(shape.dump, value)) is not _FAILED:
                return tagged(tag, out)
        raise unfit(value, f"it is annotated as {self.name}")

    def load(self, data: Json) -> Any:
        """What comes from outside has a tag, too, or fits one member alone."""
        if (kind := self.kinds.get(type(data))) is not None:
            return kind.load(data)
        said = _said(data)
        if type(said) is dict and isinstance(said.get(TAG), str) and said[TAG] in self.behind:
            return self.behind[said[TAG]].load(untag(said[TAG], said))
        if (out := self._taken(data)) is _FAILED:
            raise unreadable(self.name, data)
        return out

    def _taken(self, data: Json) -> Any:
        """Each part of the data is tried once, or unions within unions would take twice as long a level."""
        known = _TRIED.get()
        if known is None:
            before = _TRIED.set({})
            try:
                return self._taken(data)
            finally:
                _TRIED.reset(before)
        place = id(self), id(data)
        if place not in known:
            plain = (_tried(shape.load, data) for shape in self.plain)
            out = next((out for out in plain if out is not _FAILED), _FAILED)
            known[place] = self._only_one(data) if out is _FAILED else out, data
        return known[place][0]

    def _only_one(self, data: Json) -> Any:
        """Which member is meant is not guessed; but one that knows all fields is closer than one that ignores some."""
        tried = {tag: _tried(shape.load, data) for tag, shape in self.behind.items()}
        found = {tag: out for tag, out in tried.items() if out is not _FAILED}
        if len(found) < 2:
            return next(iter(found.values()), _FAILED)
        written = {tag: self.behind[tag].dump(out) for tag, out in found.items()}
        closest = [tag for tag, raw in written.items() if _has_all(raw, data)] or list(found)
        first = closest[0]
        if any(type(found[tag]) is not type(found[first]) or written[tag] != written[first] for tag in closest):
            raise _Unclear(self.name, closest)
        return found[first]


class _Unclear(Misfit):
    """It fits several members of a union, so that other unions around it do not try either."""

    def __init__(self, name: str, tags: list[str]) -> None:
        super().__init__(name, f'it fits {" and ".join(tags)}: say which, as {{"{TAG}": "{tags[0]}", "v": ...}}')


def _said(data: Json) -> Json:
    """An object from outside is kept as pairs if it has a key "$": who has named a member gets it."""
    pairs = untag("dict", data)
    if pairs is data or type(pairs) is not list or len(pairs) != 2:
        return data
    names = [pair[0] for pair in pairs if type(pair) is list and len(pair) == 2]
    return dict(pairs) if names in ([TAG, "v"], ["v", TAG]) else data


def _has_all(written: Json, data: Json) -> bool:
    return type(data) is not dict or TAG in data or (type(written) is dict and data.keys() <= written.keys())


def _optional(name: str, inner: Shape) -> Shape:
    return Shape(
        name,
        lambda value: None if value is None else inner.dump(value),
        lambda data: None if data is None else inner.load(data),
    )


def _is_plain(member: Annotation) -> bool:
    origin: Any = get_origin(member)
    return member in _PLAIN or (origin is Literal and all(type(one) in _PLAIN for one in get_args(member)))


def _tag(member: Annotation, others: list[Annotation]) -> str:
    tag = spelled(member)
    alone = sum(spelled(other) == tag for other in others) == 1
    return tag if alone else f"{member.__module__}:{tag}"


_FAILED = object()
_TRIED: ContextVar[dict[tuple[int, int], tuple[Any, Json]] | None] = ContextVar("tried", default=None)
"""What came of a union and a part of the data, while the outermost union is tried; the data is kept for its id."""


def _tried(convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except _Unclear:
        raise
    except Misfit:
        return _FAILED


# --- literals and enums ------------------------------------------------------------------------------------------


def literal(annotation: Annotation, of: Of) -> Shape:
    return _table(spelled(annotation), [(one, of(type(one)).dump(one)) for one in get_args(annotation)])


def enumeration(cls: type[enum.Enum], name: str) -> Shape:
    """By value: that is what its author chose for the outside."""
    return _table(name, [(member, dump(member.value)) for member in cls])


def flag(cls: type[enum.Flag], name: str) -> Shape:
    def dump_flag(value: Any) -> Json:
        if type(value) is not cls:
            raise unfit(value, f"it is annotated as {name}")
        return INT.write(value.value)

    return Shape(name, dump_flag, made_by(name, lambda data: cls(INT.load(data))))


def made_by(name: str, make: Load) -> Load:
    """*make* runs code that is not ours."""

    def load_made(data: Json) -> Any:
        try:
            return make(data)
        except REFUSALS as error:
            raise Misfit(name, f"{type(error).__name__}: {error}") from None

    return load_made


def _table(name: str, members: list[tuple[Any, Json]]) -> Shape:
    """A closed list. JSON is looked up as text, because 1, 1.0 and true are one key in Python."""
    written = {(type(member), member): raw for member, raw in members}
    read = {compact(raw): member for member, raw in members}

    def dump_one(value: Any) -> Json:
        try:
            return written[type(value), value]
        except (KeyError, TypeError):
            raise unfit(value, f"it is annotated as {name}, which does not list it") from None

    def load_one(data: Json) -> Any:
        try:
            return read[compact(data)]
        except KeyError:
            raise unreadable(name, data) from None

    return Shape(name, dump_one, load_one)
