"""Operators read a viewer's purchases, and find out whose a purchase is."""

from uuid import uuid4

import pytest

from tests.clients import a_token, client_of

PURCHASES = "/v1/operator/purchases/mira"


def operator(app, name="ann", scope="disputes:read"):
    return client_of(app, a_token(name, roles=["operator"], scope=scope))


@pytest.fixture
async def ann(app):
    async with operator(app) as client:
        yield client


async def test_the_purchases_of_a_viewer_are_read_page_by_page(ann, bought):
    made = [await bought(key=f"key-{number}") for number in range(3)]
    await bought(viewer="jonas", key="other")

    first = (await ann.get(PURCHASES, params={"limit": 2})).json()
    rest = (await ann.get(PURCHASES, params={"cursor": first["next_cursor"]})).json()

    assert [each["purchase"] for each in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None


async def test_a_purchase_is_found_by_its_id_but_not_by_its_viewer(app, ann, bought):
    purchase = await bought()
    path = f"/v1/operator/purchase/purchases/{purchase}"

    assert (await ann.get(path)).json() == {"viewer": "mira", "purchase": purchase}
    unknown = await ann.get(f"/v1/operator/purchase/purchases/{uuid4()}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no-such-purchase")
    async with operator(app, "mira") as mira, operator(app, scope="books:read") as other:
        assert (await mira.get(path)).json()["code"] == "own-money"
        assert (await other.get(path)).json()["code"] == "scope-missing"


async def test_the_refunds_of_a_purchase_are_those_that_the_viewer_sees(app, ann, refund_requested):
    purchase = await refund_requested()
    async with client_of(app, a_token("mira")) as mira:
        own = (await mira.get(f"/v1/purchases/{purchase}/refunds")).json()

    assert (await ann.get(f"{PURCHASES}/{purchase}/refunds")).json() == own
    assert len(own["items"]) == 1
