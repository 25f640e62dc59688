"""PayPal's contract: its five documents as one, and the errors that they prescribe."""

from collections.abc import Iterator
from functools import lru_cache

from tests.fakes.base import Answer
from tests.fakes.documents import load, merged
from tests.fakes.judge import Contract, Operation
from tests.fakes.schemas import Json, Schema

_TOKEN = "POST /v1/oauth2/token"
DEBUG = "f2a1c0de5bad0"
# Statuses that the documents leave to "default", as developer.paypal.com/api/rest/responses words
# them; its error_default of orders and payments does not name 429.
_OTHERS = {
    400: (
        "INVALID_REQUEST",
        "Request is not well-formed, syntactically incorrect, or violates schema.",
    ),
    401: (
        "AUTHENTICATION_FAILURE",
        "Authentication failed due to invalid authentication credentials.",
    ),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    408: ("REQUEST_TIMEOUT", "The server did not receive a complete request in time."),
    409: ("RESOURCE_CONFLICT", "The server has detected a conflict while processing this request."),
    422: ("UNPROCESSABLE_ENTITY", "The requested action could not be performed."),
    425: ("TOO_EARLY", "The server does not process a request that might be replayed."),
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
    503: ("SERVICE_UNAVAILABLE", "Service Unavailable."),
}


@lru_cache(maxsize=1)
def contract() -> Contract:
    """Return the contract; its validators are compiled once a process."""
    document = merged(
        {
            "orders": load("paypal_orders_v2"),
            "payments": load("paypal_payments_v2"),
            "webhooks": load("paypal_webhooks_v1"),
            "disputes": load("paypal_disputes_v1"),
            "payouts": load("paypal_payouts_v1"),
        }
    )
    document["paths"]["/v1/oauth2/token"] = {"post": _token()}
    schemas = document["components"]["schemas"]
    name, message = _OTHERS[429]
    for prefix in ("orders", "payments"):
        limited = schemas[f"{prefix}.error_429"] = {
            "type": "object",
            "required": ["name", "message", "debug_id"],
            "properties": {
                "name": {"type": "string", "enum": [name]},
                "message": {"type": "string", "enum": [message]},
                "debug_id": {"type": "string"},
            },
        }
        assert limited
        reference = {"$ref": f"#/components/schemas/{prefix}.error_429"}
        schemas[f"{prefix}.error_default"]["oneOf"].append(reference)
    return Contract(document)


def error(operation: Operation | None, status: int, issue: str | None = None) -> Answer:
    """
    Say an error in the words of the document, which for an issue may be several.

    `operation` is None for an address that PayPal does not know. A KeyError says that the document
    has no such issue for this status.
    """
    name, message = _OTHERS[status]
    found = operation and operation.answers.get(str(status), operation.answers.get("default"))
    if operation and str(status) in operation.answers and found is None:
        return Answer(status)
    if found:
        for schema in _parts(found):
            words = {key: each.get("enum") for key, each in schema.get("properties", {}).items()}
            if (
                words.get("name")
                and words.get("message")
                and (
                    str(status) in operation.answers or words["name"] == [name]  # type: ignore[union-attr]
                )
            ):
                name, message = words["name"][0], words["message"][0]
    body: Json = {"name": name, "message": message, "debug_id": DEBUG}
    if issue:
        assert found
        body["details"] = [_issue(found, issue)]
    return Answer(status, body)


def _issue(found: Schema, issue: str) -> Json:
    for schema in _parts(found):
        details = schema.get("properties", {}).get("details", {}).get("items", {})
        for each in details.get("anyOf", ()):
            if each["properties"]["issue"]["enum"] == [issue]:
                described = each["properties"].get("description", {})
                return {"issue": issue, "description": described.get("enum", [issue])[0]}
    raise KeyError(issue)


def _parts(schema: Schema) -> Iterator[Schema]:
    schema = contract().resolve(schema)
    yield schema
    for key in ("allOf", "oneOf"):
        for each in schema.get(key, ()):
            yield from _parts(each)


def _token() -> Schema:
    """Describe the token, of which PayPal publishes no document (developer.paypal.com/api/rest)."""
    answer = {
        "type": "object",
        "required": ["scope", "access_token", "token_type", "app_id", "expires_in", "nonce"],
        "properties": {
            name: {"type": "string"}
            for name in ("scope", "access_token", "token_type", "app_id", "nonce")
        }
        | {"expires_in": {"type": "integer"}},
    }
    wrong = {
        "type": "object",
        "properties": {
            name: {"type": "string"}
            for name in ("error", "error_description", "name", "message", "debug_id")
        },
    }
    request = {
        "type": "object",
        "required": ["grant_type"],
        "properties": {"grant_type": {"type": "string", "enum": ["client_credentials"]}},
    }
    return {
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": request}},
        },
        "responses": {
            "200": {"content": {"application/json": {"schema": answer}}},
            "default": {"content": {"application/json": {"schema": wrong}}},
        },
    }
