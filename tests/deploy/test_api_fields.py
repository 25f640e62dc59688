"""Every field of the API says what it means, and by example."""

import copy
import json
from typing import Any

import pytest

from deploy.gateway.examples import NoExample, add_examples, example_of
from deploy.gateway.fields import lacking
from deploy.harness.gateway import OPENAPI_FILE

DESCRIBED = {"description": "How many coins.", "type": "integer", "examples": [100]}


def test_every_field_parameter_and_body_has_a_meaning_and_an_example_that_fits():
    assert list(lacking(json.loads(OPENAPI_FILE.read_text()))) == []


def test_a_field_without_a_meaning_is_found():
    document = _document({"coins": {"type": "integer", "examples": [100]}})

    assert list(lacking(document)) == ["Wallet.coins has no description"]


def test_a_field_without_an_example_is_found():
    document = _document({"coins": {"description": "How many coins.", "type": "integer"}})

    assert any("Wallet.coins: the example does not fit" in each for each in lacking(document))


def test_an_example_that_does_not_fit_its_field_is_found():
    document = _document({"coins": {**DESCRIBED, "examples": ["100"]}})

    assert any("Wallet.coins: the example does not fit" in each for each in lacking(document))


def test_an_id_that_is_none_does_not_fit_as_an_example():
    gift = {"description": "The gift.", "type": "string", "format": "uuid", "examples": ["g-1"]}

    assert any("Wallet.gift" in each for each in lacking(_document({"gift": gift})))


def test_an_example_of_a_list_is_judged_by_what_the_list_refers_to():
    wallet = {"description": "Wallets.", "type": "array", "items": _ref("Wallet")}
    document = _document({"coins": DESCRIBED})
    document["components"]["schemas"]["Wallets"] = {
        "type": "object",
        "properties": {"items": {**wallet, "examples": [[{"coins": -1}]]}},
    }
    assert list(lacking(document)) == []

    document["components"]["schemas"]["Wallet"]["properties"]["coins"] |= {"minimum": 0}
    assert any("Wallets.items" in each for each in lacking(document))


def test_a_parameter_without_meaning_or_example_is_found():
    limit = {"in": "query", "name": "limit", "schema": {"type": "integer"}}
    document = _document({"coins": DESCRIBED}, parameters=[limit])

    found = [each for each in lacking(document) if each.startswith("GET /v1/wallet: query limit")]

    assert len(found) == 2


def test_a_body_without_an_example_is_found():
    document = _document({"coins": DESCRIBED})
    del document["paths"]["/v1/wallet"]["get"]["responses"]["200"]["content"]["application/json"][
        "example"
    ]

    assert any(each.startswith("GET /v1/wallet: the example") for each in lacking(document))


def test_a_body_is_composed_of_the_examples_of_its_fields():
    fields = {
        "coins": DESCRIBED,
        "state": {"$ref": "#/components/schemas/State"},
        "ended_at": {"anyOf": [{"type": "string", "examples": ["2026-11-23"]}, {"type": "null"}]},
        "reason": {"anyOf": [{"type": "string"}, {"type": "null"}], "examples": [None, "late"]},
        "lots": {"type": "array", "items": {"type": "integer", "examples": [7]}},
    }
    document = _document(fields)
    document["components"]["schemas"]["State"] = {"type": "string", "enum": ["open", "ended"]}

    assert example_of(document, _ref("Wallet")) == {
        "coins": 100,
        "state": "open",
        "ended_at": "2026-11-23",
        "reason": None,
        "lots": [7],
    }


def test_the_first_example_of_a_type_is_written_to_the_field_that_has_it():
    document = _document({"state": {"$ref": "#/components/schemas/State"}})
    document["components"]["schemas"]["State"] = {"type": "string", "enum": ["open", "ended"]}

    add_examples(document)

    assert document["components"]["schemas"]["Wallet"]["properties"]["state"]["examples"] == [
        "open"
    ]


def test_nothing_is_made_up_where_no_field_says_what_it_looks_like():
    with pytest.raises(NoExample):
        example_of(_document({"coins": {"type": "integer"}}), _ref("Wallet"))


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _document(
    fields: dict[str, Any], *, parameters: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return a document of one operation, whose answer has the fields."""
    wallet = {"type": "object", "properties": copy.deepcopy(fields)}
    body = {"schema": _ref("Wallet"), "example": {}}
    answer = {"description": "The wallet.", "content": {"application/json": body}}
    operation = {"parameters": parameters or [], "responses": {"200": answer}}
    return {
        "openapi": "3.1.0",
        "paths": {"/v1/wallet": {"get": operation}},
        "components": {"schemas": {"Wallet": wallet}},
    }
