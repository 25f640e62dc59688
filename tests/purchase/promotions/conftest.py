"""Promotions in a test's words: put a campaign, let a payment fail."""

from dataclasses import replace

import pytest

from services.purchase.domain.promotions import Promotions
from tests.clients import an_operator_token, client_of
from tests.purchase.conftest import RULES

PROMOTIONS = Promotions(enabled=True, first_purchase_percent=10, bonus_coins={"coins_1000": 25})
WINTER = {
    "code": "Winter-26",
    "coins": 50,
    "coins_min": 100,
    "budget_coins": 1_000,
    "coins_days": 7,
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_until": "2099-01-01T00:00:00Z",
    "reason": "winter campaign",
}
CODE = {"promo_code": "winter-26"}


def operator_token():
    return an_operator_token("promotions:write")


@pytest.fixture
def put(app):
    """Let an operator start or change a campaign."""

    async def put_one(name="winter", *, token=None, **about):
        async with client_of(app, token or operator_token()) as client:
            path = f"/v1/operator/purchase/campaigns/{name}"
            return await client.put(path, json={**WINTER, **about})

    return put_one


@pytest.fixture
def campaigns(app):
    async def read():
        async with client_of(app, operator_token()) as client:
            items = (await client.get("/v1/operator/purchase/campaigns")).json()["items"]
        return {each["campaign"]: each for each in items}

    return read


@pytest.fixture
def fail(pretend, send_webhook):
    """Let the provider decline the payment of a purchase."""

    async def decline(purchase):
        pretend.become(purchase, "failed", failure="card-declined")
        await send_webhook(purchase, "payment.failed")

    return decline


@pytest.fixture
def promote(app):
    app.state.rules = replace(RULES, promotions=PROMOTIONS)
