"""An application with everything that is the same in every service."""

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI

from shared.http import health
from shared.http.access import ACCESS, Access, describe_access
from shared.http.fields import ADDRESSABLE
from shared.http.head import HeadRequests
from shared.http.keys import HEADER, REPLAYED
from shared.http.middleware import BODY_BYTES_MAX, Edge
from shared.http.operations import describe_operation, operation_id
from shared.http.people import OPERATOR_ROUTES, PERSON_FIELDS
from shared.http.person_paths import ENCODED
from shared.http.problems import (
    INVALID_REQUEST,
    MALFORMED_JSON,
    SCHEMAS,
    UNSUPPORTED_MEDIA_TYPE,
    InvalidRequest,
    Problem,
    answer_errors,
    documented,
)
from shared.http.shortcuts import Shortcut, Shortcuts
from shared.identity.claims import SUBJECT_CHARACTERS_MAX
from shared.identity.people import OwnMoney
from shared.identity.tokens import TokenVerifier
from shared.postgres.database import Database

Document = dict[str, Any]
REPLAY_DESCRIPTION = (
    "Only if the key came before: the answer is about what the first request did, as it is now."
)
PERSON_IN_PATH = (
    f"At most {SUBJECT_CHARACTERS_MAX} characters, percent-encoded. An id that has"
    f" `/` or `\\`, is `.` or `..`, or begins with `{ENCODED}`, is `{ENCODED}` and its UTF-8 in"
    " base64url without padding."
)


def build_app(
    *,
    title: str,
    description: str,
    verifier: TokenVerifier | None,
    database: Database | None,
    shortcuts: Sequence[Shortcut] = (),
    body_limits: Mapping[str, int] = MappingProxyType({}),
) -> FastAPI:
    """
    Make a FastAPI application with everything that is the same in every service.

    `body_limits` are the bytes of a body at paths that take larger ones than all others.
    """
    app = _App(
        title=title,
        description=description,
        version="1",
        docs_url=None,
        redoc_url=None,
        # A redirect would name the host we are called by inside; a wrong address is simply wrong.
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.state.verifier = verifier
    app.state.database = database
    app.state.stopping = asyncio.Event()
    # What waits in the queues of the service, once it runs and has a broker.
    app.state.depths = None
    app.state.dead_letters = None
    # What else an operator may want to see at /readyz; it never makes the service unready.
    app.state.reports = {}
    answer_errors(app, body_bytes_max=BODY_BYTES_MAX)
    app.include_router(health.router)
    if shortcuts:
        app.add_middleware(Shortcuts, shortcuts=shortcuts)
    app.add_middleware(HeadRequests)
    app.add_middleware(Edge, body_limits=body_limits)
    return app


class _App(FastAPI):
    """Describes its errors as what they are: FastAPI would document its own."""

    def openapi(self) -> Document:
        if self.openapi_schema is None:
            _describe_problems(super().openapi())
        assert self.openapi_schema is not None
        return self.openapi_schema


def _describe_problems(document: Document) -> None:
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            describe_operation(method, path, operation)
            describe_access(operation)
            _describe_people(operation)
            _describe_replays(operation)
            if path.startswith(OPERATOR_ROUTES) and _names_a_person(document, operation):
                _describe(operation, 403, (OwnMoney.code(), OwnMoney.title()), Problem)
            if "requestBody" in operation:
                _describe(operation, 400, MALFORMED_JSON, Problem)
                # What a provider signs, its route reads as it came.
                if operation.get(ACCESS) != Access.SIGNED:
                    _describe(operation, 415, UNSUPPORTED_MEDIA_TYPE, Problem)
            if "parameters" in operation or "requestBody" in operation:
                _describe(operation, 422, INVALID_REQUEST, InvalidRequest)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    for model in (Problem, InvalidRequest):
        schema = model.model_json_schema(ref_template=SCHEMAS + "/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema


def _describe_people(operation: Document) -> None:
    """Say how a user id stands in a path, whatever it is."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path" and parameter["name"] in PERSON_FIELDS:
            given = parameter["schema"]
            parameter["description"] = f"{given['description']} {PERSON_IN_PATH}"
            kept = {"type": "string", "pattern": ADDRESSABLE, "examples": given["examples"]}
            parameter["schema"] = kept


def _describe_replays(operation: Document) -> None:
    """Say how the answer to a repeated request is told from that to the first."""
    if not any(each["name"] == HEADER for each in operation.get("parameters", [])):
        return
    header = {"description": REPLAY_DESCRIPTION, "schema": {"type": "string", "const": "true"}}
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            answer.setdefault("headers", {})[REPLAYED] = header


def _names_a_person(document: Document, operation: Document) -> bool:
    """Whether a request can name a person; that person may not be the caller."""
    named = {parameter["name"] for parameter in operation.get("parameters", [])}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"].get("$ref", "").rpartition("/")[2]
        named |= document["components"]["schemas"].get(schema, {}).get("properties", {}).keys()
    return bool(named & PERSON_FIELDS)


def _describe(
    operation: Document, status: int, what: tuple[str, str], model: type[Problem]
) -> None:
    """Say how a request can be unfit, beside the refusals that answer with the same status."""
    code, title = what
    line = f"`{code}`: {title}"
    described = operation["responses"].get(str(status))
    if described is None or described["description"] == "Validation Error":
        operation["responses"][str(status)] = documented(model, line)
    elif line not in described["description"]:
        described["description"] = f"{line}\n\n{described['description']}"
