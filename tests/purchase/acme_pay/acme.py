"""
Acme Pay as somebody else would add it: a module of their own, and a line in `providers.toml`.

Nothing of Ovation knows it: `kind = "tests.purchase.acme_pay.acme:AcmePay"`.
"""

import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError

from services.purchase.domain.purchases import (
    AcceptedRefund,
    BadSignature,
    Payment,
    Purchase,
    RefundSeen,
    RefundStatus,
    Status,
    WebhookEvent,
)
from services.purchase.providers import ProviderRejected
from shared.http.provider_client import ProviderClient, read_answer
from shared.vendors.installations import Installation

SIGNATURE_SECONDS_MAX = 300
Text = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,100}$")]
Amount = Annotated[int, Field(strict=True, ge=0, le=10**12)]


class ChargeState(StrEnum):
    """How far a charge is, in Acme's words."""

    WAITING = "waiting"
    PAID = "paid"
    VOID = "void"


class AcmeRefund(BaseModel):
    id: Text
    key: str | None
    amount: Amount


class Charge(BaseModel):
    """A charge as Acme shows it."""

    id: Text
    order: str
    state: ChargeState
    amount: Amount
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    page: str
    fee: Amount
    refunds: tuple[AcmeRefund, ...]

    def payment(self, asked_at: datetime) -> Payment:
        statuses = {"waiting": Status.OPEN, "paid": Status.SUCCEEDED, "void": Status.CANCELLED}
        return Payment(
            id=self.id,
            reference=self.order,
            status=statuses[self.state],
            amount_minor=self.amount,
            currency=self.currency,
            pay_url=self.page,
            refunded_minor=sum(each.amount for each in self.refunds),
            fee_minor=self.fee,
            refunds=tuple(
                RefundSeen(each.id, each.key, RefundStatus.SUCCEEDED, each.amount)
                for each in self.refunds
            ),
            asked_at=asked_at,
            answered_at=datetime.now(UTC),
        )


class Charges(BaseModel):
    items: tuple[Charge, ...]


class Event(BaseModel):
    """What Acme posts, and lists for a week."""

    id: Text
    kind: Text
    charge: Text
    order: str


class Events(BaseModel):
    items: tuple[Event, ...]


class Refusal(BaseModel):
    error: Text


class AcmePay:
    """An account at Acme Pay."""

    remembers_keys_for = timedelta(days=1)
    lists_events_for = timedelta(days=7)
    webhook_headers = ("acme-signature",)

    def __init__(self, installation: Installation) -> None:
        self.name = installation.name
        self._return_url = installation.return_url
        self._secret = installation.secret("webhook_secret").encode()
        self._client = ProviderClient(
            url=installation.option("url"),
            api_key=installation.secret("api_key"),
            answer_seconds_max=5,
            connections_max=10,
        )

    async def create(self, purchase: Purchase) -> Payment:
        order = {
            "order": str(purchase.id),
            "amount": purchase.amount_minor,
            "currency": purchase.currency,
            "return_url": self._return_url,
        }
        return await self._charge("POST", "/v1/charges", order, key=purchase.id)

    async def find(self, purchase: Purchase) -> Payment | None:
        asked_at = datetime.now(UTC)
        answer = await self._client.request(
            "GET", "/v1/charges", params={"order": str(purchase.id)}
        )
        found = [each.payment(asked_at) for each in read_answer(Charges, answer).items]
        found.sort(key=lambda payment: payment.status is not Status.SUCCEEDED)
        return found[0] if found else None

    async def read(self, payment: str) -> Payment | None:
        asked_at = datetime.now(UTC)
        answer = await self._client.request("GET", f"/v1/charges/{payment}")
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        return read_answer(Charge, answer).payment(asked_at)

    async def cancel(self, payment: Payment) -> Payment:
        """Void a charge; Acme answers with the charge also if it comes too late."""
        return await self._charge("POST", f"/v1/charges/{payment.id}/void")

    async def refund(self, payment: str, refund: UUID, *, amount_minor: int) -> AcceptedRefund:
        answer = await self._client.request(
            "POST",
            f"/v1/charges/{payment}/refunds",
            json={"amount": amount_minor},
            headers={"Idempotency-Key": str(refund)},
        )
        if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise ProviderRejected(Refusal.model_validate_json(answer.content).error)
        return AcceptedRefund(read_answer(AcmeRefund, answer).id, RefundStatus.SUCCEEDED)

    async def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> Sequence[WebhookEvent]:
        at, _, signature = headers.get("acme-signature", "").partition(".")
        expected = sign(self._secret, at, body)
        is_genuine = hmac.compare_digest(expected.encode(), signature.encode())
        if not is_genuine or abs(time.time() - int(at)) > SIGNATURE_SECONDS_MAX:
            raise BadSignature
        return await self.read_webhook(headers, body)

    async def read_webhook(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - all of it is in the body
        body: bytes,
    ) -> Sequence[WebhookEvent]:
        try:
            event = Event.model_validate_json(body)
        except ValidationError:
            raise BadSignature from None
        return [self._event(event)]

    async def missed(self, since: datetime, until: datetime) -> AsyncIterator[WebhookEvent]:
        params = {"since": str(since.timestamp()), "until": str(until.timestamp())}
        answer = await self._client.request("GET", "/v1/events", params=params)
        for event in read_answer(Events, answer).items:
            yield self._event(event)

    async def close(self) -> None:
        await self._client.close()

    def _event(self, event: Event) -> WebhookEvent:
        digest = hashlib.sha256(event.id.encode()).digest()
        return WebhookEvent(self.name, event.id, event.kind, digest, event.charge, event.order)

    async def _charge(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        key: UUID | None = None,
    ) -> Payment:
        asked_at = datetime.now(UTC)
        headers = {"Idempotency-Key": str(key)} if key is not None else {}
        answer = await self._client.request(method, path, json=body, headers=headers)
        return read_answer(Charge, answer).payment(asked_at)


def sign(secret: bytes, at: str, body: bytes) -> str:
    """Return the signature of a webhook that was sent at this second."""
    return hmac.new(secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()
