"""
PayPal's webhook events: what of them is read, and which payment each is about.

What an event says of money is not read. A capture's order is above it, a refund's capture; a
dispute names the capture.
"""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from services.purchase.domain.purchases import WebhookEvent
from services.purchase.providers.answers import text_of
from services.purchase.providers.paypal_answers import Id, Link

# What can change an answer of `read`.
EVENTS = (
    "CHECKOUT.ORDER.APPROVED",
    "CHECKOUT.ORDER.COMPLETED",
    "PAYMENT.CAPTURE.COMPLETED",
    "PAYMENT.CAPTURE.DECLINED",
    "PAYMENT.CAPTURE.DENIED",
    "PAYMENT.CAPTURE.PENDING",
    "PAYMENT.CAPTURE.REFUNDED",
    "PAYMENT.CAPTURE.REVERSED",
    "PAYMENT.REFUND.PENDING",
    "PAYMENT.REFUND.FAILED",
    "CUSTOMER.DISPUTE.CREATED",
    "CUSTOMER.DISPUTE.UPDATED",
    "CUSTOMER.DISPUTE.RESOLVED",
)


class Event(BaseModel):
    """A webhook event: what happened, and the object that it happened to."""

    id: Id
    event_type: Annotated[str, Field(max_length=128, pattern=r"^[\x21-\x7e]+$")]
    resource: dict[str, Any] = {}


class Events(BaseModel):
    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()


def webhook_event(provider: str, event: Event, payload_hash: bytes) -> WebhookEvent:
    """Return what is kept of an event; one that changes no answer is kept, and not followed."""
    is_followed = event.event_type in EVENTS
    return WebhookEvent(
        provider=provider,
        webhook_id=event.id,
        kind=event.event_type,
        payload_hash=payload_hash,
        payment=_name_in(event) if is_followed else None,
        reference=_reference_in(event) if is_followed else None,
    )


def _name_in(event: Event) -> str | None:
    """Return the name of the payment that an event is about."""
    about, kind = event.resource, event.event_type
    if kind.startswith("CHECKOUT.ORDER."):
        return text_of(about.get("id"))
    if kind.startswith("CUSTOMER.DISPUTE."):
        return text_of(_first(about.get("disputed_transactions")).get("seller_transaction_id"))
    above = [
        str(link.get("href", "")).rstrip("/").rpartition("/")[2]
        for link in _listed(about.get("links"))
        if isinstance(link, dict) and link.get("rel") == "up"
    ]
    if above:
        # Of a capture its order is above it, of a refund its capture.
        return text_of(above[0])
    return text_of(about.get("id")) if kind != "PAYMENT.CAPTURE.REFUNDED" else None


def _reference_in(event: Event) -> str | None:
    """Return our own reference: a refund has its own, and not that of its purchase."""
    about, kind = event.resource, event.event_type
    if kind.startswith("CHECKOUT.ORDER."):
        return text_of(_first(about.get("purchase_units")).get("custom_id"))
    if kind.startswith("CUSTOMER.DISPUTE."):
        return text_of(_first(about.get("disputed_transactions")).get("custom"))
    if kind.startswith("PAYMENT.REFUND.") or "seller_payable_breakdown" in about:
        return None
    return text_of(about.get("custom_id"))


def _first(value: object) -> dict[str, Any]:
    found = next(iter(_listed(value)), None)
    return found if isinstance(found, dict) else {}


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
