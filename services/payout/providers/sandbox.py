"""The sandbox provider: its HTTP API and its webhooks."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import structlog
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from services.payout.domain.payees import (
    AccountStatus,
    DestinationKind,
    OnboardingLink,
    TaxForm,
    Verification,
)
from services.payout.domain.payouts import BadSignature, ProviderStatus
from services.payout.domain.transfers import WebhookEvent
from services.payout.providers.answers import FoundTransfer, Transfer, uuid_in
from shared.http.provider_client import (
    ProviderClient,
    ProviderUnavailable,
    raise_if_rejected,
    read_answer,
)
from shared.http.webhooks import Signatures
from shared.observability.metrics import CONTRADICTIONS
from shared.vendors.installations import Installation

log = structlog.get_logger()

ANSWER_SECONDS_MAX = 5.0
CONNECTIONS_MAX = 20
REQUIREMENTS_MAX = 50
_FURTHEST = (
    ProviderStatus.FAILED,
    ProviderStatus.RETURNED,
    ProviderStatus.SUBMITTED,
    ProviderStatus.PAID,
)


_Code = Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x7e]+$")]


class _Transfers(BaseModel):
    items: tuple[Transfer, ...]


class _Account(BaseModel):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{4,64}$")]


class _AccountStatus(BaseModel):
    verification: Verification
    payouts_enabled: bool
    tax_form: TaxForm
    tax_form_kind: Annotated[str, Field(max_length=32, pattern=r"^[\x20-\x7e]+$")] | None
    requirements: Annotated[list[_Code], Field(max_length=REQUIREMENTS_MAX)]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None


class _Link(BaseModel):
    url: Annotated[str, Field(max_length=2_000, pattern=r"^https?://[^\s]+$")]
    expires_at: AwareDatetime


class _About(BaseModel):
    object: dict[str, Any]


class _Webhook(BaseModel):
    type: Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x7e]+$")]
    data: _About


class SandboxProvider:
    """The provider of practice installations, `services.sandbox`."""

    destination_kind = DestinationKind.TOKEN

    def __init__(
        self,
        *,
        name: str = "sandbox",
        url: str,
        api_key: str,
        webhook_secret: str,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
        idempotency_seconds: float = 86_400,
    ) -> None:
        self.name = name
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

    async def find(self, attempt: UUID, *, transfer: str | None) -> FoundTransfer | None:
        del transfer  # its list knows our reference
        answer = await self._client.request("GET", "/transfers", params={"reference": str(attempt)})
        items = _own(read_answer(_Transfers, answer).items, attempt)
        if not items:
            return None
        # Of several, the one that took money furthest away.
        furthest = max(items, key=lambda each: _FURTHEST.index(each.status))
        return FoundTransfer(furthest, len(items) > 1)

    async def create_account(self, account: UUID, *, country: str, currency: str) -> str:
        answer = await self._client.request(
            "POST",
            "/accounts",
            json={"country": country, "currency": currency},
            headers={"Idempotency-Key": str(account)},
        )
        raise_if_rejected(answer)
        return read_answer(_Account, answer).id

    async def create_link(
        self, destination: str, *, return_url: str, refresh_url: str
    ) -> OnboardingLink:
        answer = await self._client.request(
            "POST",
            f"/accounts/{destination}/links",
            json={"return_url": return_url, "refresh_url": refresh_url},
        )
        raise_if_rejected(answer)
        link = read_answer(_Link, answer)
        return OnboardingLink(link.url, link.expires_at)

    async def read_account(self, destination: str) -> AccountStatus:
        answer = await self._client.request("GET", f"/accounts/{destination}")
        found = read_answer(_AccountStatus, answer)
        return AccountStatus(
            verification=found.verification,
            payouts_enabled=found.payouts_enabled,
            tax_form=found.tax_form,
            tax_form_kind=found.tax_form_kind,
            requirements=tuple(found.requirements),
            country=found.country,
        )

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
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
            attempt=uuid_in(webhook.data.object.get("reference")),
            payload_hash=hashlib.sha256(body).digest(),
            account=_account(webhook),
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


def _account(webhook: _Webhook) -> str | None:
    """Return the account that a webhook is about."""
    named = webhook.data.object.get("id")
    is_account = webhook.type.startswith("account.") and isinstance(named, str)
    return str(named)[:64] if is_account else None


def build(installation: Installation) -> SandboxProvider:
    """Build it from its section of the file."""
    return SandboxProvider(
        name=installation.name,
        url=installation.option("url"),
        api_key=installation.secret("api_key"),
        webhook_secret=installation.secret("webhook_secret"),
        idempotency_seconds=installation.number("remembers_keys_seconds"),
    )
