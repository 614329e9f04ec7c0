"""The little of JSON Schema that the API needs: it is checked with what is published.

Knows objects, lists, texts, numbers, null and choices; anything else of the standard it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from yieldflow.errors import YieldflowError, error, shown

Schema: TypeAlias = Mapping[str, Any]

ANY: Schema = {}
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": "string", "format": "date-time"}

_CLASSES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


@error
class Unfit(YieldflowError):
    """A value that is not as its schema has it."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place} {self.reason}"


def listed(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def mapped(of: Schema) -> Schema:
    return {"type": "object", "additionalProperties": of}


def maybe(of: Schema) -> Schema:
    return {"anyOf": [of, {"type": "null"}]}


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """With these properties and no others."""
    properties = {**required, **(optional or {})}
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def check(value: object, schema: Schema, place: str) -> None:
    """Raises `Unfit`."""
    try:
        _check(value, schema, place)
    except RecursionError:
        raise Unfit(place, "is nested too deeply") from None


def _check(value: object, schema: Schema, place: str) -> None:
    if not schema:
        return
    if "anyOf" in schema:
        _check_any(value, schema["anyOf"], place)
        return
    kind = schema.get("type")
    if kind is not None and not _is(value, kind):
        raise Unfit(place, f"must be {_spelled(kind)}, and is {shown(value)}")
    if "enum" in schema and value not in schema["enum"]:
        raise Unfit(place, f"must be one of {', '.join(map(str, schema['enum']))}, and is {shown(value)}")
    match value:
        case dict():
            _check_members(value, schema, place)
        case list() if "items" in schema:
            for number, member in enumerate(value):
                _check(member, schema["items"], f"{place}[{number}]")
        case int() | float() if not isinstance(value, bool):
            _check_range(value, schema, place)
        case _:
            pass


def _check_any(value: object, schemas: list[Schema], place: str) -> None:
    first: Unfit | None = None
    for schema in schemas:
        try:
            _check(value, schema, place)
        except Unfit as unfit:
            first = first or unfit
        else:
            return
    if first is not None:
        raise first


def _check_members(value: dict[str, object], schema: Schema, place: str) -> None:
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties", ANY)
    for name in schema.get("required", ()):
        if name not in value:
            raise Unfit(place, f"has no {name!r}")
    for name, member in value.items():
        known = properties.get(name, rest)
        if known is False:
            raise Unfit(place, f"has {shown(name)}, which nothing knows; it may have {', '.join(properties)}")
        _check(member, known, f"{place}.{name[:60]}")


def _check_range(value: float, schema: Schema, place: str) -> None:
    least, most = schema.get("minimum", value), schema.get("maximum", value)
    if not least <= value <= most:
        bounds = f"from {least:,} to {most:,}" if "maximum" in schema else f"{least:,} or more"
        raise Unfit(place, f"must be {bounds}, and is {shown(value)}")


def _is(value: object, kind: str) -> bool:
    return type(value) in _CLASSES[kind]


def _spelled(kind: str) -> str:
    return {"integer": "a whole number", "array": "a list", "object": "an object", "null": "null"}.get(
        kind, f"a {kind}"
    )
