"""
Apple's contract: no document, but the models of its own library, as an OpenAPI document.

Which call answers which model is as in the library's client (app-store-server-library 3.1).
"""

import types
from enum import Enum
from functools import lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import attrs
from appstoreserverlibrary.api_client import APIError
from appstoreserverlibrary.models.CheckTestNotificationResponse import CheckTestNotificationResponse
from appstoreserverlibrary.models.ConsumptionRequest import ConsumptionRequest
from appstoreserverlibrary.models.JWSTransactionDecodedPayload import JWSTransactionDecodedPayload
from appstoreserverlibrary.models.NotificationHistoryRequest import NotificationHistoryRequest
from appstoreserverlibrary.models.NotificationHistoryResponse import NotificationHistoryResponse
from appstoreserverlibrary.models.RefundHistoryResponse import RefundHistoryResponse
from appstoreserverlibrary.models.ResponseBodyV2 import ResponseBodyV2
from appstoreserverlibrary.models.ResponseBodyV2DecodedPayload import ResponseBodyV2DecodedPayload
from appstoreserverlibrary.models.SendTestNotificationResponse import SendTestNotificationResponse
from appstoreserverlibrary.models.TransactionInfoResponse import TransactionInfoResponse

from tests.fakes.documents import Document
from tests.fakes.judge import Contract
from tests.fakes.schemas import Schema

GET_TRANSACTION = "GET /inApps/v1/transactions/{transactionId}"
FINISH = "POST /inApps/v1/transactions/{transactionId}/finish"
REFUND_HISTORY = "GET /inApps/v2/refund/lookup/{transactionId}"
CONSUMPTION = "PUT /inApps/v2/transactions/consumption/{transactionId}"
NOTIFICATION_HISTORY = "POST /inApps/v1/notifications/history"
REQUEST_TEST = "POST /inApps/v1/notifications/test"
CHECK_TEST = "GET /inApps/v1/notifications/test/{testNotificationToken}"

# Each call: its optional query parameter, its request and its answer, and the status of that.
_CALLS: dict[str, tuple[str | None, type | None, type | None, int]] = {
    GET_TRANSACTION: (None, None, TransactionInfoResponse, 200),
    FINISH: (None, None, None, 200),
    REFUND_HISTORY: ("revision", None, RefundHistoryResponse, 200),
    CONSUMPTION: (None, ConsumptionRequest, None, 202),
    NOTIFICATION_HISTORY: (
        "paginationToken",
        NotificationHistoryRequest,
        NotificationHistoryResponse,
        200,
    ),
    REQUEST_TEST: (None, None, SendTestNotificationResponse, 200),
    CHECK_TEST: (None, None, CheckTestNotificationResponse, 200),
}
_SIGNED = (ResponseBodyV2, ResponseBodyV2DecodedPayload, JWSTransactionDecodedPayload)
_REFERENCE = "#/components/schemas/"


@lru_cache(maxsize=1)
def contract() -> Contract:
    """Return the contract; its validators are compiled once a process."""
    schemas: dict[str, Schema] = {"Error": _error()}
    paths: Document = {}
    for model in _SIGNED:
        _reference(model, schemas)
    for name, (parameter, request, answer, status) in _CALLS.items():
        method, path = name.split(" ")
        operation: Document = {
            "parameters": [
                {"name": each, "in": "query", "schema": {"type": "string"}}
                for each in (parameter,)
                if each
            ],
            "responses": {
                str(status): _body(answer, schemas),
                # Without a valid token there is no JSON at all.
                "401": {},
                "default": {
                    "content": {"application/json": {"schema": {"$ref": f"{_REFERENCE}Error"}}}
                },
            },
        }
        if request:
            operation["requestBody"] = _body(request, schemas) | {"required": True}
        paths.setdefault(path, {})[method.lower()] = operation
    return Contract({"openapi": "3.0.3", "paths": paths, "components": {"schemas": schemas}})


def _body(model: type | None, schemas: dict[str, Schema]) -> Document:
    if model is None:
        return {}
    return {"content": {"application/json": {"schema": _reference(model, schemas)}}}


def _error() -> Schema:
    codes: list[int] = sorted(each.value for each in APIError)
    return {
        "type": "object",
        "required": ["errorCode", "errorMessage"],
        "properties": {
            "errorCode": {"type": "integer", "enum": codes},
            "errorMessage": {"type": "string"},
        },
    }


def _reference(model: type, schemas: dict[str, Schema]) -> Schema:
    """Describe a model once, under its name."""
    name = model.__name__
    if name not in schemas:
        schemas[name] = {}
        hints = get_type_hints(model)
        properties, required = {}, []
        for field in attrs.fields(model):
            is_raw = field.metadata.get("typeOfField") == "raw"
            said = field.metadata["correspondingFieldName"] if is_raw else field.name
            if not is_raw:
                properties[said] = _schema(hints[field.name], schemas)
            if field.default is attrs.NOTHING or field.metadata.get("requiredField"):
                required.append(said)
        schemas[name] = {"type": "object", "properties": properties, "required": required}
    return {"$ref": f"{_REFERENCE}{name}"}


def _schema(hint: Any, schemas: dict[str, Schema]) -> Schema:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        (inner,) = (each for each in get_args(hint) if each is not type(None))
        return _schema(inner, schemas)
    if origin is list:
        return {"type": "array", "items": _schema(get_args(hint)[0], schemas)}
    if attrs.has(hint):
        return _reference(hint, schemas)
    if isinstance(hint, type) and issubclass(hint, Enum):
        values = [each.value for each in hint]
        return {"type": "integer" if isinstance(values[0], int) else "string", "enum": values}
    simple: dict[Any, Schema] = {
        str: {"type": "string"},
        int: {"type": "integer"},
        float: {"type": "number"},
        bool: {"type": "boolean"},
        UUID: {"type": "string", "format": "uuid"},
    }
    return simple[hint]
