"""The part of JSON Schema that our interface's description uses: says where a value breaks its promise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
KNOWN = {
    "$ref", "type", "enum", "anyOf", "properties", "required", "additionalProperties", "items", "minItems",
    "maxItems", "minimum", "maximum", "pattern", "format", "description", "example", "default",
}  # fmt: skip


def faults(schema: dict[str, Any], value: Any, named: dict[str, Any], place: str = "$") -> Iterator[str]:
    """Where `value` is not as the schema says; `named` are the description's own schemas."""
    assert set(schema) <= KNOWN, f"{place}: {set(schema) - KNOWN} would go unchecked"
    if "$ref" in schema:
        yield from faults(named[schema["$ref"].rpartition("/")[2]], value, named, place)
    elif "anyOf" in schema:
        if all(list(faults(each, value, named, place)) for each in schema["anyOf"]):
            yield f"{place}: none of {len(schema['anyOf'])}"
    elif "enum" in schema:
        if value not in schema["enum"]:
            yield f"{place}: {value!r} is none of {schema['enum']}"
    else:
        yield from _typed(schema, value, named, place)


def _typed(schema: dict[str, Any], value: Any, named: dict[str, Any], place: str) -> Iterator[str]:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(_is(kind, value) for kind in kinds):
        yield f"{place}: {value!r} is no {kinds}"
    elif isinstance(value, dict):
        yield from _object(schema, value, named, place)
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{place}: {len(value)} items"
        for number, each in enumerate(value):
            yield from faults(schema["items"], each, named, f"{place}[{number}]")
    elif isinstance(value, int):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{place}: {value} is out of bounds"
    elif isinstance(value, str):
        yield from _text(schema, value, place)


def _is(kind: str, value: Any) -> bool:
    return isinstance(value, TYPES[kind]) and not (kind == "integer" and isinstance(value, bool))


def _object(schema: dict[str, Any], value: Any, named: dict[str, Any], place: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place}: {name} is missing"
    for name, each in value.items():
        if name in properties:
            yield from faults(properties[name], each, named, f"{place}.{name}")
        elif not schema.get("additionalProperties", True):
            yield f"{place}: {name} is not described"


def _text(schema: dict[str, Any], value: str, place: str) -> Iterator[str]:
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{place}: {value!r} does not fit {schema['pattern']}"
    reader = {"date": date.fromisoformat, "date-time": datetime.fromisoformat}.get(schema.get("format", ""))
    if reader is not None:
        try:
            reader(value)
        except ValueError:
            yield f"{place}: {value!r} is no {schema['format']}"
