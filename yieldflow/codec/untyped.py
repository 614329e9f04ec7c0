"""Values as JSON where nothing is annotated: plain JSON as it is, other built-in values behind a tag.

A tag is `{"$": "set", "v": …}`. A dict that has the key "$" or other keys than texts is itself tagged, as
pairs, so that every dict survives. Only exact built-in classes are taken: a subclass would come back as less.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import orjson
from attrs import frozen

from yieldflow.core.asks import Command, StepDefinition, WorkflowDefinition
from yieldflow.errors import shown

Json: TypeAlias = Any  # what orjson reads and writes
Dump: TypeAlias = Callable[[Any], Json]
Load: TypeAlias = Callable[[Json], Any]

TAG = "$"
ASKS = (Command, StepDefinition, WorkflowDefinition, Generator, AsyncGenerator, Coroutine)
REFUSALS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError, ExceptionGroup)
"""What constructors and validators raise for values that they do not take."""


class Misfit(Exception):
    """A value or JSON that does not fit: *what* it is (or should be), and on its way up the place where it stands."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what, reason)
        self.what, self.reason, self.places = what, reason, list[str]()

    def under(self, place: str) -> Misfit:
        self.places.append(place)
        return self

    @property
    def place(self) -> str:
        return "".join(reversed(self.places))


class Raw:
    """As an annotation: JSON passed on as it was stored, for code that is elsewhere. It is no class of values."""


@frozen
class Shape:
    """How values of one annotation travel; both functions raise `Misfit`."""

    name: str
    dump: Dump
    load: Load


def dump(value: Any) -> Json:
    write = _WRITERS.get(type(value))
    if write is None:
        raise unfit(value, "without an annotation only built-in values travel; annotate it with its class")
    return write(value)


def _dump_key(key: Any) -> Json:
    return key if type(key) is str and key.isascii() else dump(key)


def load(data: Json) -> Any:
    match data:
        case list():
            return load_each(load, data)
        case dict():
            return _untagged(data) if TAG in data else load_items(load, load, data)
        case _:
            return data


def load_readable(data: Json) -> Any:
    """The tag of a class, which only its annotation knows, as a key."""
    return load(_with_classes(data))


def unfit(value: Any, reason: str) -> Misfit:
    if isinstance(value, ASKS):
        reason = "a command is not a value; was `yield` forgotten?"
    return Misfit(type(value).__qualname__, reason)


def unreadable(expected: str, data: Json) -> Misfit:
    return Misfit(expected, f"it holds {shown(data)}")


def compact(tree: Json) -> bytes:
    try:
        return orjson.dumps(tree)
    except TypeError as error:  # of what this module lets through, orjson refuses only depth
        raise Misfit(type(tree).__name__, f"it is nested too deep ({error})") from None


# --- containers, also of annotated members --------------------------------------------------------------------


def dump_each(dump_one: Dump, values: Iterable[Any]) -> list[Json]:
    out: list[Json] = []
    try:
        for value in values:
            out.append(dump_one(value))  # noqa: PERF401 - its length is the place of a misfit
    except Misfit as misfit:
        raise misfit.under(f"[{len(out)}]") from None
    return out


def load_each(load_one: Load, data: Iterable[Json]) -> list[Any]:
    return dump_each(load_one, data)


def dump_set(dump_one: Dump, values: Iterable[Any]) -> list[Json]:
    """In the order of the encoded members: the order of a set changes from process to process."""
    try:
        return sorted((dump_one(value) for value in values), key=compact)
    except Misfit as misfit:
        raise misfit.under("{…}") from None


def dump_items(dump_key: Dump, dump_one: Dump, value: Mapping[Any, Any]) -> Json:
    """As an object; from the first key on that is no text, as pairs."""
    out: dict[str, Json] = {}
    pairs: list[tuple[Json, Json]] = []
    key = None
    try:
        for key, item in value.items():
            name = dump_key(key)
            if pairs or type(name) is not str or name == TAG:
                pairs = pairs or list(out.items())
                pairs.append((name, dump_one(item)))
            else:
                out[name] = dump_one(item)
    except Misfit as misfit:
        raise misfit.under(_at(key)) from None
    return tagged("dict", pairs) if pairs else out


def load_items(load_key: Load, load_one: Load, data: Json) -> dict[Any, Any]:
    pairs = _pairs(data) if TAG in data else data.items()
    out: dict[Any, Any] = {}
    name: Json = None
    try:
        for name, item in pairs:
            out[load_key(name)] = load_one(item)
    except Misfit as misfit:
        raise misfit.under(_at(name)) from None
    except TypeError:
        raise Misfit("dict", "a key cannot be hashed") from None
    return out


def _pairs(data: Json) -> list[Json]:
    pairs = untag("dict", data)
    if type(pairs) is list and all(type(pair) is list and len(pair) == 2 for pair in pairs):
        return pairs
    raise unreadable("dict", data)


def _at(key: Any) -> str:
    return f"[{key!r:.60}]" if type(key) in {str, int, float, bool} else f"[a {type(key).__name__}]"


# --- tags ------------------------------------------------------------------------------------------


def tagged(tag: str, raw: Json) -> Json:
    return {TAG: tag, "v": raw}


def untag(tag: str, data: Json) -> Json:
    """What is behind this tag; JSON without it as it is, so that annotated readers take both."""
    if type(data) is dict and data.get(TAG) == tag and len(data) == 2 and "v" in data:
        return data["v"]
    return data


def _untagged(data: dict[str, Json]) -> Any:
    read = _READERS.get(data[TAG]) if isinstance(data[TAG], str) else None
    if read is None or data.keys() != {TAG, "v"}:
        raise Misfit("a tagged value", f"the tag {data[TAG]!r:.60} is not known")
    return read(data)


def _with_classes(data: Json) -> Json:
    match data:
        case list():
            return list(map(_with_classes, data))
        case {"$": str(tag), "v": raw} if len(data) == 2 and tag not in _READERS:
            return {tag: _with_classes(raw)}
        case dict():
            return {key: _with_classes(raw) for key, raw in data.items()}
        case _:
            return data


@frozen
class Scalar:
    """A built-in class without members: *write* makes JSON of its instances; *read* raises one of `REFUSALS`, and
    so does *behind*, which reads what is behind the tag if that is not the same.
    """

    tag: str
    cls: type
    write: Dump
    read: Load
    behind: Load | None = None

    def shape(self) -> Shape:
        return Shape(self.tag, self.dump, self.load)

    def dump(self, value: Any) -> Json:
        if type(value) is not self.cls:
            raise unfit(value, f"it is annotated as {self.tag}")
        return self.write(value)

    def load(self, data: Json) -> Any:
        if type(data) is self.cls:
            return data
        raw = untag(self.tag, data)
        read = self.read if raw is data or self.behind is None else self.behind
        try:
            return read(raw)
        except REFUSALS:
            raise unreadable(self.tag, raw) from None

    def behind_a_tag(self, value: Any) -> Json:
        return tagged(self.tag, self.write(value))


def _exactly(cls: type) -> Load:
    def read(raw: Json) -> Any:
        if type(raw) is not cls:
            raise TypeError
        return raw

    return read


def _text(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Misfit("str", "it holds half of a surrogate pair, which no JSON can") from None
    return value


def _write_int(value: int) -> Json:
    return value if -(2**63) <= value < 2**64 else tagged("int", hex(value))  # decimal has a limit of 4,300 digits


def _write_float(value: float) -> Json:
    return value if isfinite(value) else tagged("float", str(value))


def _read_float(raw: Json) -> float:
    """Whole numbers too, as type checkers do; but none that a float would change."""
    if type(raw) is float:
        return raw
    value = float(_exactly(int)(raw))
    if int(value) != raw:
        raise ValueError
    return value


_NOT_FINITE = {"nan": nan, "inf": inf, "-inf": -inf}


class _Float(Scalar):
    def dump(self, value: Any) -> Json:
        if type(value) is int:
            try:
                return _read_float(value)
            except (ValueError, OverflowError):
                raise unfit(value, "it is annotated as float, and no float has this value") from None
        return super().dump(value)


def _read_decimal(raw: Json) -> Decimal:
    if type(raw) not in {str, int, float}:
        raise TypeError
    return Decimal(str(raw))  # the shortest text of a float is what its author wrote


def _read_timedelta(raw: Json) -> timedelta:
    days, seconds, micros = map(_exactly(int), raw)
    return timedelta(days, seconds, micros)


INT = Scalar("int", int, _write_int, _exactly(int), lambda raw: int(raw, 16))
FLOAT = _Float("float", float, _write_float, _read_float, lambda raw: _NOT_FINITE[raw])
STR = Scalar("str", str, _text, _exactly(str))
BOOL = Scalar("bool", bool, bool, _exactly(bool))
NONE = Scalar("None", type(None), lambda value: value, _exactly(type(None)))
PLAIN = (INT, FLOAT, STR, BOOL, NONE)

SCALARS = (
    Scalar("bytes", bytes, lambda value: b64encode(value).decode(), lambda raw: b64decode(raw, validate=True)),
    Scalar("datetime", datetime, datetime.isoformat, datetime.fromisoformat),
    Scalar("date", date, date.isoformat, date.fromisoformat),
    Scalar("time", time, time.isoformat, time.fromisoformat),
    Scalar("timedelta", timedelta, lambda value: [value.days, value.seconds, value.microseconds], _read_timedelta),
    Scalar("Decimal", Decimal, str, _read_decimal),
    Scalar("UUID", UUID, str, UUID),
    Scalar("Path", type(Path()), lambda value: _text(str(value)), lambda raw: Path(_exactly(str)(raw))),
)


def load_list(cls: type, load_one: Load, data: Json) -> Any:
    """A list, or what is behind the tag of *cls*, as a *cls*."""
    raw = untag(cls.__name__, data)
    if type(raw) is not list:
        raise unreadable(cls.__name__, raw)
    try:
        return cls(load_each(load_one, raw))
    except TypeError:
        raise Misfit(cls.__name__, "a member cannot be hashed") from None


_WRITERS: dict[type, Dump] = {
    **{scalar.cls: scalar.write for scalar in PLAIN},
    **{scalar.cls: scalar.behind_a_tag for scalar in SCALARS},
    list: lambda value: dump_each(dump, value),
    dict: lambda value: dump_items(_dump_key, dump, value),
    tuple: lambda value: tagged("tuple", dump_each(dump, value)),
    set: lambda value: tagged("set", dump_set(dump, value)),
    frozenset: lambda value: tagged("frozenset", dump_set(dump, value)),
}
_READERS: dict[str, Load] = {
    **{scalar.tag: scalar.load for scalar in (INT, FLOAT, *SCALARS)},
    "dict": lambda data: load_items(load, load, data),
    "tuple": lambda data: load_list(tuple, load, data),
    "set": lambda data: load_list(set, load, data),
    "frozenset": lambda data: load_list(frozenset, load, data),
}
UNTYPED = Shape("any value", dump, load)
