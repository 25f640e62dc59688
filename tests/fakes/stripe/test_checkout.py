"""Sessions of Checkout: paid, declined, late, expired; amounts; the payer's page."""

import httpx
import pytest
import stripe

from tests.fakes.stripe import pages, vendor
from tests.fakes.stripe.amounts import Pricing
from tests.fakes.stripe.core import Refused

# The SDK hands httpx its body in an old way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


async def test_a_paid_session_has_its_intent_charge_fee_and_metadata(client, fake, shop, kinds):
    session = await shop()
    assert (session.status, session.payment_status, session.payment_intent) == (
        "open",
        "unpaid",
        None,
    )
    fake.pay(session.id)

    expand = ["payment_intent.latest_charge.balance_transaction", "line_items"]
    found = await client.v1.checkout.sessions.retrieve_async(session.id, {"expand": expand})

    charge = found.payment_intent.latest_charge
    assert (found.status, found.payment_status, found.url) == ("complete", "paid", None)
    assert charge.metadata.to_dict() == {"purchase": "purchase-1"}
    assert (charge.balance_transaction.fee, charge.balance_transaction.net) == (59, 940)
    assert found.line_items.data[0].description == "100 coins"
    assert fake.books() == {"USD": {"payments": 999, "fees": -59}}
    assert await kinds() == [
        "payment_intent.created",
        "payment_intent.succeeded",
        "charge.succeeded",
        "checkout.session.completed",
    ]


async def test_a_session_lives_at_least_thirty_minutes_of_the_vendors_clock(shop, fake):
    fake.skew(120)
    with pytest.raises(stripe.InvalidRequestError, match="at least 30 minutes"):
        await shop(expires_at=int(fake.now()) - 120 + 1800)
    with pytest.raises(stripe.InvalidRequestError, match="less than 24 hours"):
        await shop(expires_at=int(fake.now()) + 25 * 3600)


async def test_a_session_expires_when_its_time_is_over(shop, fake, client, kinds):
    session = await shop()
    fake.skew(3601)

    found = await client.v1.checkout.sessions.retrieve_async(session.id)

    assert (found.status, found.payment_status) == ("expired", "unpaid")
    assert await kinds() == ["checkout.session.expired"]


async def test_an_open_session_is_expired_by_us_and_a_paid_one_is_not(shop, fake, client, kinds):
    first, second, third = await shop(), await shop(), await shop()
    fake.pay(second.id)
    fake.abandon(third.id)

    expired = await client.v1.checkout.sessions.expire_async(first.id)

    assert expired.status == "expired"
    for session in (second, third):
        with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
            await client.v1.checkout.sessions.expire_async(session.id)
    assert (await kinds())[-1] == "checkout.session.expired"


async def test_a_declined_card_leaves_the_session_open(shop, fake, client, kinds):
    session = await shop()

    declined = fake.decline(session.id, "insufficient_funds")
    paid = fake.pay(session.id)

    assert declined["id"] == paid["id"]
    charges = await client.v1.charges.list_async({"payment_intent": paid["id"]})
    assert [charge.status for charge in charges.data] == ["succeeded", "failed"]
    assert "payment_intent.payment_failed" in await kinds()
    assert fake.books() == {"USD": {"payments": 999, "fees": -59}}


async def test_a_late_method_is_complete_and_unpaid_until_the_money_is_there(
    shop, fake, client, kinds
):
    session = await shop(currency="eur")
    fake.pay_later(session.id)

    found = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert (found.status, found.payment_status) == ("complete", "unpaid")
    assert fake.books() == {}
    fake.clear(session.id)

    found = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert (found.status, found.payment_status) == ("complete", "paid")
    assert fake.books() == {"EUR": {"payments": 999, "fees": -59}}
    assert (await kinds())[-1] == "checkout.session.async_payment_succeeded"


async def test_a_late_method_that_bounces_can_neither_be_paid_nor_expired(
    shop, fake, client, kinds
):
    session = await shop()
    fake.pay_later(session.id)
    fake.bounce(session.id)

    found = await client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["payment_intent"]}
    )
    assert (found.status, found.payment_status) == ("complete", "unpaid")
    assert found.payment_intent.status == "requires_payment_method"
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.checkout.sessions.expire_async(session.id)
    assert (await kinds())[-1] == "checkout.session.async_payment_failed"


async def test_another_currency_is_converted_with_a_rate_and_a_fee(client, fake, paid):
    intent = await paid(amount=1600, currency="jpy")

    charge = fake.charge_of(intent)
    booked = await client.v1.balance_transactions.retrieve_async(charge["balance_transaction"])

    assert (booked.currency, booked.amount, booked.exchange_rate) == ("usd", 1064, 0.665)
    assert booked.fee == round(1064 * 0.039) + 30
    assert fake.charged() == {"JPY": {"payments": 1600}}
    assert fake.books()["USD"]["payments"] == 1064


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "usd", "amount_too_small"),
        (100_000_000, "usd", "amount_too_large"),
        (160, "jpy", None),
        (3055, "kwd", "parameter_invalid_integer"),
        (3050, "kwd", None),
        (99_950, "isk", "parameter_invalid_integer"),
        (99_900, "isk", None),
        (9999, "mga", None),
    ],
)
async def test_amounts_are_of_stripes_exponents(shop, fake, amount, currency, code):
    if code:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await shop(amount=amount, currency=currency)
        assert refused.value.code == code
    else:
        assert (await shop(amount=amount, currency=currency)).amount_total == amount


async def test_a_currency_that_does_not_exist_is_refused(shop, fake):
    with pytest.raises(stripe.InvalidRequestError):
        await shop(currency="xag")

    assert [violation.field for violation in fake.take_violations()] == [
        "line_items.0.price_data.currency"
    ]


async def test_a_browser_pays_declines_and_goes_back(fake, shop):
    session = await shop()
    async with httpx.AsyncClient() as browser:
        page = await browser.get(session.url)
        assert "9.99 USD" in page.text
        assert "Practice" in page.text
        for card, said in (
            (pages.DECLINED_CARD, "declined. Try another one"),
            ("4242 4242 4242 4241", "card number is invalid"),
        ):
            tried = await browser.post(session.url, data={"card": card, "choice": "pay"})
            assert said in tried.text
        cancelled = await browser.post(session.url, data={"choice": "cancel"})
        assert cancelled.headers["location"] == "http://127.0.0.1/cancelled"
        paid = await browser.post(session.url, data={"method": "card", "choice": "pay"})
        assert paid.status_code == 303
        assert paid.headers["location"] == f"http://127.0.0.1/back?session={session.id}"
        assert "complete" in (await browser.get(session.url)).text
        again = await browser.post(session.url, data={"method": "card", "choice": "pay"})
        assert again.status_code == 409
        assert (await browser.get(f"{fake.url}/c/pay/cs_none")).status_code == 404


@pytest.mark.parametrize("authentication", ["complete", "fail"])
async def test_a_card_that_asks_its_owner_is_charged_once_it_was_answered(
    fake, shop, authentication
):
    session = await shop()
    async with httpx.AsyncClient() as browser:
        asked = await browser.post(session.url, data={"card": pages.AUTHENTICATED_CARD})
        assert fake.session(session.id)["payment_intent"] is None
        assert "Complete authentication" in asked.text
        answered = {"choice": "authenticate", "authentication": authentication}
        answer = await browser.post(session.url, data=answered)

    is_paid = authentication == "complete"
    assert answer.status_code == (303 if is_paid else 200)
    assert fake.session(session.id)["payment_status"] == ("paid" if is_paid else "unpaid")


async def test_the_card_for_it_is_disputed(fake, shop, monkeypatch):
    monkeypatch.setattr(vendor, "DISPUTE_SECONDS", 0)
    session = await shop()
    async with httpx.AsyncClient() as browser:
        paid = await browser.post(session.url, data={"card": pages.DISPUTED_CARD})

    assert paid.status_code == 303
    assert len(fake.all("dispute")) == 1


async def test_the_price_of_a_payment_is_a_setting(fake, paid):
    fake.pricing = Pricing(rate_bps=150, fixed_minor=25)
    await paid(amount=2000)

    assert fake.books() == {"USD": {"payments": 2000, "fees": -55}}


async def test_a_buyer_pays_another_currency_unless_the_session_forbids_it(client, fake, shop):
    session = await shop(adaptive_pricing={"enabled": True})
    fake.pay(session.id, buyer_currency="jpy")

    found = await client.v1.checkout.sessions.retrieve_async(session.id)

    assert (found.amount_total, found.currency) == (999, "usd")
    assert found.presentment_details.to_dict() == {
        "presentment_amount": 1502,
        "presentment_currency": "jpy",
    }
    with pytest.raises(Refused):
        fake.pay((await shop()).id, buyer_currency="jpy")
