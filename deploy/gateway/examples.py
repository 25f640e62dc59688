"""
Whole examples for the OpenAPI document, composed from the examples of its fields.

The models say what one field looks like. Renderers and mock servers want whole bodies, and find
them here: each request and each successful answer has one, and each field that refers to a list of
values has the first of them.
"""

import re
from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
JSON = "application/json"
SCHEMAS = "#/components/schemas/"
# Of a line in the middle of a paragraph: docstrings are wrapped.
_LINE_END = re.compile(r"(?<!\n)\n(?!\n)")
METHODS = ("get", "put", "post", "delete", "patch")


class NoExample(ValueError):
    """A field says nowhere what it looks like."""


def add_examples(document: Document) -> None:
    """Write an example to each field and parameter, and a whole one to each body."""
    for schema in document["components"]["schemas"].values():
        for field in schema.get("properties", {}).values():
            _complete(document, field)
    for _, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            schema = parameter["schema"]
            _complete(document, schema)
            if "description" in schema:
                parameter.setdefault("description", schema["description"])
            if "examples" in schema:
                parameter["example"] = schema["examples"][0]
        for body in bodies(operation):
            if (found := _tried(document, body["schema"])) is not None:
                body["example"] = found


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    """Yield each operation with a name for people: its method and path."""
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield f"{method.upper()} {path}", methods[method]


def bodies(operation: Document) -> Iterator[Document]:
    """Yield what describes the JSON of a request, and that of each successful answer."""
    successes = (
        answer for status, answer in operation["responses"].items() if status.startswith("2")
    )
    for described in (operation.get("requestBody", {}), *successes):
        body = described.get("content", {}).get(JSON, {})
        # An answer that is a file has no schema.
        if body.get("schema"):
            yield body


def example_of(document: Document, schema: Document) -> Any:
    """Return what fits a schema: its own example, or one composed of its parts; or raise."""
    if "examples" in schema:
        return schema["examples"][0]
    for keyword in ("const", "default"):
        if schema.get(keyword) is not None:
            return schema[keyword]
    if "$ref" in schema:
        return example_of(document, schema_at(document, schema["$ref"]))
    for one_of in ("anyOf", "oneOf"):
        if one_of in schema:
            return example_of(document, schema[one_of][0])
    if "enum" in schema:
        return schema["enum"][0]
    return _of_type(document, schema)


def _of_type(document: Document, schema: Document) -> Any:
    match schema.get("type"):
        case "object" if "properties" in schema:
            return {
                name: example_of(document, field) for name, field in schema["properties"].items()
            }
        case "array" if "items" in schema:
            return [example_of(document, schema["items"])]
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return {}
        case "boolean":
            return False
    raise NoExample(schema.get("title", "a part without a title"))


def schema_at(document: Document, reference: str) -> Document:
    """Return the schema that a `$ref` names."""
    found: Document = document["components"]["schemas"][reference.removeprefix(SCHEMAS)]
    return found


def _complete(document: Document, field: Document) -> None:
    """Give a field the example of what it refers to; whole objects are not repeated in it."""
    if "description" in field:
        field["description"] = _LINE_END.sub(" ", field["description"])
    found = _tried(document, field)
    if "examples" not in field and found is not None and not _has_objects(found):
        field["examples"] = [found]


def _has_objects(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_has_objects, value)))


def _tried(document: Document, schema: Document) -> Any:
    try:
        return example_of(document, schema)
    except NoExample:
        return None
