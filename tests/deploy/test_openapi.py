"""One description of the API is put together from several."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.gateway.openapi import introduce, merge
from deploy.harness.gateway import OPENAPI_FILE
from shared.http.operations import describe_operation


def test_equal_schemas_are_shared_and_others_named_after_their_service():
    problem = {"type": "object"}
    whole = merge(
        {
            "wallet": _document("/v1/wallets", {"Problem": problem, "Page": {"type": "array"}}),
            "gift": _document("/v1/gifts", {"Problem": problem, "Page": {"type": "string"}}),
        }
    )

    assert whole["components"]["schemas"] == {
        "Problem": {"title": "Problem", "type": "object"},
        "WalletPage": {"title": "WalletPage", "type": "array"},
        "GiftPage": {"title": "GiftPage", "type": "string"},
    }
    assert whole["paths"]["/v1/wallets"]["get"] == {"$ref": "#/components/schemas/WalletPage"}
    assert whole["paths"]["/v1/gifts"]["get"] == {"$ref": "#/components/schemas/GiftPage"}


def test_schemas_are_named_by_their_titles():
    page = {"title": "Page", "type": "array"}
    whole = merge({"gift": _document("/v1/gifts", {"Page": {**page, "title": "GiftPage"}})})

    assert whole["components"]["schemas"] == {"GiftPage": {**page, "title": "GiftPage"}}
    assert whole["paths"]["/v1/gifts"]["get"] == {"$ref": "#/components/schemas/GiftPage"}


def test_two_schemas_of_a_service_cannot_have_one_name():
    schemas = {"one__Page": {"title": "Page"}, "two__Page": {"title": "Page"}}

    with pytest.raises(AssertionError, match="two schemas are called Page"):
        merge({"gift": _document("/v1/gifts", schemas)})


def test_every_operation_has_a_name_a_sentence_one_group_and_its_security():
    document = json.loads(OPENAPI_FILE.read_text())
    operations = [each for methods in document["paths"].values() for each in methods.values()]
    names = [operation["operationId"] for operation in operations]

    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch("[a-z]+(_[a-z]+)+", name)] == []
    groups = {group["name"] for group in document["tags"] if group["description"].endswith(".")}
    assert all(len(operation["tags"]) == 1 for operation in operations)
    assert {operation["tags"][0] for operation in operations} == groups
    schemes = document["components"]["securitySchemes"].keys()
    used = {name for each in operations for way in each["security"] for name in way}
    assert used == schemes


def test_two_routes_cannot_have_one_name():
    with pytest.raises(AssertionError, match="send_gift: rename"):
        introduce({"paths": {path: _named("send_gift") for path in ("/one", "/two")}})


@pytest.mark.parametrize(
    ("method", "path", "name", "sentence"),
    [
        ("post", "/gifts", "send_gift", "Send a gift"),
        ("get", "/gifts", "list_gifts", "List gifts"),
        ("get", "/entitlements/{entitlement}", "read_entitlement", "Read an entitlement"),
        ("get", "/payouts/schedule", "read_payout_schedule", "Read the payout schedule"),
        ("post", "/bonuses/{bonus}/approve", "approve_bonus", "Approve a bonus"),
        ("put", "/split", "set_split_of_creator", "Set the split of a creator"),
        ("get", "/wallets/{user}/lots", "list_lots_of", "List lots of a user"),
        ("delete", "/me", "erase_me", "Erase me"),
    ],
)
def test_the_name_of_a_route_is_also_a_sentence(method, path, name, sentence):
    operation = _named(name)["get"]

    describe_operation(method, path, operation)

    assert operation["summary"] == sentence


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
    assert bought["read_purchase_of_viewer"]["parameters"] == {
        "purchase": "$response.body#/purchase"
    }
    assert len(corrected) == 2
    assert all("wallet" in name for name in corrected)


def test_no_two_services_answer_the_same_path():
    with pytest.raises(AssertionError, match="/v1/gifts"):
        merge({"gift": _document("/v1/gifts", {}), "live": _document("/v1/gifts", {})})


def _named(name: str) -> dict[str, Any]:
    return {"get": {"operationId": name, "tags": ["gifts"]}}


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
