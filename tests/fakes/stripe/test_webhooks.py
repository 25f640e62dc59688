"""Webhooks and events of the fake of Stripe."""

import pytest
import stripe
from aiohttp import web

from tests.fakes.stripe.client import SECRET
from tests.fakes.stripe.contract import event_types

# The SDK hands httpx its body in an old way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


async def test_an_unknown_event_fails_the_test(fake, shop):
    session = await shop()
    fake.emit("checkout.session.payed", fake.session(session.id))

    assert any("no such event" in str(each) for each in fake.take_violations())
    assert "checkout.session.completed" in event_types()


async def test_events_that_were_never_received_are_listed(client, fake, paid, kinds):
    before = int(fake.now())
    fake.lose_webhooks(2)
    intent = await paid()
    await kinds()

    missed = await client.v1.events.list_async(
        {"delivery_success": False, "created": {"gte": before}}
    )

    assert [event.type for event in missed.data] == [
        "payment_intent.succeeded",
        "payment_intent.created",
    ]
    assert missed.data[0].data.object.id == intent
    later = await client.v1.events.list_async(
        {"delivery_success": False, "created": {"gte": before + 60}}
    )
    assert later.data == []


async def test_an_endpoint_gets_the_events_it_asked_for_signed_with_its_secret(
    client, fake, received, shop
):
    arrived: list[stripe.Event] = []
    made = None

    async def receive(request: web.Request) -> web.Response:
        header = request.headers["stripe-signature"]
        arrived.append(stripe.Webhook.construct_event(await request.read(), header, made.secret))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made = await client.v1.webhook_endpoints.create_async(
        {
            "url": f"http://127.0.0.1:{runner.addresses[0][1]}/",
            "enabled_events": ["checkout.session.completed"],
            "api_version": "2026-08-26.dahlia",
        }
    )
    fake.pay((await shop()).id)
    await fake.webhooks.wait_until_delivered()

    assert [event.type for event in arrived] == ["checkout.session.completed"]
    listed = await client.v1.webhook_endpoints.list_async()
    assert [endpoint.id for endpoint in listed.data] == [made.id]
    await client.v1.webhook_endpoints.delete_async(made.id)
    fake.pay((await shop()).id)
    await fake.webhooks.wait_until_delivered()
    assert len(arrived) == 1
    await runner.cleanup()


async def test_forged_and_old_webhooks_are_refused_by_the_sdk(fake, paid, received):
    await paid()
    await fake.webhooks.wait_until_delivered()

    assert await fake.forge() == 400
    fake.skew(-600)
    webhook = fake.sent[-1]
    header = fake.sign(webhook, is_forged=False)["stripe-signature"]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(webhook.body, header, SECRET)


async def test_a_signature_is_what_the_sdk_would_write(fake, paid):
    await paid()
    webhook = fake.sent[-1]
    header = fake.sign(webhook, is_forged=False)["stripe-signature"]
    at = int(header.split(",")[0].removeprefix("t="))

    expected = stripe.WebhookSignature.generate_signature_header(
        webhook.body.decode(), SECRET, timestamp=at
    )

    assert header == expected
