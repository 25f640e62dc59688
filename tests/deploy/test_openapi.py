"""One description of the API is put together from several."""

from typing import Any

import pytest

from deploy.gateway.openapi import merge


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


def test_no_two_services_answer_the_same_path():
    with pytest.raises(AssertionError, match="/v1/gifts"):
        merge({"gift": _document("/v1/gifts", {}), "live": _document("/v1/gifts", {})})


def _document(path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    return {
        "paths": {path: {"get": {"$ref": "#/components/schemas/Page"}}},
        "components": {"schemas": schemas},
    }
