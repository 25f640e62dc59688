"""The payment provider, as its HTTP API and its webhooks."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import httpx
import structlog
from pydantic import BaseModel, Field, ValidationError

from services.payout.domain.payouts import BadSignature, Truth
from shared.http.provider_client import (
    ProviderClient,
    ProviderUnavailable,
    raise_if_rejected,
    read_answer,
)
from shared.http.webhooks import Signatures
from shared.observability.metrics import CONTRADICTIONS

log = structlog.get_logger()

ANSWER_SECONDS_MAX = 5.0
CONNECTIONS_MAX = 20
# For how long the provider knows an idempotency key; Stripe keeps them for a day at least.
IDEMPOTENCY_SECONDS = 86_400
_FURTHEST = (Truth.FAILED, Truth.RETURNED, Truth.SUBMITTED, Truth.PAID)


class Transfer(BaseModel):
    """What the provider says of a transfer."""

    id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
    status: Truth
    reason: Annotated[str, Field(max_length=64, pattern=r"^[\x20-\x7e]+$")] | None = None
    # What it was ordered as, if the provider says so.
    reference: str | None = None
    amount_minor: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What the provider knows of an attempt; more than one transfer would be money sent twice."""

    transfer: Transfer
    is_one_of_several: bool


@dataclass(frozen=True, slots=True)
class Notification:
    """A webhook that was signed by the provider, and the attempt it is about."""

    webhook_id: str
    kind: str
    attempt: UUID | None
    payload_hash: bytes


class _Transfers(BaseModel):
    items: tuple[Transfer, ...]


class _About(BaseModel):
    object: dict[str, Any]


class _Webhook(BaseModel):
    type: Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x7e]+$")]
    data: _About


class Provider:
    """
    The sandbox provider; a real one is another class with the same methods.

    Submitting is idempotent under the attempt's id; finding may be done as often as one likes.
    """

    name = "sandbox"
    idempotency_seconds: float

    def __init__(
        self,
        *,
        url: str,
        api_key: str,
        webhook_secret: str,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
        idempotency_seconds: float = IDEMPOTENCY_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._signatures = Signatures(webhook_secret)
        # The last order has to arrive before its key is forgotten.
        self.idempotency_seconds = idempotency_seconds - answer_seconds_max
        self._client = ProviderClient(
            url=url,
            api_key=api_key,
            answer_seconds_max=answer_seconds_max,
            connections_max=CONNECTIONS_MAX,
            transport=transport,
        )

    async def submit(
        self, attempt: UUID, *, amount_minor: int, currency: str, destination: str
    ) -> Transfer:
        """Order a transfer, or learn about the one that was ordered under this attempt."""
        asked = {
            "amount_minor": amount_minor,
            "currency": currency,
            "destination": destination,
            "reference": str(attempt),
        }
        response = await self._client.request(
            "POST", "/transfers", json=asked, headers={"Idempotency-Key": str(attempt)}
        )
        raise_if_rejected(response)
        made = read_answer(Transfer, response)
        _own([made], attempt)
        return made

    async def find(self, attempt: UUID) -> Found | None:
        """Return what the provider knows of an attempt, or None if it never heard of it."""
        response = await self._client.request(
            "GET", "/transfers", params={"reference": str(attempt)}
        )
        items = _own(read_answer(_Transfers, response).items, attempt)
        if not items:
            return None
        # Of several, the one that took money furthest away.
        furthest = max(items, key=lambda each: _FURTHEST.index(each.status))
        return Found(furthest, len(items) > 1)

    def notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """Read a webhook, if the provider signed it within the last minutes."""
        if not self._signatures.are_on(body, headers):
            raise BadSignature
        try:
            told = _Webhook.model_validate_json(body)
        except ValidationError:
            # Signed, so it is kept; but it is about no attempt of ours.
            told = _Webhook(type="unreadable", data=_About(object={}))
        return Notification(
            webhook_id=headers["webhook-id"][:128],
            kind=told.type,
            attempt=_uuid(told.data.object.get("reference")),
            payload_hash=hashlib.sha256(body).digest(),
        )

    async def close(self) -> None:
        await self._client.close()


def _own(transfers: Sequence[Transfer], attempt: UUID) -> list[Transfer]:
    """
    Return the transfers of an attempt, if the provider names any, or none at all.

    What became of another attempt's transfer says nothing of this one.
    """
    own = [each for each in transfers if each.reference in (None, str(attempt))]
    if len(own) < len(transfers):
        log.error("attempt.contradicted", attempt=str(attempt))
        CONTRADICTIONS.labels("transfer-foreign").inc()
        if not own:
            raise ProviderUnavailable("only transfers of others were named")
    return own


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
