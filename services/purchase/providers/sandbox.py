"""The sandbox as a payment provider: its HTTP API and its webhooks."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import UUID

from pydantic import ValidationError

from services.purchase.domain.purchases import (
    AcceptedRefund,
    BadSignature,
    Payment,
    Purchase,
    Status,
    WebhookEvent,
)
from services.purchase.providers.sandbox_answers import (
    About,
    PaymentAnswer,
    Payments,
    RefundAnswer,
    Webhook,
    text_of,
)
from services.purchase.settings import Settings
from shared.http.provider_client import REJECTED, ProviderClient, raise_if_rejected, read_answer
from shared.http.webhooks import Signatures

ANSWER_SECONDS_MAX = 3.0
CONNECTIONS_MAX = 50


class SandboxProvider:
    """A client of `services/sandbox`, which behaves as a real provider and moves no money."""

    name = "sandbox"

    def __init__(
        self,
        *,
        url: str,
        api_key: str,
        webhook_secret: str,
        return_url: str | None = None,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> None:
        self._return_url = return_url
        self._signatures = Signatures(webhook_secret)
        self._client = ProviderClient(
            url=url,
            api_key=api_key,
            answer_seconds_max=answer_seconds_max,
            connections_max=CONNECTIONS_MAX,
        )

    async def create(self, purchase: Purchase) -> Payment:
        asked = {
            "amount_minor": purchase.amount_minor,
            "currency": purchase.currency,
            "reference": str(purchase.id),
            "description": f"{purchase.coins + purchase.bonus_coins} coins",
        }
        if self._return_url is not None:
            asked["return_url"] = _return_address(self._return_url, purchase.id)
        asked_at = datetime.now(UTC)
        answer = await self._client.request(
            "POST", "/payments", json=asked, headers={"Idempotency-Key": str(purchase.id)}
        )
        raise_if_rejected(answer)
        if answer.status in REJECTED and (made := await self.find(purchase.id)) is not None:
            # Requested before with another content, such as another return address.
            return made
        return _stamped(read_answer(PaymentAnswer, answer).payment(), asked_at)

    async def read(self, payment: str) -> Payment | None:
        asked_at = datetime.now(UTC)
        answer = await self._client.request("GET", f"/payments/{quote(payment, safe='')}")
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        return _stamped(read_answer(PaymentAnswer, answer).payment(), asked_at)

    async def find(self, purchase: UUID) -> Payment | None:
        asked_at = datetime.now(UTC)
        answer = await self._client.request("GET", "/payments", params={"reference": str(purchase)})
        found = [each.payment() for each in read_answer(Payments, answer).items]
        found.sort(key=lambda payment: payment.status is not Status.SUCCEEDED)
        return _stamped(found[0], asked_at) if found else None

    async def cancel(self, payment: Payment) -> Payment:
        path = f"/payments/{quote(payment.id, safe='')}"
        asked_at = datetime.now(UTC)
        answer = await self._client.request("POST", f"{path}/cancel")
        if answer.status == HTTPStatus.CONFLICT:
            asked_at = datetime.now(UTC)
            answer = await self._client.request("GET", path)
        return _stamped(read_answer(PaymentAnswer, answer).payment(), asked_at)

    async def refund(self, payment: str, refund: UUID, *, amount_minor: int) -> AcceptedRefund:
        answer = await self._client.request(
            "POST",
            f"/payments/{quote(payment, safe='')}/refunds",
            json={"amount_minor": amount_minor},
            headers={"Idempotency-Key": str(refund)},
        )
        raise_if_rejected(answer)
        made = read_answer(RefundAnswer, answer)
        return AcceptedRefund(made.id, made.status)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        if not self._signatures.are_on(body, headers):
            raise BadSignature
        webhook_id = text_of(headers["webhook-id"])
        if webhook_id is None:
            raise BadSignature
        try:
            webhook = Webhook.model_validate_json(body)
        except ValidationError:
            # Signed, so it is stored; but there is nothing that could be polled.
            webhook = Webhook(type="unreadable", data=About(object={}))
        return WebhookEvent(
            provider=self.name,
            webhook_id=webhook_id,
            kind=webhook.type,
            payload_hash=hashlib.sha256(body).digest(),
            payment=webhook.data.payment(),
            reference=webhook.data.reference(),
        )

    async def close(self) -> None:
        await self._client.close()


def build(settings: Settings) -> SandboxProvider:
    return SandboxProvider(
        url=settings.provider_url,
        api_key=settings.provider_api_key.get_secret_value(),
        webhook_secret=settings.webhook_secret.get_secret_value(),
        return_url=settings.return_url,
    )


def _stamped(payment: Payment, asked_at: datetime) -> Payment:
    """
    Add when an answer was requested and received: another may have been applied meanwhile.

    No payment in it is later than that, even if the provider's clock is fast.
    """
    now = datetime.now(UTC)
    paid_at = min(payment.paid_at, now) if payment.paid_at is not None else None
    return replace(payment, paid_at=paid_at, asked_at=asked_at, answered_at=now)


def _return_address(url: str, purchase: UUID) -> str:
    """Add the purchase to the return address: the page there looks it up."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, f"purchase={purchase}") if part)
    return urlunsplit(parts._replace(query=query))
