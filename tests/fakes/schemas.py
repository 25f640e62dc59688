"""
Schemas of OpenAPI 3.0 as JSON Schema of 2020-12, closed: what they do not name is not allowed.

OpenAPI 3.0 has `nullable`, a boolean `exclusiveMinimum`, and lets a `$ref` hide its neighbours.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

Json: TypeAlias = Any
Schema: TypeAlias = dict[str, Any]

URI = "urn:contract"
_SCHEMAS = "#/components/schemas/"
# Words for readers and generators; JSON Schema gives some of them another meaning.
_DROPPED = frozenset(
    {"title", "description", "nullable", "example", "examples", "default", "deprecated"}
    | {"discriminator", "xml", "externalDocs", "readOnly", "writeOnly"}
)
_ALTERNATIVES = ("allOf", "anyOf", "oneOf")


def bundle(document: Mapping[str, Any]) -> tuple[str, Schema]:
    """
    Return all schemas of a document as one resource.

    Each stands there twice: closed, and open for use as a part of a larger object (`allOf`), where
    the whole is closed and not the part.
    """
    schemas = document.get("components", {}).get("schemas", {})
    return URI, {
        "closed": {name: closed(schema) for name, schema in schemas.items()},
        "open": {name: _converted(schema, is_open=True) for name, schema in schemas.items()},
    }


def closed(schema: Schema) -> Schema:
    """Return a schema that allows only the properties it names."""
    return _converted(schema, is_open=False)


def _converted(schema: Schema, *, is_open: bool) -> Schema:
    if "$ref" in schema:
        reference = str(schema["$ref"])
        assert reference.startswith(_SCHEMAS), f"{reference}: a reference to no schema"
        name = reference.removeprefix(_SCHEMAS)
        return {"$ref": f"{URI}#/{'open' if is_open else 'closed'}/{name}"}
    made = {
        key: value
        for key, value in schema.items()
        if key not in _DROPPED and not key.startswith("x-")
    }
    properties = schema.get("properties")
    if properties is not None:
        made["properties"] = {
            name: _converted(each, is_open=False) for name, each in properties.items()
        }
    for key in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(key), dict):
            made[key] = _converted(schema[key], is_open=key == "not")
    for limit, exclusive in (
        ("minimum", "exclusiveMinimum"),
        ("maximum", "exclusiveMaximum"),
    ):
        if isinstance(schema.get(exclusive), bool):
            del made[exclusive]
            if schema[exclusive]:
                made[exclusive] = made.pop(limit)
    _close(schema, made, is_open=is_open)
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") is True else made


def _close(schema: Schema, made: Schema, *, is_open: bool) -> None:
    """Convert the parts of a schema, and close the whole."""
    # Alternatives beside properties, and parts, describe an object that the whole closes.
    in_parts = is_open or "properties" in schema or "allOf" in schema
    has_parts = False
    for key in _ALTERNATIVES:
        if key in schema:
            has_parts = True
            made[key] = [_converted(each, is_open=in_parts) for each in schema[key]]
    if is_open or "additionalProperties" in schema:
        return
    if has_parts and in_parts:
        made["unevaluatedProperties"] = False
    elif schema.get("properties"):
        made["additionalProperties"] = False
