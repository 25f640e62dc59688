"""The sandbox is as strict as a real provider, and tells what happens in signed webhooks."""

import asyncio
import json
from uuid import uuid4

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from services.sandbox import provider, webhooks
from services.sandbox.main import build
from services.sandbox.settings import Settings
from tests.clients import client_of

SECRET = "whsec_b3ZhdGlvbi10ZXN0LXNlY3JldC1vZi0zMi1ieXRlcy4="
A_PAYMENT = {"amount_minor": 99, "currency": "USD", "reference": "order-1"}


class Receiver(httpx.AsyncBaseTransport):
    """Somebody who hears webhooks, and may be out at first."""

    def __init__(self):
        self.heard = []
        self.refuse = 0

    async def handle_async_request(self, request):
        body = await request.aread()
        Webhook(SECRET).verify(body, dict(request.headers))
        self.heard.append((request.headers["webhook-id"], json.loads(body)["type"]))
        self.refuse -= 1
        return httpx.Response(503 if self.refuse >= 0 else 200)

    async def until(self, kind, *, times=1):
        async with asyncio.timeout(5):
            while [heard for _, heard in self.heard].count(kind) < times:
                await asyncio.sleep(0.01)


@pytest.fixture
def receiver():
    return Receiver()


@pytest.fixture
async def app(receiver):
    settings = Settings(
        port=1,
        api_key="key",
        webhook_secret=SECRET,
        public_url="http://shop/sandbox",
        payments_webhook_url="http://purchase",
        transfers_webhook_url="http://payout",
    )
    app = build(settings, transport=receiver)
    yield app
    await app.state.webhooks.close()


@pytest.fixture
async def shop(app):
    async with client_of(app, "key") as client:
        yield client


@pytest.fixture
def pay(app, shop):
    """Create a payment and pay it with a card; return its id and the page's answer."""

    async def with_card(card, **about):
        body, headers = {**A_PAYMENT, **about}, {"Idempotency-Key": str(uuid4())}
        made = (await shop.post("/payments", json=body, headers=headers)).json()
        assert made["pay_url"] == f"http://shop/sandbox/pay/{made['id']}"
        async with client_of(app) as browser:
            page = await browser.post(f"/pay/{made['id']}", data={"card": card})
        return made["id"], page

    return with_card


async def status_of(shop, payment):
    return (await shop.get(f"/payments/{payment}")).json()["status"]


async def test_a_key_makes_one_payment_and_belongs_to_one_request(shop):
    headers = {"Idempotency-Key": "once"}
    first, again = [await shop.post("/payments", json=A_PAYMENT, headers=headers) for _ in "ab"]
    other = await shop.post("/payments", json={**A_PAYMENT, "amount_minor": 1}, headers=headers)

    assert first.json() == again.json()
    assert (other.status_code, other.json()["type"]) == (422, "key-reused")


async def test_a_stranger_is_refused(app):
    for token in (None, "another-key"):
        async with client_of(app, token) as stranger:
            assert (await stranger.get("/payments?reference=x")).status_code == 401


async def test_the_test_cards_do_what_they_promise(shop, pay, receiver, monkeypatch):
    monkeypatch.setattr(provider, "SLOW_CARD_SECONDS", 0.05)
    monkeypatch.setattr(provider, "DISPUTE_AFTER_SECONDS", 0.05)

    good, _ = await pay("4242 4242 4242 4242")
    declined, _ = await pay("4000 0000 0000 0002")
    slow, _ = await pay("4000 0000 0000 3220")
    disputed, _ = await pay("4000 0000 0000 0259")
    unknown, page = await pay("1234")

    assert await status_of(shop, slow) == "processing"
    await receiver.until("payment.disputed")
    await receiver.until("payment.succeeded", times=3)
    assert await status_of(shop, good) == "succeeded"
    assert await status_of(shop, declined) == "failed"
    assert await status_of(shop, slow) == "succeeded"
    assert len((await shop.get(f"/payments/{disputed}")).json()["disputes"]) == 1
    assert (page.status_code, await status_of(shop, unknown)) == (422, "open")


async def test_a_paid_payment_cannot_be_cancelled_nor_paid_again(shop, pay):
    payment, _ = await pay("4242424242424242")

    answer = await shop.post(f"/payments/{payment}/cancel")
    assert (answer.status_code, answer.json()["type"]) == (409, "already-paid")


async def test_the_pay_page_escapes_what_others_wrote(app, shop):
    body = {**A_PAYMENT, "description": "<script>alert(1)</script>"}
    headers = {"Idempotency-Key": str(uuid4())}
    made = (await shop.post("/payments", json=body, headers=headers)).json()
    async with client_of(app) as browser:
        page = await browser.get(f"/pay/{made['id']}")

    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "0.99 USD" in page.text


async def test_a_webhook_is_repeated_under_its_id_until_it_is_taken(pay, receiver, monkeypatch):
    monkeypatch.setattr(webhooks, "RETRY_SECONDS", (0.01, 0.01, 0.01))
    receiver.refuse = 2

    await pay("4242424242424242")

    await receiver.until("payment.succeeded", times=3)
    assert len({webhook_id for webhook_id, _ in receiver.heard}) == 1


async def test_transfers_end_as_their_destination_says(shop, receiver, monkeypatch):
    monkeypatch.setattr(provider, "TRANSFER_SECONDS", 0.01)
    monkeypatch.setattr(provider, "RETURN_AFTER_SECONDS", 0.01)
    for destination in ("acct_ok", "acct_fail", "acct_return"):
        body = {**A_PAYMENT, "destination": destination, "reference": destination}
        headers = {"Idempotency-Key": destination}
        assert (await shop.post("/transfers", json=body, headers=headers)).status_code == 201

    await receiver.until("transfer.returned")
    found = {
        reference: (await shop.get("/transfers", params={"reference": reference})).json()
        for reference in ("acct_ok", "acct_fail", "acct_return", "unknown")
    }
    assert [item["status"] for item in found["acct_ok"]["items"]] == ["paid"]
    assert [item["status"] for item in found["acct_fail"]["items"]] == ["failed"]
    assert [item["status"] for item in found["acct_return"]["items"]] == ["returned"]
    assert found["unknown"]["items"] == []
