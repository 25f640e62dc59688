"""Stripe's own SDK as the client of the fake, and as the judge of its webhooks."""

import pytest
import stripe
from aiohttp import web

from tests.fakes.stripe.client import SECRET, client_of
from tests.fakes.stripe.vendor import Stripe


@pytest.fixture
async def received():
    """A receiver that checks each webhook with the SDK: its address, and the events."""
    events: list[stripe.Event] = []

    async def receive(request: web.Request) -> web.Response:
        try:
            event = stripe.Webhook.construct_event(
                await request.read(), request.headers["stripe-signature"], SECRET
            )
        except stripe.SignatureVerificationError:
            return web.Response(status=400)
        events.append(event)
        return web.Response()

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/", events
    await runner.cleanup()


@pytest.fixture
async def fake(received):
    async with Stripe(webhooks=received[0], secret=SECRET, settlement=("usd", "eur")) as fake:
        yield fake


@pytest.fixture
async def client(fake, monkeypatch):
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    async with client_of(fake) as client:
        yield client


@pytest.fixture
def shop(client, fake):
    """Create a session of one package of coins, under a key if there is one."""

    async def create(amount=999, currency="usd", key=None, **more):
        params = {
            "mode": "payment",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": currency,
                        "unit_amount": amount,
                        "product_data": {"name": "100 coins"},
                    },
                }
            ],
            "success_url": "http://127.0.0.1/back?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1/cancelled",
            "client_reference_id": "purchase-1",
            "metadata": {"purchase": "purchase-1"},
            "payment_intent_data": {"metadata": {"purchase": "purchase-1"}},
            "adaptive_pricing": {"enabled": False},
            "expires_at": int(fake.now()) + 3600,
        } | more
        options = {"idempotency_key": key} if key else {}
        return await client.v1.checkout.sessions.create_async(params, options)

    return create


@pytest.fixture
def paid(shop, fake):
    """Create a session and pay it; return the payment intent's id."""

    async def create(**more):
        session = await shop(**more)
        return fake.pay(session.id)["id"]

    return create


@pytest.fixture
def kinds(fake, received):
    """The kinds of the events that arrived, in order."""

    async def arrived():
        await fake.webhooks.wait_until_delivered()
        return [event.type for event in received[1]]

    return arrived
