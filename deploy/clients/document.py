"""
The OpenAPI document as clients are generated from it.

What a client does by itself is not asked of its user: errors are raised by one place for all
operations, keys are made, tokens are sent. What other people's systems call is left out.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from deploy.config.environment import ROOT

DOCUMENT = ROOT / "deploy" / "gateway" / "openapi.json"
METHODS = ("get", "put", "post", "delete", "patch")
KEY = "Idempotency-Key"
# Headers that a client sends where it should.
OWN_PARAMETERS = frozenset({"accept", "if-none-match", "last-event-id", "access_token"})
# Providers and Tencent call these, and they sign their requests in their own ways.
NOT_FOR_CLIENTS = ("/v1/webhooks/", "/v1/callbacks/")
FEED = "/v1/rooms/{room}/events"
CODE = re.compile(r"`([a-z0-9-]+)`: (.+)")

Document = dict[str, Any]
Operation = dict[str, Any]


def read_document() -> Document:
    """Read the document that is committed."""
    document: Document = json.loads(DOCUMENT.read_bytes())
    return document


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    """Yield method, path and operation."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def problems(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the sentence of each code that any operation refuses with."""
    found = {
        code: sentence.strip()
        for _, _, operation in operations(document)
        for answer in operation["responses"].values()
        for code, sentence in CODE.findall(answer.get("description", ""))
    }
    return dict(sorted(found.items()))


def takes_key(operation: Operation) -> bool:
    """Whether an operation needs an idempotency key."""
    return any(each["name"] == KEY for each in operation.get("parameters", []))


def decides_later(operation: Operation) -> bool:
    """Whether an operation answers 202 while it is not decided, and otherwise 201."""
    return {"201", "202"} <= set(operation["responses"])


def for_clients(document: Document) -> Document:
    """Return the document without what is not for clients, or is done by them."""
    prepared = copy.deepcopy(document)
    prepared["paths"] = {
        path: item
        for path, item in prepared["paths"].items()
        if not path.startswith(NOT_FOR_CLIENTS) and path != FEED
    }
    for name, schema in prepared["components"]["schemas"].items():
        # Classes are named after titles.
        schema["title"] = name
    for _, _, operation in operations(prepared):
        operation["parameters"] = [
            _parameter(each)
            for each in operation.get("parameters", [])
            if each["name"].lower() not in OWN_PARAMETERS
        ]
        _keep_first_forms(operation)
    return prepared


def _parameter(parameter: Document) -> Document:
    """Return a parameter as a client takes it: keys are optional, and no header is null."""
    schema = parameter["schema"]
    is_header = parameter["in"] == "header"
    if is_header and "anyOf" in schema:
        (schema,) = [each for each in schema["anyOf"] if each.get("type") != "null"]
    return {
        **parameter,
        "schema": schema,
        "required": parameter.get("required", False) and parameter["name"] != KEY,
    }


def _keep_first_forms(operation: Operation) -> None:
    """Leave only answers that are no refusals, and of each body only its first form."""
    operation["responses"] = {
        status: answer
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    }
    for body in (operation.get("requestBody", {}), *operation["responses"].values()):
        forms = list(body.get("content", {}).items())
        body["content"] = {name: _form(name, form) for name, form in forms[:1]}
    # Of operations, for other tools.
    for answer in operation["responses"].values():
        answer.pop("links", None)


def _form(content_type: str, form: Document) -> Document:
    """Return a form of a body; what is not JSON or text is bytes."""
    is_known = content_type == "application/json" or content_type.startswith("text/")
    return form if is_known else {"schema": {"type": "string", "format": "binary"}}
