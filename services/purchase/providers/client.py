"""The payment provider, as its HTTP API and its webhooks."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import UUID

import httpx
from pydantic import ValidationError

from services.purchase.domain.purchases import (
    BadSignature,
    Notification,
    Payment,
    Purchase,
    Status,
)
from services.purchase.providers.answers import (
    About,
    PaymentAnswer,
    Payments,
    Refund,
    Webhook,
    text_of,
)
from shared.http.provider_client import REJECTED, ProviderClient, raise_if_rejected, read_answer
from shared.http.webhooks import Signatures

ANSWER_SECONDS_MAX = 3.0
CONNECTIONS_MAX = 50


class Provider:
    """
    The sandbox provider; a real one is another class with the same methods.

    Creating a payment is idempotent under the purchase's id, for as long as the purchase can be
    paid. Every other call is a question, and may be asked as often as one likes.
    """

    name = "sandbox"

    def __init__(
        self,
        *,
        url: str,
        api_key: str,
        webhook_secret: str,
        return_url: str | None = None,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._return_url = return_url
        self._signatures = Signatures(webhook_secret)
        self._client = ProviderClient(
            url=url,
            api_key=api_key,
            answer_seconds_max=answer_seconds_max,
            connections_max=CONNECTIONS_MAX,
            transport=transport,
        )

    async def create(self, purchase: Purchase) -> Payment:
        """Ask for a payment, or find out about the one that this purchase has."""
        asked = {
            "amount_minor": purchase.amount_minor,
            "currency": purchase.currency,
            "reference": str(purchase.id),
            "description": f"{purchase.coins + purchase.bonus_coins} coins",
        }
        if self._return_url is not None:
            asked["return_url"] = _return_address(self._return_url, purchase.id)
        asked_at = datetime.now(UTC)
        response = await self._client.request(
            "POST", "/payments", json=asked, headers={"Idempotency-Key": str(purchase.id)}
        )
        raise_if_rejected(response)
        if response.status_code in REJECTED and (made := await self.find(purchase.id)) is not None:
            # Asked for before in other words, such as another address to come back to.
            return made
        return _stamped(read_answer(PaymentAnswer, response).payment(), asked_at)

    async def read(self, payment: str) -> Payment | None:
        """Return what the provider says of a payment, or None if it knows nothing of it."""
        asked_at = datetime.now(UTC)
        response = await self._client.request("GET", f"/payments/{quote(payment, safe='')}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return _stamped(read_answer(PaymentAnswer, response).payment(), asked_at)

    async def find(self, purchase: UUID) -> Payment | None:
        """Return the payment of a purchase, one that was made before one that was not."""
        asked_at = datetime.now(UTC)
        response = await self._client.request(
            "GET", "/payments", params={"reference": str(purchase)}
        )
        found = [each.payment() for each in read_answer(Payments, response).items]
        found.sort(key=lambda payment: payment.status is not Status.SUCCEEDED)
        return _stamped(found[0], asked_at) if found else None

    async def cancel(self, payment: Payment) -> Payment:
        """Cancel a payment; if that comes too late, return what became of it instead."""
        path = f"/payments/{quote(payment.id, safe='')}"
        asked_at = datetime.now(UTC)
        response = await self._client.request("POST", f"{path}/cancel")
        if response.status_code == httpx.codes.CONFLICT:
            asked_at = datetime.now(UTC)
            response = await self._client.request("GET", path)
        return _stamped(read_answer(PaymentAnswer, response).payment(), asked_at)

    async def refund(self, payment: str, refund: UUID, *, amount_minor: int) -> Refund:
        """Give money back, once however often it is asked under the refund's id."""
        response = await self._client.request(
            "POST",
            f"/payments/{quote(payment, safe='')}/refunds",
            json={"amount_minor": amount_minor},
            headers={"Idempotency-Key": str(refund)},
        )
        raise_if_rejected(response)
        return read_answer(Refund, response)

    def notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """Read a webhook, if the provider signed it within the last minutes."""
        if not self._signatures.are_on(body, headers):
            raise BadSignature
        webhook_id = text_of(headers["webhook-id"])
        if webhook_id is None:
            raise BadSignature
        try:
            told = Webhook.model_validate_json(body)
        except ValidationError:
            # Signed, so it is kept; but it is about nothing that we could ask for.
            told = Webhook(type="unreadable", data=About(object={}))
        return Notification(
            provider=self.name,
            webhook_id=webhook_id,
            kind=told.type,
            payload_hash=hashlib.sha256(body).digest(),
            payment=told.data.payment(),
            reference=told.data.reference(),
        )

    async def close(self) -> None:
        await self._client.close()


def _stamped(payment: Payment, asked_at: datetime) -> Payment:
    """
    Say from when an answer is: another one may have been used meanwhile.

    Nothing it says was paid later than that, whatever the provider's clock says.
    """
    now = datetime.now(UTC)
    paid_at = min(payment.paid_at, now) if payment.paid_at is not None else None
    return replace(payment, paid_at=paid_at, asked_at=asked_at, answered_at=now)


def _return_address(url: str, purchase: UUID) -> str:
    """Say in the address to come back to which purchase it is about: the page there looks it up."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, f"purchase={purchase}") if part)
    return urlunsplit(parts._replace(query=query))
