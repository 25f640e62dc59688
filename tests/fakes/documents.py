"""Documents of vendors as one OpenAPI document each, for the judge."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from tests.fakes.schemas import Schema

Document: TypeAlias = dict[str, Any]

CONTRACTS = Path(__file__).parent / "contracts"
_REFERENCE = "#/components/"


def load(name: str) -> Document:
    """Read a document of `contracts/`."""
    document: Document = json.loads((CONTRACTS / f"{name}.json").read_text())
    return document


def merged(documents: Mapping[str, Document]) -> Document:
    """
    Join OpenAPI documents of one vendor; a component is then named `prefix.name`.

    The prefix keeps apart what two documents name alike and describe differently.
    """
    paths: Document = {}
    components: dict[str, Document] = {}
    for prefix, document in documents.items():
        renamed = _renamed(document, prefix)
        for path, item in renamed["paths"].items():
            assert path not in paths, path
            paths[path] = item
        for kind, named in renamed["components"].items():
            components.setdefault(kind, {}).update(
                {f"{prefix}.{name}": each for name, each in named.items()}
            )
    return {"openapi": "3.0.3", "paths": paths, "components": components}


def _renamed(value: Any, prefix: str) -> Any:
    if isinstance(value, list):
        return [_renamed(each, prefix) for each in value]
    if not isinstance(value, dict):
        return value
    made = {key: _renamed(each, prefix) for key, each in value.items()}
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.startswith(_REFERENCE):
        kind, name = reference.removeprefix(_REFERENCE).split("/", 1)
        made["$ref"] = f"{_REFERENCE}{kind}/{prefix}.{name}"
    return made


def from_discovery(document: Document, methods: Collection[str], error: Schema) -> Document:
    """
    Say the methods of a Google discovery document as OpenAPI; each is named by its id.

    A discovery document describes no errors: `error` is the schema of all of them.
    """
    paths: Document = {}
    found = set()
    for method in _methods(document):
        if method["id"] in methods:
            found.add(method["id"])
            item = paths.setdefault(f"/{document['servicePath']}{method['path']}", {})
            item[method["httpMethod"].lower()] = _operation(document, method)
    assert found == set(methods), set(methods) - found
    schemas = {name: _schema(schema) for name, schema in document["schemas"].items()}
    return {
        "openapi": "3.0.3",
        "paths": paths,
        "components": {"schemas": schemas | {"Error": error}},
    }


def _methods(resource: Document) -> list[Document]:
    own = list(resource.get("methods", {}).values())
    return own + [
        method for inner in resource.get("resources", {}).values() for method in _methods(inner)
    ]


def _operation(document: Document, method: Document) -> Document:
    answer = {"description": "Done."}
    if "response" in method:
        answer |= _json(_schema(method["response"]))
    operation: Document = {
        "operationId": method["id"],
        "parameters": [
            {
                "name": name,
                "in": each["location"],
                "required": each.get("required", False),
                "schema": _schema(each),
            }
            for name, each in (document["parameters"] | method["parameters"]).items()
        ],
        "responses": {
            "200": answer,
            "default": _json({"$ref": f"{_REFERENCE}schemas/Error"}),
        },
    }
    if "request" in method:
        operation["requestBody"] = _json(_schema(method["request"]))
    return operation


def _json(schema: Schema) -> Document:
    return {"content": {"application/json": {"schema": schema}}}


def _schema(schema: Schema) -> Schema:
    """Translate a schema: references are bare names, and 64 bits are digits in a string."""
    if "$ref" in schema:
        return {"$ref": f"{_REFERENCE}schemas/{schema['$ref']}"}
    kept = ("type", "enum", "pattern")
    made = {key: schema[key] for key in kept if key in schema}
    if schema.get("type") == "any":
        del made["type"]
    match schema.get("format"):
        case "int64" | "uint64":
            made["pattern"] = r"^-?[0-9]{1,20}$"
        case "int32":
            made |= {"minimum": -(2**31), "maximum": 2**31 - 1}
        case "google-datetime":
            made["format"] = "date-time"
        case _:
            pass
    if "properties" in schema:
        made["properties"] = {name: _schema(each) for name, each in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if key in schema:
            made[key] = _schema(schema[key])
    if schema.get("repeated"):
        return {"type": "array", "items": made}
    return made
