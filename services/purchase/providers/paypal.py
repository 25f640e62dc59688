"""
PayPal's Orders v2 as a payment provider: the viewer approves an order, and we take its money.

A payment is an order, and its id is the payment's for ever; captures are names of it. Money moves
only when we capture, so a purchase that is given up is simply not captured. A webhook is a reason
to ask, and nothing more.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import structlog
from pydantic import ValidationError

from services.purchase.domain.purchases import (
    AcceptedRefund,
    BadSignature,
    Payment,
    Purchase,
    Status,
    WebhookEvent,
)
from services.purchase.providers.answers import return_address, stamped
from services.purchase.providers.paypal_answers import (
    Capture,
    Disputes,
    Order,
    PayPalDispute,
    Refund,
    payment_of,
)
from services.purchase.providers.paypal_events import EVENTS, Event, Events, webhook_event
from shared.http.provider_client import ProviderRejected, ProviderUnavailable, read_answer
from shared.vendors.installations import Installation
from shared.vendors.paypal import (
    AmountNotPossible,
    NoSuchObject,
    PayPalClient,
    to_paypal,
    url_of,
)
from shared.vendors.paypal_webhooks import SIGNATURE_HEADERS, WebhookVerifier

log = structlog.get_logger()

# How long PayPal remembers the request ids of refunds, and of orders: a little less than it says.
REMEMBERS_REFUNDS_FOR = timedelta(days=44)
REMEMBERS_ORDERS_FOR = timedelta(hours=5)
# PayPal lists events of 30 days; a little less, for its clock.
LISTS_EVENTS_FOR = timedelta(days=30) - timedelta(minutes=1)
# An order that is older than this when it is answered was created by a request before.
JUST_NOW = timedelta(seconds=10)
DISPUTES_MAX, EVENTS_MAX = 50, 100


class PayPalProvider:
    """A client of one PayPal account, with real money or in PayPal's sandbox."""

    remembers_keys_for = REMEMBERS_REFUNDS_FOR
    lists_events_for = LISTS_EVENTS_FOR
    webhook_headers = SIGNATURE_HEADERS

    def __init__(
        self,
        *,
        name: str,
        client_id: str,
        client_secret: str,
        webhook_id: str,
        return_url: str,
        url: str,
        certificates_url: str | None = None,
    ) -> None:
        self.name = name
        self._return_url = return_url
        self._verifier = WebhookVerifier(webhook_id, url=certificates_url)
        self._api = PayPalClient(url=url, client_id=client_id, client_secret=client_secret)

    async def create(self, purchase: Purchase) -> Payment:
        asked_at = datetime.now(UTC)
        order = await self._create(purchase)
        is_repeated = order.create_time < asked_at - JUST_NOW
        # A repeated answer says what the order was when it was created.
        if is_repeated and (now := await self.read(order.id)) is not None:
            return now
        return stamped(_payment_of(order), asked_at)

    async def read(self, payment: str) -> Payment | None:
        asked_at = datetime.now(UTC)
        try:
            order = await self._order_of(payment)
        except NoSuchObject:
            return None
        if order is None:
            return None
        capture = order.capture
        disputes: tuple[PayPalDispute, ...] = ()
        if capture is not None and capture.has_come:
            disputes = await self._disputes_of(capture.id)
        return stamped(_payment_of(order, disputes), asked_at)

    async def find(self, purchase: Purchase) -> Payment | None:
        """
        Ask again under the same id, which says for certain what became of the first request.

        Creating an order moves no money. PayPal deletes an order that is not approved within three
        hours, but still repeats its first answer: then the payment is over.
        """
        asked_at = datetime.now(UTC)
        if asked_at >= purchase.created_at + REMEMBERS_ORDERS_FOR:
            return None
        try:
            order = await self._create(purchase)
        except ProviderRejected:
            return None
        if (now := await self.read(order.id)) is not None:
            return now
        return stamped(replace(_payment_of(order), status=Status.CANCELLED), asked_at)

    async def capture(self, payment: Payment) -> Payment:
        """
        Take the money: an order is captured once, under any request id.

        The id is another one after the payer approved again: a refusal may be kept under it.
        """
        asked_at = datetime.now(UTC)
        order = await self._order_of(payment.id)
        if order is not None and order.status == "APPROVED":
            approved_at = int((order.update_time or order.create_time).timestamp())
            try:
                answer = await self._api.request(
                    "POST",
                    f"/v2/checkout/orders/{quote(order.id, safe='')}/capture",
                    body={},
                    request_id=f"capture:{payment.reference}:{approved_at}",
                )
            except ProviderRejected as rejected:
                # The payer may choose another way to pay, or it was captured in this moment.
                log.info("paypal.not_captured", payment=order.id, reason=rejected.reason)
            else:
                # A repeated answer is older than this moment, and may be out of date.
                captured = read_answer(Order, answer)
                if order.id == captured.id and captured.capture is not None:
                    return stamped(_payment_of(captured), asked_at)
        return await self._now(payment.id)

    async def cancel(self, payment: Payment) -> Payment:
        """Do not capture it: PayPal has nothing to be cancelled, and forgets it by itself."""
        now = await self._now(payment.id)
        if now.status in (Status.OPEN, Status.FAILED):
            return replace(now, status=Status.CANCELLED, is_approved=False)
        return now

    async def refund(self, payment: str, refund: UUID, *, amount_minor: int) -> AcceptedRefund:
        order = await self._order_of(payment)
        capture = order.capture if order is not None else None
        if capture is None or not capture.has_come:
            raise ProviderRejected("not-paid")
        answer = await self._api.request(
            "POST",
            f"/v2/payments/captures/{quote(capture.id, safe='')}/refund",
            body={
                "amount": _amount(amount_minor, capture.amount.currency_code),
                # Both are listed with the refund; an invoice is refunded once, for ever.
                "custom_id": str(refund),
                "invoice_id": str(refund),
            },
            request_id=str(refund),
        )
        made = read_answer(Refund, answer)
        return AcceptedRefund(made.id, made.known_status)

    async def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> tuple[WebhookEvent, ...]:
        try:
            is_signed = await self._verifier.is_signed(headers, body)
        except ProviderUnavailable as error:
            log.warning("paypal.certificate_unavailable", error=str(error)[:200])
            raise BadSignature from error
        if not is_signed:
            raise BadSignature
        return await self.read_webhook(headers, body)

    async def read_webhook(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - all of it is in the body
        body: bytes,
    ) -> tuple[WebhookEvent, ...]:
        payload_hash = hashlib.sha256(body).digest()
        try:
            event = Event.model_validate_json(body)
        except ValidationError:
            # Signed, so it is stored; but there is nothing that could be polled.
            event = Event(id=f"unreadable:{payload_hash.hex()}", event_type="unreadable")
        return (webhook_event(self.name, event, payload_hash),)

    async def missed(self, since: datetime, until: datetime) -> AsyncIterator[WebhookEvent]:
        async for event in self._events(since, until):
            if event.event_type in EVENTS:
                written = json.dumps(event.resource, sort_keys=True).encode()
                yield webhook_event(self.name, event, hashlib.sha256(written).digest())

    async def close(self) -> None:
        await self._api.close()
        await self._verifier.close()

    async def _create(self, purchase: Purchase) -> Order:
        back = return_address(self._return_url, purchase.id)
        answer = await self._api.request(
            "POST",
            "/v2/checkout/orders",
            body={
                "intent": "CAPTURE",
                "purchase_units": [
                    {
                        "amount": _amount(purchase.amount_minor, purchase.currency),
                        "custom_id": str(purchase.id),
                        # An invoice is paid once, also if it had two orders.
                        "invoice_id": str(purchase.id),
                        "description": f"{purchase.all_coins} coins",
                    }
                ],
                "payment_source": {
                    "paypal": {
                        "experience_context": {
                            "return_url": back,
                            "cancel_url": back,
                            "user_action": "PAY_NOW",
                            "shipping_preference": "NO_SHIPPING",
                        }
                    }
                },
            },
            request_id=str(purchase.id),
        )
        return read_answer(Order, answer)

    async def _order_of(self, name: str) -> Order | None:
        """Return the order of this id, or the one that a capture of this id is of."""
        try:
            return read_answer(
                Order, await self._looked(f"/v2/checkout/orders/{quote(name, safe='')}")
            )
        except NoSuchObject:
            answer = await self._looked(f"/v2/payments/captures/{quote(name, safe='')}")
        order = read_answer(Capture, answer).supplementary_data.related_ids.order_id
        # A capture without an order is none of ours.
        if order is None:
            return None
        return read_answer(
            Order, await self._looked(f"/v2/checkout/orders/{quote(order, safe='')}")
        )

    async def _now(self, payment: str) -> Payment:
        now = await self.read(payment)
        if now is None:
            raise ProviderUnavailable(f"PayPal knows {payment} no longer")
        return now

    async def _disputes_of(self, capture: str) -> tuple[PayPalDispute, ...]:
        answer = await self._looked(
            "/v1/customer/disputes",
            {"disputed_transaction_id": capture, "page_size": str(DISPUTES_MAX)},
        )
        listed = read_answer(Disputes, answer)
        if any(link.rel == "next" for link in listed.links):
            raise ProviderUnavailable(f"a payment has more than {DISPUTES_MAX} disputes")
        shown = await asyncio.gather(
            *(
                self._looked(f"/v1/customer/disputes/{quote(each.dispute_id, safe='')}")
                for each in listed.items
            )
        )
        return tuple(read_answer(PayPalDispute, each) for each in shown)

    async def _events(self, start: datetime, end: datetime) -> AsyncIterator[Event]:
        """Yield the events of a time; a list that is not whole is asked for in two halves."""
        params = {
            "start_time": _written(start),
            "end_time": _written(end),
            "page_size": str(EVENTS_MAX),
        }
        answer = await self._looked("/v1/notifications/webhooks-events", params)
        listed = read_answer(Events, answer)
        is_whole = len(listed.events) < EVENTS_MAX and all(
            link.rel != "next" for link in listed.links
        )
        if is_whole or end - start < timedelta(seconds=2):
            if not is_whole:
                log.error("paypal.events_left_out", start=_written(start), end=_written(end))
            for event in listed.events:
                yield event
            return
        middle = start + (end - start) / 2
        for half in ((start, middle), (middle, end)):
            async for event in self._events(*half):
                yield event

    async def _looked(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Return an answer to a question: that it is refused says nothing about a payment."""
        try:
            return await self._api.request("GET", path, params=params)
        except ProviderRejected as rejected:
            raise ProviderUnavailable(f"PayPal refuses to say: {rejected.reason}") from rejected


def build(installation: Installation) -> PayPalProvider:
    """Build it from its section of the file: real money is PayPal's own address, and no other."""
    return_url = installation.return_url
    assert return_url, f"{installation.name} needs an address to send viewers back to"
    url = url_of(installation)
    return PayPalProvider(
        name=installation.name,
        client_id=installation.option("client_id"),
        client_secret=installation.secret("client_secret"),
        webhook_id=installation.secret("webhook_id"),
        return_url=return_url,
        url=url,
        certificates_url=installation.url_of_fake(),
    )


def _payment_of(order: Order, disputes: tuple[PayPalDispute, ...] = ()) -> Payment:
    try:
        return payment_of(order, disputes)
    except (AmountNotPossible, AssertionError, KeyError) as error:
        raise ProviderUnavailable(f"{order.id} is unreadable: {error}") from error


def _amount(amount_minor: int, currency: str) -> dict[str, str]:
    try:
        return to_paypal(amount_minor, currency)
    except AmountNotPossible as error:
        raise ProviderRejected("amount-not-possible") from error


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
