"""Stripe's events, from a webhook or its list: which payment to ask about, and nothing more."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import structlog
from pydantic import ValidationError

from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.purchases import WebhookEvent
from services.purchase.providers.answers import text_of
from shared.observability.metrics import CONTRADICTIONS
from shared.vendors.stripe import RELEASE
from shared.vendors.stripe_objects import Event

log = structlog.get_logger()

# What can change an answer of `read`. Others say the same again, before or after one of these.
EVENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.updated",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "radar.early_fraud_warning.created",
    "radar.early_fraud_warning.updated",
)


class StripeEvents:
    """Reads the events of one account, in its live mode or in its test mode."""

    def __init__(self, provider: str, *, is_live: bool) -> None:
        self._provider = provider
        self._is_live = is_live

    def read(self, body: bytes) -> WebhookEvent:
        """Read what Stripe signed, and so is stored; if it is unreadable, nothing can be polled."""
        payload_hash = hashlib.sha256(body).digest()
        try:
            event = Event.model_validate_json(body)
        except ValidationError:
            return WebhookEvent(
                provider=self._provider,
                webhook_id=f"unreadable:{payload_hash.hex()}",
                kind="unreadable",
                payload_hash=payload_hash,
                payment=None,
                reference=None,
            )
        return self.webhook_event(event, payload_hash)

    def webhook_event(self, event: Event, payload_hash: bytes | None = None) -> WebhookEvent:
        """Return an event as it is stored; one out of a list has no bytes that were signed."""
        written = json.dumps(event.data, sort_keys=True).encode()
        is_ours = self._is_ours(event)
        about = event.about
        metadata = about.get("metadata")
        reference = text_of(metadata.get("purchase")) if isinstance(metadata, dict) else None
        return WebhookEvent(
            provider=self._provider,
            webhook_id=event.id,
            kind=event.type,
            payload_hash=payload_hash or hashlib.sha256(written).digest(),
            payment=_name_in(about) if is_ours and event.type in EVENTS else None,
            reference=reference if is_ours else None,
        )

    def _is_ours(self, event: Event) -> bool:
        """Whether an event is of our account and mode; report one of another mode or release."""
        if event.livemode is not self._is_live:
            self._report(event, Contradiction.WEBHOOK_MODE)
            return False
        if event.data is not None and event.release != RELEASE:
            # What it says of money is not read, so it is followed all the same.
            self._report(event, Contradiction.WEBHOOK_RELEASE)
        return event.account is None

    def _report(self, event: Event, contradiction: Contradiction) -> None:
        log.error(
            "stripe.event_contradicted",
            kind=contradiction.value,
            provider=self._provider,
            webhook_id=event.id,
            api_version=event.api_version,
            livemode=event.livemode,
        )
        CONTRADICTIONS.labels(contradiction.value).inc()


def _name_in(about: Mapping[str, Any]) -> str | None:
    """Return the name of the payment that an object is, or belongs to."""
    if about.get("object") in ("checkout.session", "payment_intent"):
        return text_of(about.get("id"))
    charge = about.get("id") if about.get("object") == "charge" else about.get("charge")
    return text_of(about.get("payment_intent")) or text_of(charge)
