"""
What can be done with an answer: OpenAPI links from each id in it to the routes that take that id.

An id has one name in all schemas, so links follow from names.
https://spec.openapis.org/oas/v3.1.0#link-object
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
# Two ledgers have corrections, and neither knows the other's.
LOCAL = "adjustment"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in an answer something stands, and whether it is an id of ours."""

    expression: str
    is_id: bool


@dataclass(frozen=True, slots=True)
class _Route:
    """A route, and what it asks for by name: in its path, and the ids in its body."""

    address: str
    operation: Document
    path: frozenset[str]
    body: frozenset[str]

    @property
    def name(self) -> str:
        return str(self.operation["operationId"])


def add_links(document: Document) -> None:
    """Write into every successful answer of a document what its ids are good for."""
    routes = [
        _route(document, address, operation)
        for address, methods in document["paths"].items()
        for operation in methods.values()
    ]
    for asked in routes:
        for status, answer in asked.operation["responses"].items():
            named = _named(document, _schema(answer))
            links = dict(_links(asked, named, routes))
            if status.startswith("2") and links:
                answer["links"] = links


def _links(
    asked: _Route, named: Mapping[str, _Place], routes: list[_Route]
) -> Iterator[tuple[str, Document]]:
    ids = {name for name, place in named.items() if place.is_id}
    for route in routes:
        mine = ids if _are_neighbours(asked, route) else ids - {LOCAL}
        in_body = mine & route.body
        if route.name == asked.name or not (mine & route.path or in_body):
            continue
        link: Document = {"operationId": route.name}
        # With an id comes whose it is, where the path asks for that as well.
        if in_path := named.keys() & route.path - (ids - mine):
            link["parameters"] = {name: named[name].expression for name in sorted(in_path)}
        if in_body:
            link["requestBody"] = {name: named[name].expression for name in sorted(in_body)}
        yield route.name, link


def _are_neighbours(one: _Route, other: _Route) -> bool:
    return one.address.split("/")[:4] == other.address.split("/")[:4]


def _named(document: Document, schema: Document) -> dict[str, _Place]:
    """Return what an answer calls by name; not what is in its lists, which may be empty."""
    return {
        name: _Place(f"$response.body#/{name}", part.get("format") == "uuid")
        for name, part in _properties(document, schema).items()
        if part.get("type") == "string"
    }


def _route(document: Document, address: str, operation: Document) -> _Route:
    path = {given["name"] for given in operation.get("parameters", ()) if given["in"] == "path"}
    body = _properties(document, _schema(operation.get("requestBody", {})))
    ids = {name for name, part in body.items() if part.get("format") == "uuid"}
    return _Route(address, operation, frozenset(path), frozenset(ids))


def _schema(described: Document) -> Document:
    content: Mapping[str, Document] = described.get("content", {})
    schema: Document = content.get("application/json", {}).get("schema", {})
    return schema


def _properties(document: Document, schema: Document) -> dict[str, Document]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    properties: dict[str, Document] = schema.get("properties", {})
    return properties
