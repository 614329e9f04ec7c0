"""The type of a hook as fields that a person, or an HTML form of a machine, can fill in with texts.

What it does not know becomes a field of JSON. Whether the answer fits is the codec's to say.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints, is_typeddict

import attrs
from attrs import evolve, frozen

from yieldflow.codec import SealedCodec
from yieldflow.core.values import Annotation
from yieldflow.errors import Unencodable
from yieldflow.given import BadJson, parse
from yieldflow.inspection.plain import plain

Control: TypeAlias = Literal["choice", "text", "long", "whole", "number", "date", "json"]

VALUE = "value"  # the name of the only field, where the type has no fields
_LONG = {"comment", "comments", "reason", "note", "notes", "message", "text", "description", "remark", "remarks"}
_YES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_WHOLE = re.compile(r"[+-]?\d{1,20}")
_CONTROLS: Mapping[Any, Control] = {int: "whole", float: "number", Decimal: "text", date: "date", str: "text"}


@frozen
class Field:
    """*choices*: what may be chosen, as text and as JSON. *null*: nothing is an answer, too."""

    name: str
    control: Control
    choices: tuple[tuple[str, Any], ...] = ()
    required: bool = True
    null: bool = False
    flag: bool = False

    def read(self, text: str) -> object:
        """As JSON; what cannot be read stays a text, of which the codec says why it does not fit."""
        bare = text.strip()
        if not bare and self.null:
            return None
        match self.control:
            case "choice":
                known = _YES if self.flag else dict(self.choices)
                return known.get(bare.lower() if self.flag else bare, text)
            case "whole" if _WHOLE.fullmatch(bare):
                return int(bare)
            case "number":
                return _number(bare, text)
            case "json":
                return _json(text)
            case _:
                return text


@frozen
class Fields:
    """*record*: the payload is an object of them; else the only one is the payload."""

    fields: tuple[Field, ...]
    record: bool

    @property
    def decision(self) -> Field | None:
        """The field that is answered by pressing a button: the first choice that has to be made."""
        return next((one for one in self.fields if one.control == "choice" and one.required and not one.null), None)

    def read(self, given: Sequence[tuple[str, str]]) -> object:
        """The payload; names that no field has are left out."""
        texts = dict(given)
        if not self.record:
            return self.fields[0].read(texts.get(VALUE, ""))
        present = [one for one in self.fields if one.name in texts]
        return {one.name: one.read(texts[one.name]) for one in present if one.required or one.null or texts[one.name]}


def fields_of(annotation: Annotation, codec: SealedCodec) -> Fields:
    """Of a type, or of none that is known (`Any`): then it is one field of JSON or text."""
    found = tuple(_record(annotation))
    if not found:
        return Fields((_field(VALUE, annotation, codec),), record=False)
    return Fields(tuple(evolve(_field(name, kind, codec), required=must) for name, kind, must in found), record=True)


def _record(annotation: Annotation) -> Iterator[tuple[str, Annotation, bool]]:
    """Name, type, and whether it has to be there."""
    cls: Any = annotation
    if not isinstance(cls, type):
        return
    try:
        hints = get_type_hints(cls)
    except (NameError, TypeError, AttributeError):
        return
    if attrs.has(cls):
        for one in attrs.fields(cls):
            if one.init:
                yield one.name, hints.get(one.name, Any), one.default is attrs.NOTHING
    elif dataclasses.is_dataclass(cls):
        for field in dataclasses.fields(cls):
            nothing = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            if field.init:
                yield field.name, hints.get(field.name, Any), nothing
    elif is_typeddict(cls):
        yield from ((name, kind, name in getattr(cls, "__required_keys__", ())) for name, kind in hints.items())
    elif issubclass(cls, tuple) and hasattr(cls, "_field_defaults"):
        yield from ((name, kind, name not in cls._field_defaults) for name, kind in hints.items())
    elif isinstance(known := getattr(cls, "model_fields", None), dict):  # pydantic's
        yield from ((name, one.annotation, one.is_required()) for name, one in known.items())


def _field(name: str, annotation: Annotation, codec: SealedCodec) -> Field:
    origin: Any = get_origin(annotation)
    if origin in (Union, UnionType):
        members = get_args(annotation)
        inner = [one for one in members if one is not NoneType]
        if len(inner) == 1 and len(members) == 2:
            return evolve(_field(name, inner[0], codec), null=True)
        return Field(name, "json")
    if annotation is bool:
        return Field(name, "choice", (("true", True), ("false", False)), flag=True)
    if (choices := _choices(annotation, codec)) is not None:
        return Field(name, "choice", choices)
    if annotation is str and name in _LONG:
        return Field(name, "long")
    is_class = isinstance(annotation, type)
    known = _CONTROLS.get(annotation) if is_class else None
    if known is not None:
        return Field(name, known)
    has_parts = annotation is Any or not is_class or bool(tuple(_record(annotation))) or annotation in _CONTAINERS
    return Field(name, "json" if has_parts else "text")


_CONTAINERS = (dict, list, tuple, set, frozenset, object)


def _choices(annotation: Annotation, codec: SealedCodec) -> tuple[tuple[str, Any], ...] | None:
    """Of an enum or a `Literal`: as the codec writes them."""
    is_enum = isinstance(annotation, type) and issubclass(annotation, enum.Enum)
    origin: Any = get_origin(annotation)
    if not is_enum and origin is not Literal:
        return None
    members: Sequence[Any] = list(annotation) if is_enum else get_args(annotation)
    try:
        values = [plain(codec.plain.encode(one, annotation)) for one in members]
    except Unencodable:
        return None
    return tuple((str(value), value) for value in values)


def _number(bare: str, text: str) -> object:
    try:
        return int(bare) if _WHOLE.fullmatch(bare) else float(bare)
    except ValueError:
        return text


def _json(text: str) -> object:
    """A text that is no JSON is meant as it stands."""
    try:
        return parse("the answer", text)
    except BadJson:
        return text
