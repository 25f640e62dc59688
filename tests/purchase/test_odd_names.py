"""Names in webhooks: what a provider signed is not always something to store or to ask under."""

import pytest

from services.purchase.domain.purchases import WebhookEvent, with_usable_names
from services.purchase.providers.paypal_events import Event, webhook_event

ODD = ["\x00", "a\x00b", "a b", "x" * 1_025, "", "\u00b2", "\ud800", "\n"]


@pytest.mark.parametrize("odd", ODD)
def test_a_name_that_cannot_be_stored_is_none(odd):
    event = WebhookEvent("stripe", odd, "kind", b"\x01\x02", odd, odd)

    assert with_usable_names(event) == WebhookEvent(
        "stripe", "unnamed:0102", "kind", b"\x01\x02", None, None
    )


def test_a_name_is_as_long_as_a_token_of_a_store():
    event = WebhookEvent("google", "1", "kind", b"", "x" * 1_024, "reference")

    assert with_usable_names(event) == event


@pytest.mark.parametrize("odd", [None, True, 5, 1.5, "text", {}, [], [None], [[]], [{"rel": "up"}]])
@pytest.mark.parametrize(
    "kind", ["PAYMENT.CAPTURE.REFUNDED", "CUSTOMER.DISPUTE.CREATED", "CHECKOUT.ORDER.APPROVED"]
)
def test_an_event_of_paypal_with_odd_parts_names_no_payment(kind, odd):
    resource = {"links": odd, "id": odd, "disputed_transactions": odd, "purchase_units": odd}
    event = Event(id="WH-1", event_type=kind, resource=resource)

    read = webhook_event("paypal", event, b"")

    assert read.payment in (None, "text")
