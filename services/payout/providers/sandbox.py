"""The sandbox provider: its HTTP API and its webhooks."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import structlog
from pydantic import BaseModel, Field, ValidationError

from services.payout.domain.payouts import BadSignature, ProviderStatus
from services.payout.domain.transfers import WebhookEvent
from services.payout.providers.answers import FoundTransfer, Transfer
from services.payout.settings import Settings
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
_FURTHEST = (
    ProviderStatus.FAILED,
    ProviderStatus.RETURNED,
    ProviderStatus.SUBMITTED,
    ProviderStatus.PAID,
)


class _Transfers(BaseModel):
    items: tuple[Transfer, ...]


class _About(BaseModel):
    object: dict[str, Any]


class _Webhook(BaseModel):
    type: Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x7e]+$")]
    data: _About


class SandboxProvider:
    """The provider of practice installations, `services.sandbox`."""

    name = "sandbox"

    def __init__(
        self,
        *,
        url: str,
        api_key: str,
        webhook_secret: str,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
        idempotency_seconds: float = IDEMPOTENCY_SECONDS,
    ) -> None:
        self._signatures = Signatures(webhook_secret)
        # The last order has to arrive before its key is forgotten.
        self.idempotency_seconds = idempotency_seconds - answer_seconds_max
        self._client = ProviderClient(
            url=url,
            api_key=api_key,
            answer_seconds_max=answer_seconds_max,
            connections_max=CONNECTIONS_MAX,
        )

    async def submit(
        self, attempt: UUID, *, amount_minor: int, currency: str, destination: str
    ) -> Transfer:
        order = {
            "amount_minor": amount_minor,
            "currency": currency,
            "destination": destination,
            "reference": str(attempt),
        }
        answer = await self._client.request(
            "POST", "/transfers", json=order, headers={"Idempotency-Key": str(attempt)}
        )
        raise_if_rejected(answer)
        transfer = read_answer(Transfer, answer)
        _own([transfer], attempt)
        return transfer

    async def find(self, attempt: UUID) -> FoundTransfer | None:
        answer = await self._client.request("GET", "/transfers", params={"reference": str(attempt)})
        items = _own(read_answer(_Transfers, answer).items, attempt)
        if not items:
            return None
        # Of several, the one that took money furthest away.
        furthest = max(items, key=lambda each: _FURTHEST.index(each.status))
        return FoundTransfer(furthest, len(items) > 1)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        if not self._signatures.are_on(body, headers):
            raise BadSignature
        try:
            webhook = _Webhook.model_validate_json(body)
        except ValidationError:
            # Signed, so it is kept; but it is about no attempt of ours.
            webhook = _Webhook(type="unreadable", data=_About(object={}))
        return WebhookEvent(
            webhook_id=headers["webhook-id"][:128],
            kind=webhook.type,
            attempt=_uuid(webhook.data.object.get("reference")),
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


def build(settings: Settings) -> SandboxProvider:
    return SandboxProvider(
        url=settings.provider_url,
        api_key=settings.provider_api_key.get_secret_value(),
        webhook_secret=settings.webhook_secret.get_secret_value(),
        idempotency_seconds=settings.provider_idempotency_seconds,
    )
