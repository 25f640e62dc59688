"""What is Stripe's own: modes, releases, thin events, keys that keep an error, late balances."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import stripe

from services.purchase.domain.purchases import PAYABLE_FOR, Purchase, Status
from services.purchase.providers import ProviderRejected, ProviderUnavailable, Redirects
from services.purchase.providers.stripe import StripeProvider, build
from shared.vendors.installations import Installation
from tests.metrics import metric
from tests.purchase.providers.driver import Action
from tests.purchase.providers.stripe_driver import OPERATIONS, SECRET

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


def a_purchase(**about):
    now = datetime.now(UTC)
    known = {
        "viewer": "mira",
        "id": uuid4(),
        "package": "coins_100",
        "coins": 100,
        "bonus_coins": 0,
        "amount_minor": 999,
        "currency": "USD",
        "channel": "web",
        "country": None,
        "provider": "stripe",
        "correlation_id": "story",
        "created_at": now,
        "expires_at": now + PAYABLE_FOR,
    }
    return Purchase(**known | about)


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


def test_a_key_of_the_other_mode_stops_the_service(vendor, monkeypatch):
    monkeypatch.setenv("PURCHASE_STRIPE_EU_WEBHOOK_SECRET", SECRET)
    installation = Installation(
        service="purchase", name="stripe-eu", options={}, return_url=RETURN_URL, is_live=True
    )
    monkeypatch.setenv("PURCHASE_STRIPE_EU_API_KEY", "sk_live_1")
    assert isinstance(build(installation), Redirects)

    for key, is_live in (("sk_test_1", True), ("rk_live_1", False), ("pk_live_1", True)):
        monkeypatch.setenv("PURCHASE_STRIPE_EU_API_KEY", key)
        with pytest.raises(AssertionError):
            build(replace(installation, is_live=is_live))


def test_real_money_is_asked_of_stripe_alone(vendor, monkeypatch):
    monkeypatch.setenv("PURCHASE_STRIPE_API_KEY", "sk_live_1")
    monkeypatch.setenv("PURCHASE_STRIPE_WEBHOOK_SECRET", SECRET)
    options = {"url": "http://127.0.0.1:9"}

    with pytest.raises(AssertionError, match="no other url"):
        build(
            Installation(service="purchase", name="stripe", options=options, return_url=RETURN_URL)
        )
    with pytest.raises(AssertionError, match="send viewers back to"):
        build(Installation(service="purchase", name="stripe", options={}))


async def test_stripe_learns_nothing_of_the_viewer(bought, fake):
    purchase = await bought()
    (session,) = fake.all("checkout.session")

    assert "mira" not in json.dumps(session)
    assert session["metadata"] == session["_intent"]["metadata"] == {"purchase": purchase}
    assert session["success_url"].endswith(f"?from=stripe&purchase={purchase}")
    assert session["adaptive_pricing"] == {"enabled": False}


async def test_a_session_whose_key_keeps_an_error_is_found_by_its_time(
    buy, fake, wait, read, vendor
):
    fake.fail(500, operation=OPERATIONS[Action.CREATE], is_done=True)
    purchase = (await buy()).json()["purchase"]

    await wait()

    assert (await read(purchase))["next_action"]["url"]
    assert vendor.payments_of(purchase) == 1


async def test_a_session_is_found_by_its_time_when_its_key_is_forgotten(fake, vendor):
    fake.skew(-24 * 3600)
    purchase = a_purchase(created_at=datetime.now(UTC) - timedelta(hours=24))
    made = await vendor.provider.create(purchase)
    others = [replace(purchase, id=uuid4()) for _ in range(3)]
    for other in others:
        await vendor.provider.create(other)
    fake.skew(0)

    found = await vendor.provider.find(purchase)

    assert (found.id, found.status) == (made.id, Status.CANCELLED)
    assert await vendor.provider.find(replace(purchase, id=uuid4())) is None
    assert vendor.payments_of(str(purchase.id)) == 1


async def test_a_look_for_a_session_that_was_never_made_makes_none(fake, vendor):
    created_at = datetime.now(UTC) - timedelta(minutes=31)

    assert await vendor.provider.find(a_purchase(created_at=created_at)) is None

    assert fake.all("checkout.session") == []


async def test_a_repeated_answer_does_not_hide_what_became_of_a_session(fake, vendor):
    purchase = a_purchase()
    made = await vendor.provider.create(purchase)
    fake.pay(made.id)

    again = await vendor.provider.create(purchase)

    assert (again.id, again.status) == (made.id, Status.SUCCEEDED)
    assert (await vendor.provider.find(purchase)).status is Status.SUCCEEDED
    assert (await vendor.provider.cancel(made)).status is Status.SUCCEEDED
    fake.lines.clear()


@pytest.mark.parametrize("minutes", [-40, 25])
async def test_stripes_clock_may_differ_from_ours(buy, fake, minutes):
    fake.skew(minutes * 60)

    assert (await buy()).json()["next_action"]["url"]


async def test_a_payment_is_read_by_each_of_its_names(fake, vendor, paid):
    await paid()
    (session,) = fake.all("checkout.session")
    intent = session["payment_intent"]
    charge = fake.charge_of(intent)["id"]

    for name in (session["id"], intent, charge):
        found = await vendor.provider.read(name)
        assert (found.id, found.names) == (session["id"], (intent, charge))
    for name in ("cs_unknown", "pi_unknown", "ch_unknown", "re_1", "anything"):
        assert await vendor.provider.read(name) is None


@pytest.mark.parametrize(
    ("amount", "currency", "reason"),
    [(10, "USD", "amount_too_small"), (100_000_000, "USD", "amount_too_large")],
)
async def test_an_amount_that_stripe_does_not_take_is_refused(vendor, amount, currency, reason):
    with pytest.raises(ProviderRejected) as refused:
        await vendor.provider.create(a_purchase(amount_minor=amount, currency=currency))

    assert refused.value.reason == reason


async def test_a_refund_of_a_disputed_charge_is_refused(fake, vendor, paid):
    purchase = await paid()
    vendor.hold_webhooks()
    vendor.dispute(purchase)
    (session,) = fake.all("checkout.session")

    with pytest.raises(ProviderRejected) as refused:
        await vendor.provider.refund(session["id"], uuid4(), amount_minor=499)

    assert refused.value.reason == "charge_disputed"


@pytest.mark.parametrize("status", [401, 403, 404, 409, 429, 500, 502])
async def test_only_a_final_no_of_stripe_is_one(fake, vendor, paid, status):
    await paid()
    (session,) = fake.all("checkout.session")
    fake.fail(status, operation=OPERATIONS[Action.REFUND])

    with pytest.raises(ProviderUnavailable):
        await vendor.provider.refund(session["id"], uuid4(), amount_minor=499)


async def test_an_answer_that_never_comes_has_an_end(fake):
    provider = StripeProvider(
        name="stripe",
        api_key=fake.api_key,
        webhook_secret=SECRET,
        return_url=RETURN_URL,
        url=fake.url,
        answer_seconds_max=0.2,
    )
    fake.stall(1, operation=OPERATIONS[Action.CREATE])

    with pytest.raises(ProviderUnavailable):
        await provider.create(a_purchase())
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


async def test_a_prevented_dispute_that_is_paid_by_a_refund_counts_once(
    paid, fake, vendor, arrive, event_names, rows
):
    await paid()
    (session,) = fake.all("checkout.session")
    fake.refund_by_dashboard(session["payment_intent"])
    fake.prevent(session["payment_intent"], is_withdrawn=False)
    await arrive()

    assert sorted(await event_names()) == ["dispute_closed", "disputed", "risk_flagged"]
    assert await rows("SELECT amount_minor FROM disputes") == [{"amount_minor": 499}]


async def test_a_dispute_before_our_first_look_at_the_payment_is_followed(
    bought, fake, vendor, arrive, wait, event_names
):
    """All webhooks of the payment are lost; those of the dispute name what we do not know yet."""
    purchase = await bought()
    vendor.lose_webhooks(20)
    vendor.pay(purchase)
    fake.webhooks.lose(-fake.webhooks._lost)  # noqa: SLF001
    vendor.dispute(purchase)
    await arrive()
    assert await event_names() == []

    await wait()
    await wait()

    assert await event_names() == ["disputed"]


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


async def test_money_that_goes_back_in_another_currency_than_it_came_in_is_exact_in_both(
    paid, vendor, arrive, held
):
    vendor.pay_out_in("EUR")
    purchase = await paid()
    vendor.pay_out_in("JPY")

    vendor.refund(purchase, 100)
    vendor.dispute(purchase, 300)
    await arrive()

    assert sorted(await held()) == ["EUR", "JPY"]
