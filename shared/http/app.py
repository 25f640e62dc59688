"""An application with everything that is the same in every service."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.auth import Verifier
from shared.database import Database
from shared.errors import Kind, Refusal
from shared.http.access import describe_access
from shared.http.edge import BODY_BYTES_MAX, Edge
from shared.http.problems import (
    INVALID_REQUEST,
    MALFORMED_JSON,
    SCHEMAS,
    DatabaseUnavailable,
    InvalidRequest,
    Problem,
    answer_errors,
    documented,
    plain,
    refusal_response,
)
from shared.people import OPERATOR_ROUTES, PERSON_FIELDS, OwnMoney

log = structlog.get_logger()

READY_SECONDS_MAX = 1.0

Document = dict[str, Any]


class Stopping(Refusal):
    """The service is stopping; another instance, or this one after its start, will answer."""

    kind = Kind.UNAVAILABLE


def build_app(
    *, title: str, description: str, verifier: Verifier | None, database: Database | None
) -> FastAPI:
    """Make a FastAPI application with everything that is the same in every service."""
    app = _App(
        title=title,
        description=description,
        version="1",
        docs_url=None,
        redoc_url=None,
        # A redirect would name the host we are called by inside; a wrong address is simply wrong.
        redirect_slashes=False,
    )
    app.state.verifier = verifier
    app.state.database = database
    app.state.stopping = asyncio.Event()
    # What else an operator may want to see at /readyz; it never makes the service unready.
    app.state.reports = {}
    answer_errors(app, body_bytes_max=BODY_BYTES_MAX)
    _add_health(app, database)
    app.add_middleware(Edge)
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
        for operation in operations.values():
            describe_access(operation)
            if path.startswith(OPERATOR_ROUTES) and _names_a_person(document, operation):
                _describe(operation, 403, (OwnMoney.code(), OwnMoney.title()), Problem)
            if "requestBody" in operation:
                _describe(operation, 400, MALFORMED_JSON, Problem)
            if "parameters" in operation or "requestBody" in operation:
                _describe(operation, 422, INVALID_REQUEST, InvalidRequest)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    for model in (Problem, InvalidRequest):
        schema = model.model_json_schema(ref_template=SCHEMAS + "/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema


def _names_a_person(document: Document, operation: Document) -> bool:
    """Whether a request may say whom it is about: then it must be somebody else."""
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


def _add_health(app: FastAPI, database: Database | None) -> None:
    @app.get("/livez", include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", include_in_schema=False)
    async def ready() -> Response:
        told = _told(app.state.reports)
        if app.state.stopping.is_set():
            return refusal_response(Stopping(**told))
        if database is not None:
            try:
                await asyncio.wait_for(database.ping(), READY_SECONDS_MAX)
            except Exception as error:  # noqa: BLE001 - whatever it is, we are not ready
                log.warning("service.unready", error=repr(error)[:200])
                return refusal_response(DatabaseUnavailable(**told))
        return JSONResponse({**told, "status": "ready"})

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _told(reports: Mapping[str, Callable[[], object]]) -> dict[str, Any]:
    """Ask every report; one that fails says so, and takes nothing else with it."""
    told: dict[str, object] = {}
    for name, report in reports.items():
        try:
            told[name] = report()
        except Exception as error:  # noqa: BLE001 - a report only informs
            told[name] = f"failed: {type(error).__name__}"
    return plain(told)
