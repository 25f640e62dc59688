"""Events of Stripe: modes, releases, thin ones, what they leave unsaid, and those we missed."""

import json

import pytest
import stripe

from services.purchase.providers.stripe import StripeProvider
from tests.metrics import metric
from tests.purchase.providers.stripe_driver import SECRET

pytestmark = pytest.mark.parametrize("vendor", ["stripe"], indirect=True)

RETURN_URL = "https://shop.example/coins"


@pytest.fixture
def fake(vendor):
    return vendor.fake


@pytest.fixture
def send(deliver):
    """Send an event, signed by Stripe; what is said of it replaces what the fake would say."""

    async def send_one(body, **about):
        written = body if isinstance(body, str) else json.dumps(body | about)
        header = stripe.WebhookSignature.generate_signature_header(written, SECRET)
        return await deliver({"stripe-signature": header}, written.encode(), name="stripe")

    return send_one


@pytest.fixture
def completed(bought, vendor, fake):
    """Pay a purchase whose webhooks are held; return it and its `checkout.session.completed`."""

    async def pay_quietly():
        purchase = await bought()
        vendor.hold_webhooks()
        vendor.pay(purchase)
        return purchase, json.loads(fake.sent[-1].body)

    return pay_quietly


async def test_an_event_of_the_other_mode_is_stored_and_not_acted_on(
    completed, send, state_of, rows
):
    purchase, event = await completed()
    before = metric("ovation_contradictions_total", kind="webhook-mode")

    assert (await send(event, livemode=True)).status_code == 200

    assert await state_of(purchase) == "pending"
    assert metric("ovation_contradictions_total", kind="webhook-mode") == before + 1
    assert len(await rows("SELECT kind FROM webhook_events")) == 1


async def test_an_event_of_another_release_is_counted_and_acted_on(completed, send, state_of):
    purchase, event = await completed()
    before = metric("ovation_contradictions_total", kind="webhook-release")

    await send(event, api_version="2027-01-01.endive")

    assert await state_of(purchase) == "paid"
    assert metric("ovation_contradictions_total", kind="webhook-release") == before + 1


async def test_an_event_of_a_connected_account_is_stored_and_not_acted_on(
    completed, send, state_of, rows
):
    purchase, event = await completed()

    await send(event, account="acct_another")

    assert await state_of(purchase) == "pending"
    assert len(await rows("SELECT kind FROM webhook_events")) == 1


async def test_a_thin_event_is_stored_and_says_nothing(send, rows):
    thin = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v2.core.account.updated",
        "livemode": False,
        "created": "2026-11-29T00:00:00.000Z",
        "related_object": {"id": "acct_1", "type": "v2.core.account", "url": "/v2/core/accounts/1"},
    }

    assert (await send(thin)).status_code == 200

    assert await rows("SELECT kind, payment, next_check_at FROM webhook_events") == [
        {"kind": "v2.core.account.updated", "payment": None, "next_check_at": None}
    ]


@pytest.mark.parametrize("body", ["[]", "null", '{"id": 7}', "not JSON", '{"data": {"object": 1}}'])
async def test_what_is_signed_and_unreadable_is_stored_once(send, rows, body):
    for _ in range(2):
        assert (await send(body)).status_code == 200

    assert await rows("SELECT kind, payment FROM webhook_events") == [
        {"kind": "unreadable", "payment": None}
    ]


async def test_bytes_that_are_no_text_are_refused(deliver):
    header = stripe.WebhookSignature.generate_signature_header("{}", SECRET)

    for headers in ({"stripe-signature": header}, {"stripe-signature": "t=x,v1=y"}, {}):
        answer = await deliver(headers, b"\xff\xfe", name="stripe")
        assert answer.status_code == 401


async def test_both_secrets_are_good_while_one_is_replaced(fake):
    provider = StripeProvider(
        name="stripe",
        api_key=fake.api_key,
        webhook_secret="whsec_new\nwhsec_old",
        return_url=RETURN_URL,
        url=fake.url,
    )
    body = json.dumps(
        {"id": "evt_1", "object": "event", "type": "charge.updated", "livemode": False}
    )
    for secret in ("whsec_new", "whsec_old"):
        header = stripe.WebhookSignature.generate_signature_header(body, secret)
        (event,) = await provider.parse_webhook({"stripe-signature": header}, body.encode())
        assert event.webhook_id == "evt_1"
    await provider.close()


async def test_a_balance_that_stripe_knows_later_is_booked_then(
    completed, fake, vendor, arrive, held, state_of
):
    """Stripe captures later than it answers: for some moments a charge has no balance."""
    purchase, _ = await completed()
    (charge,) = fake.all("charge")
    known, charge["balance_transaction"] = charge["balance_transaction"], None
    vendor.release_webhooks()
    await arrive()
    assert await state_of(purchase) == "paid"
    assert await held() == {"USD": (99, 0)}

    charge["balance_transaction"] = known
    fake.emit("charge.updated", charge, {"balance_transaction": None})
    await arrive()

    assert await held() == vendor.books()


async def test_more_missed_events_than_a_page_has_are_all_found(
    paid, fake, vendor, arrive, backfill
):
    await paid()
    (charge,) = fake.all("charge")
    vendor.lose_webhooks(130)
    for at in range(130):
        fake.emit("charge.updated", charge, {"description": str(at)})

    assert await backfill() == 130


async def test_a_long_list_of_missed_events_is_read_to_its_end(
    *, paid, fake, vendor, arrive, backfill, monkeypatch
):
    await paid()
    (charge,) = fake.all("charge")
    vendor.lose_webhooks(130)
    for at in range(130):
        fake.emit("charge.updated", charge, {"description": str(at)})
    monkeypatch.setattr("services.purchase.providers.stripe.PAGES_MAX", 1)

    assert await backfill() == 130
