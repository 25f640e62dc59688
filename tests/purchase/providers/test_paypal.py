"""What is PayPal's own: capture by us, waiting payments, tokens, certificates, balances."""

from decimal import Decimal

import pytest

from services.purchase.domain.contradictions import Contradiction
from services.purchase.providers import ProviderRejected, ProviderUnavailable
from services.purchase.providers.paypal import build
from shared.http.provider_client import Answer
from shared.vendors.installations import Installation
from shared.vendors.paypal import (
    AmountNotPossible,
    Money,
    NoSuchObject,
    raise_unless_done,
    to_paypal,
)
from shared.vendors.paypal_webhooks import WebhookVerifier
from tests.fakes.webhooks import Endpoint, Webhook
from tests.metrics import metric

pytestmark = pytest.mark.parametrize("vendor", ["paypal"], indirect=True)

CAPTURE = "POST /v2/checkout/orders/{id}/capture"
CERTIFICATE = "/v1/notifications/certs/CERT-1"


@pytest.fixture
def fake(vendor):
    return vendor.fake


async def test_money_is_taken_only_once_though_the_answer_is_lost(
    *, bought, vendor, fake, arrive, wait, state_of
):
    purchase = await bought()
    fake.lose_answer(operation=CAPTURE)
    vendor.hold_webhooks()
    vendor.pay(purchase)
    await wait()
    assert len(fake.captures) == 1

    await wait(minutes=31)

    assert await state_of(purchase) == "paid"
    assert len(fake.captures) == 1


async def test_an_approval_after_the_purchase_was_given_up_takes_no_money(
    *, bought, vendor, fake, arrive, wait, state_of
):
    purchase = await bought()
    vendor.hold_webhooks()
    vendor.pay(purchase)
    await wait(minutes=31)
    vendor.release_webhooks()
    await arrive()

    assert await state_of(purchase) == "expired"
    assert (fake.captures, fake.calls.count(CAPTURE)) == ({}, 0)


async def test_a_payment_that_waits_for_the_operator_is_counted(
    bought, vendor, fake, arrive, state_of
):
    kind = Contradiction.PAYMENT_WAITS.value
    before = metric("ovation_contradictions_total", kind=kind)
    purchase = await bought()
    vendor.pay_later(purchase)
    fake.hold(vendor.order(purchase).id, "RECEIVING_PREFERENCE_MANDATES_MANUAL_ACTION")
    await arrive()

    assert await state_of(purchase) == "pending"
    assert metric("ovation_contradictions_total", kind=kind) > before


async def test_a_token_that_was_revoked_is_asked_for_again(bought, vendor, fake, arrive, state_of):
    purchase = await bought()
    fake.revoke_tokens()
    vendor.pay(purchase)
    await arrive()

    assert await state_of(purchase) == "paid"


async def test_what_is_paid_out_in_another_currency_is_booked_to_the_cent(
    paid, vendor, fake, arrive, rows
):
    """What the books say is compared after each test; this one has something to compare."""
    fake.holds, fake.rates = ("EUR",), {"USD": Decimal("0.9137")}
    purchase = await paid()
    vendor.refund(purchase, 100)
    vendor.dispute(purchase, 250)
    vendor.close_dispute(purchase, won=True)
    await arrive()

    assert set(vendor.books()) == {"EUR"}


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [
        (f"https://api.paypal.com{CERTIFICATE}", True),
        (f"https://api.sandbox.paypal.com{CERTIFICATE}", True),
        (f"http://api.paypal.com{CERTIFICATE}", False),
        (f"https://paypal.com.example{CERTIFICATE}", False),
        (f"https://evilpaypal.com{CERTIFICATE}", False),
        (f"https://api.paypal.com@example.com{CERTIFICATE}", False),
        (f"https://user@api.paypal.com{CERTIFICATE}", False),
        (f"https://api.paypal.com:8443{CERTIFICATE}", False),
        ("https://api.paypal.com/other", False),
        ("https://api.paypal.com/v1/notifications/certs/../../x", False),
        (f"https://api.paypal.com{CERTIFICATE}?u=https://example.com", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_certificates_are_asked_for_at_paypal_alone(vendor, address, is_trusted):
    assert WebhookVerifier("id").is_trusted(address) is is_trusted


@pytest.mark.parametrize(
    ("signed_for", "is_taken"), [("NEW", True), ("BEFORE", True), ("NEW\nBEFORE", False)]
)
async def test_webhooks_of_either_id_are_taken_while_it_is_replaced(fake, signed_for, is_taken):
    body = b"{}"
    webhook = Webhook("1", "any", body, Endpoint("", "", id=signed_for))
    headers = {name.lower(): value for name, value in fake.sign(webhook, False).items()}
    verifier = WebhookVerifier("NEW\nBEFORE", url=fake.url)

    try:
        assert await verifier.is_signed(headers, body) is is_taken
    finally:
        await verifier.close()


@pytest.mark.parametrize(
    ("status", "content", "meaning"),
    [
        (422, b'{"name":"U","details":[{"issue":"CAPTURE_FULLY_REFUNDED"}]}', ProviderRejected),
        (400, b'{"name":"INVALID_REQUEST"}', ProviderRejected),
        (422, b'{"details":[{"issue":"REFUND_FAILED_INSUFFICIENT_FUNDS"}]}', ProviderUnavailable),
        (422, b'{"details":[{"issue":"DUPLICATE_INVOICE_ID"}]}', ProviderUnavailable),
        (422, b"<html>", ProviderUnavailable),
        (422, b"[]", ProviderUnavailable),
        (401, b'{"name":"AUTHENTICATION_FAILURE"}', ProviderUnavailable),
        (403, b'{"name":"NOT_AUTHORIZED"}', ProviderUnavailable),
        (404, b'{"name":"RESOURCE_NOT_FOUND"}', NoSuchObject),
        (409, b'{"details":[{"issue":"PREVIOUS_REQUEST_IN_PROGRESS"}]}', ProviderUnavailable),
        (429, b"", ProviderUnavailable),
        (500, b'{"name":"INTERNAL_SERVER_ERROR"}', ProviderUnavailable),
    ],
)
def test_only_a_documented_refusal_is_final(vendor, status, content, meaning):
    with pytest.raises(meaning):
        raise_unless_done(Answer("/path", status, content))


@pytest.mark.parametrize(
    ("amount_minor", "currency", "value"),
    [(999, "USD", "9.99"), (5, "EUR", "0.05"), (160, "JPY", "160"), (39_900, "HUF", "399")],
)
def test_amounts_are_written_as_paypal_does(vendor, amount_minor, currency, value):
    written = to_paypal(amount_minor, currency)
    assert written == {"currency_code": currency, "value": value}
    assert Money(**written).minor == amount_minor


@pytest.mark.parametrize(
    ("amount_minor", "currency"), [(39_901, "HUF"), (150, "TWD"), (3_050, "KWD"), (100, "KRW")]
)
def test_amounts_that_paypal_cannot_take_are_not_written(vendor, amount_minor, currency):
    with pytest.raises(AmountNotPossible):
        to_paypal(amount_minor, currency)


def test_real_money_is_asked_for_at_paypal_alone(vendor):
    options = {"client_id": "c", "url": "http://127.0.0.1:1"}
    with pytest.raises(AssertionError, match="no other url"):
        build(
            Installation(
                service="purchase",
                name="paypal",
                options=options,
                return_url="https://shop.example",
                is_live=True,
            )
        )
