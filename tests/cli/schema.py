"""As much of JSON Schema as docs/inspect.schema.json says; a word that is not known here is an error of the schema."""

import re

KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int}
KNOWN = {"type", "required", "properties", "additionalProperties", "items", "enum", "pattern", "minimum", "anyOf"}
KNOWN |= {"$ref", "description", "$schema", "$defs", "title"}


def problems(value, schema, root, place="$"):
    """Sentences about what does not fit."""
    if schema is False:
        return [f"{place} is not in the schema"]
    assert set(schema) <= KNOWN, f"{place}: the schema says {set(schema) - KNOWN}"
    found = []
    if "$ref" in schema:
        found += problems(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, place)
    if "anyOf" in schema and all(problems(value, one, root, place) for one in schema["anyOf"]):
        found.append(f"{place} fits none")
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        return [*found, f"{place} is a {type(value).__name__}, no {' or '.join(kinds)}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{place} is {value!r}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{place} is {value!r}")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{place} is {value}")
    return found + list(_within(value, schema, root, place))


def _within(value, schema, root, place):
    if isinstance(value, list) and "items" in schema:
        for number, one in enumerate(value):
            yield from problems(one, schema["items"], root, f"{place}[{number}]")
    if isinstance(value, dict):
        yield from (f"{place}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        for name, one in value.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
            yield from problems(one, inner, root, f"{place}.{name}")


def _is(value, kind):
    return isinstance(value, KINDS[kind]) and (kind != "integer" or not isinstance(value, bool))
