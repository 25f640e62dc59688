"""One description of the API is put together from several."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.gateway.openapi import merge
from deploy.harness.gateway import OPENAPI_FILE


def test_equal_schemas_are_shared_and_others_named_after_their_service():
    problem = {"type": "object"}
    whole = merge(
        {
            "wallet": _document("/v1/wallets", {"Problem": problem, "Page": {"title": "lots"}}),
            "gift": _document("/v1/gifts", {"Problem": problem, "Page": {"title": "gifts"}}),
        }
    )

    assert whole["components"]["schemas"] == {
        "Problem": problem,
        "Page": {"title": "lots"},
        "GiftPage": {"title": "gifts"},
    }
    assert whole["paths"]["/v1/wallets"]["get"] == {"$ref": "#/components/schemas/Page"}
    assert whole["paths"]["/v1/gifts"]["get"] == {"$ref": "#/components/schemas/GiftPage"}


def test_every_reference_leads_somewhere():
    document = json.loads(OPENAPI_FILE.read_text())
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}

    assert set(_references(document)) == known


def test_an_id_leads_to_every_route_that_takes_it():
    document = json.loads(OPENAPI_FILE.read_text())
    quoted = document["paths"]["/v1/payouts/quotes"]["post"]["responses"]["201"]["links"]
    bought = document["paths"]["/v1/purchases/{purchase}"]["get"]["responses"]["200"]["links"]
    path = "/v1/operator/wallet/adjustments"
    corrected = document["paths"][path]["post"]["responses"]["201"]["links"]

    assert [link["requestBody"] for link in quoted.values()] == [{"quote": "$response.body#/quote"}]
    read = "purchase_v1_operator_purchases__viewer___purchase__get"
    assert bought[read]["parameters"] == {"purchase": "$response.body#/purchase"}
    assert len(corrected) == 2
    assert all("wallet" in name for name in corrected)


def test_no_two_services_answer_the_same_path():
    with pytest.raises(AssertionError, match="/v1/gifts"):
        merge({"gift": _document("/v1/gifts", {}), "live": _document("/v1/gifts", {})})


def _document(path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    return {
        "paths": {path: {"get": {"$ref": "#/components/schemas/Page"}}},
        "components": {"schemas": schemas},
    }


def _references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)
