"""A PayPal, and a client that has a token."""

from decimal import Decimal

import httpx
import pytest

from tests.fakes.paypal.requests import an_order
from tests.fakes.paypal.vendor import PayPal


@pytest.fixture
async def paypal(receiver):
    async with PayPal(webhooks=receiver.url, rates={"CHF": Decimal("1.13")}) as fake:
        yield fake


@pytest.fixture
async def ask(paypal):
    """Send a request with a token, for the whole representation."""
    async with httpx.AsyncClient(base_url=paypal.url, timeout=5) as client:
        form = {"grant_type": "client_credentials"}
        login = (paypal.client, paypal.secret)
        token = (await client.post("/v1/oauth2/token", data=form, auth=login)).json()

        async def send(method: str, path: str, body=None, key: str | None = None, **values):
            headers = {
                "Authorization": f"Bearer {token['access_token']}",
                "Prefer": "return=representation",
                **({"PayPal-Request-Id": key} if key else {}),
            }
            return await client.request(method, path, json=body, headers=headers, **values)

        yield send


@pytest.fixture
def pay(paypal, ask):
    """Create, approve and capture an order; return its capture."""

    async def send(value: str = "9.99", currency: str = "USD", outcome=None, **unit):
        created = await ask("POST", "/v2/checkout/orders", an_order(value, currency, **unit))
        order = created.json()["id"]
        paypal.approve(order)
        if outcome:
            paypal.hold(order, outcome)
        captured = await ask("POST", f"/v2/checkout/orders/{order}/capture", {})
        return captured.json()["purchase_units"][0]["payments"]["captures"][0]

    return send
