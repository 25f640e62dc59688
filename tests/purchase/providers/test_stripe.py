"""What is Stripe's own: modes of keys, keys that keep an error, names of payments, refusals."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.purchase.domain.purchases import PAYABLE_FOR, Purchase, Status
from services.purchase.providers import ProviderRejected, ProviderUnavailable, Redirects
from services.purchase.providers.stripe import StripeProvider, build
from shared.vendors.installations import Installation
from tests.purchase.providers.driver import Action
from tests.purchase.providers.stripe_driver import OPERATIONS, SECRET

pytestmark = pytest.mark.parametrize("vendor", ["stripe"], indirect=True)

RETURN_URL = "https://shop.example/coins"


@pytest.fixture
def fake(vendor):
    return vendor.fake


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
