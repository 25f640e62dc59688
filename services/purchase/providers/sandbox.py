"""The sandbox as a payment provider: its HTTP API and its webhooks."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import quote
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
from services.purchase.providers.answers import return_address, stamped, text_of
from services.purchase.providers.sandbox_answers import (
    About,
    PaymentAnswer,
    Payments,
    RefundAnswer,
    Webhook,
)
from shared.http.provider_client import REJECTED, ProviderClient, raise_if_rejected, read_answer
from shared.http.webhooks import Signatures
from shared.vendors.installations import Installation

ANSWER_SECONDS_MAX = 3.0
CONNECTIONS_MAX = 50


class SandboxProvider:
    """A client of `services/sandbox`, which behaves as a real provider and moves no money."""

    remembers_keys_for = timedelta(hours=24)
    webhook_headers = ("webhook-id", "webhook-timestamp", "webhook-signature")

    def __init__(
        self,
        *,
        name: str = "sandbox",
        url: str,
        api_key: str,
        webhook_secret: str,
        return_url: str | None = None,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> None:
        self.name = name
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
            "description": f"{purchase.all_coins} coins",
        }
        if self._return_url is not None:
            asked["return_url"] = return_address(self._return_url, purchase.id)
        asked_at = datetime.now(UTC)
        answer = await self._client.request(
            "POST", "/payments", json=asked, headers={"Idempotency-Key": str(purchase.id)}
        )
        raise_if_rejected(answer)
        if answer.status in REJECTED and (made := await self.find(purchase)) is not None:
            # Requested before with another content, such as another return address.
            return made
        return stamped(read_answer(PaymentAnswer, answer).payment(), asked_at)

    async def read(self, payment: str) -> Payment | None:
        asked_at = datetime.now(UTC)
        answer = await self._client.request("GET", f"/payments/{quote(payment, safe='')}")
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        return stamped(read_answer(PaymentAnswer, answer).payment(), asked_at)

    async def find(self, purchase: Purchase) -> Payment | None:
        asked_at = datetime.now(UTC)
        answer = await self._client.request(
            "GET", "/payments", params={"reference": str(purchase.id)}
        )
        found = [each.payment() for each in read_answer(Payments, answer).items]
        found.sort(key=lambda payment: payment.status is not Status.SUCCEEDED)
        return stamped(found[0], asked_at) if found else None

    async def cancel(self, payment: Payment) -> Payment:
        path = f"/payments/{quote(payment.id, safe='')}"
        asked_at = datetime.now(UTC)
        answer = await self._client.request("POST", f"{path}/cancel")
        if answer.status == HTTPStatus.CONFLICT:
            asked_at = datetime.now(UTC)
            answer = await self._client.request("GET", path)
        return stamped(read_answer(PaymentAnswer, answer).payment(), asked_at)

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

    async def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> tuple[WebhookEvent, ...]:
        if not self._signatures.are_on(body, headers):
            raise BadSignature
        return await self.read_webhook(headers, body)

    async def read_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> tuple[WebhookEvent, ...]:
        webhook_id = text_of(headers["webhook-id"])
        if webhook_id is None:
            raise BadSignature
        try:
            webhook = Webhook.model_validate_json(body)
        except ValidationError:
            # Signed, so it is stored; but there is nothing that could be polled.
            webhook = Webhook(type="unreadable", data=About(object={}))
        event = WebhookEvent(
            provider=self.name,
            webhook_id=webhook_id,
            kind=webhook.type,
            payload_hash=hashlib.sha256(body).digest(),
            payment=webhook.data.payment(),
            reference=webhook.data.reference(),
        )
        return (event,)

    async def close(self) -> None:
        await self._client.close()


def build(installation: Installation) -> SandboxProvider:
    return SandboxProvider(
        name=installation.name,
        url=installation.option("url"),
        api_key=installation.secret("api_key"),
        webhook_secret=installation.secret("webhook_secret"),
        return_url=installation.return_url,
    )
