"""The provider's API, as a real one would have it."""

import asyncio
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.sandbox.provider import UNANSWERED, NotFound, Provider
from services.sandbox.provider.accounts import Outcome
from services.sandbox.webhooks import TRANSFER_EVENTS, Webhooks
from shared.errors import Kind, Refusal
from shared.http import IdempotencyKey, from_state
from shared.identity.tokens import Unauthenticated
from shared.money import is_currency
from shared.secrets import values_of

SILENCE_SECONDS = 30.0


def _known(code: str) -> str:
    if not is_currency(code):
        raise ValueError(f"{code} is no currency of ISO 4217 that is in use")
    return code


Amount = Annotated[int, Field(strict=True, gt=0, le=100_000_000)]
Currency = Annotated[str, AfterValidator(_known)]
Url = Annotated[str, Field(max_length=500, pattern=r"^https?://[^\s]+$")]
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PaymentRequest(_Request):
    amount_minor: Amount
    currency: Currency
    reference: Text
    description: Text | None = None
    return_url: Url | None = None


class TransferRequest(_Request):
    amount_minor: Amount
    currency: Currency
    destination: Text
    reference: Text


class AccountRequest(_Request):
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    currency: Currency


class LinkRequest(_Request):
    return_url: Url
    refresh_url: Url


class OutcomeRequest(_Request):
    outcome: Outcome


class RefundRequest(_Request):
    amount_minor: Amount
    # The shop's name of the refund, else its key: the shop finds it in the payment by that.
    reference: Text | None = None


class DisputeRequest(_Request):
    amount_minor: Amount | None = None
    reason: Text = "fraudulent"


class WarningRequest(_Request):
    reason: Text = "stolen_card"


class CloseDisputeRequest(_Request):
    won: bool


class CloseRefundRequest(_Request):
    succeeded: bool


class KeyHasNoRight(Refusal):
    """This API key may not do this: one takes money, the other pays it out."""

    kind = Kind.FORBIDDEN


class Use(StrEnum):
    """What an API key is for."""

    PAYMENTS = "payments"
    TRANSFERS = "transfers"


async def _uses_of(
    keys: Annotated[Mapping[Use, str], from_state("api_keys")],
    authorization: Annotated[str, Header()] = "",
) -> set[Use]:
    """Return what the API key of a request may do; every known key is compared."""
    found = {
        use
        for use, values in keys.items()
        for key in values_of(values)
        if hmac.compare_digest(authorization.encode(), f"Bearer {key}".encode())
    }
    if not found:
        raise Unauthenticated(reason="api-key")
    return found


Uses = Annotated[set[Use], Depends(_uses_of)]
SandboxProvider = Annotated[Provider, from_state("provider")]
SandboxWebhooks = Annotated[Webhooks, from_state("webhooks")]


def _require(use: Use) -> Any:
    async def check(uses: Uses) -> None:
        if use not in uses:
            raise KeyHasNoRight(use=use.value)

    return Depends(check)


payments = APIRouter(dependencies=[_require(Use.PAYMENTS)])
transfers = APIRouter(dependencies=[_require(Use.TRANSFERS)])
router = APIRouter()


@router.get("/events")
async def list_events(uses: Uses, webhooks: SandboxWebhooks) -> dict[str, Any]:
    events = webhooks.events.values()
    return {"items": [event for event in events if use_of(event["type"]) in uses]}


@router.post("/events/{event}/redeliver", status_code=202)
async def redeliver_event(event: str, uses: Uses, webhooks: SandboxWebhooks) -> dict[str, Any]:
    found = webhooks.events.get(event)
    if found is None or use_of(found["type"]) not in uses:
        raise NotFound
    webhooks.deliver(found)
    return found


def use_of(kind: str) -> Use:
    """Return the use of an API key that an event belongs to, by its type."""
    return Use.TRANSFERS if kind.startswith(TRANSFER_EVENTS) else Use.PAYMENTS


@payments.post("/payments", status_code=201)
async def create_payment(
    body: PaymentRequest, key: IdempotencyKey, provider: SandboxProvider
) -> dict[str, Any]:
    return provider.create_payment(key=key, **body.model_dump()).shown()


@payments.get("/payments")
async def find_payments(reference: str, provider: SandboxProvider) -> dict[str, Any]:
    return {"items": [payment.shown() for payment in provider.payments_of(reference)]}


@payments.get("/payments/{payment}")
async def read_payment(payment: str, provider: SandboxProvider) -> dict[str, Any]:
    return provider.payment(payment).shown()


@payments.post("/payments/{payment}/cancel")
async def cancel_payment(payment: str, provider: SandboxProvider) -> dict[str, Any]:
    return provider.cancel(provider.payment(payment)).shown()


@payments.post("/payments/{payment}/refunds", status_code=201)
async def refund(
    payment: str, body: RefundRequest, key: IdempotencyKey, provider: SandboxProvider
) -> dict[str, Any]:
    return provider.refund(provider.payment(payment), key=key, **body.model_dump())


@payments.post("/refunds/{refund}/close")
async def close_refund(
    refund: str, body: CloseRefundRequest, provider: SandboxProvider
) -> dict[str, Any]:
    return provider.close_refund(refund, succeeded=body.succeeded)


@payments.post("/payments/{payment}/disputes", status_code=201)
async def dispute(payment: str, body: DisputeRequest, provider: SandboxProvider) -> dict[str, Any]:
    return provider.dispute(provider.payment(payment), body.reason, body.amount_minor)


@payments.post("/payments/{payment}/warnings", status_code=201)
async def warn(payment: str, body: WarningRequest, provider: SandboxProvider) -> dict[str, Any]:
    return provider.warn(provider.payment(payment), body.reason)


@payments.post("/disputes/{dispute}/evidence")
async def submit_evidence(dispute: str, provider: SandboxProvider) -> dict[str, Any]:
    return provider.submit_evidence(dispute)


@payments.post("/disputes/{dispute}/close")
async def close_dispute(
    dispute: str, body: CloseDisputeRequest, provider: SandboxProvider
) -> dict[str, Any]:
    return provider.close_dispute(dispute, won=body.won)


@transfers.post("/transfers", status_code=201)
async def create_transfer(
    body: TransferRequest, key: IdempotencyKey, provider: SandboxProvider
) -> dict[str, Any]:
    transfer = provider.create_transfer(key=key, **body.model_dump())
    if transfer.destination.startswith(UNANSWERED):
        # It exists, but its caller gives up before the answer.
        await asyncio.sleep(SILENCE_SECONDS)
    return transfer.shown()


@transfers.get("/transfers")
async def find_transfers(reference: str, provider: SandboxProvider) -> dict[str, Any]:
    return {"items": [transfer.shown() for transfer in provider.transfers_of(reference)]}


@transfers.get("/transfers/{transfer}")
async def read_transfer(transfer: str, provider: SandboxProvider) -> dict[str, Any]:
    return provider.transfer(transfer).shown()


@transfers.post("/accounts", status_code=201)
async def create_account(
    body: AccountRequest, key: IdempotencyKey, provider: SandboxProvider
) -> dict[str, Any]:
    return provider.accounts.create(key=key, **body.model_dump()).shown()


@transfers.get("/accounts/{account}")
async def read_account(account: str, provider: SandboxProvider) -> dict[str, Any]:
    return provider.accounts.account(account).shown()


@transfers.post("/accounts/{account}/links", status_code=201)
async def create_link(account: str, body: LinkRequest, provider: SandboxProvider) -> dict[str, str]:
    accounts = provider.accounts
    return accounts.create_link(accounts.account(account), **body.model_dump())


@transfers.post("/accounts/{account}/decide")
async def decide_account(
    account: str, body: OutcomeRequest, provider: SandboxProvider
) -> dict[str, Any]:
    accounts = provider.accounts
    return accounts.decide(accounts.account(account), body.outcome).shown()


router.include_router(payments)
router.include_router(transfers)
