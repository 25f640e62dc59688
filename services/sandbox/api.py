"""The provider's API, as a real one would have it."""

import asyncio
import hmac
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.sandbox.provider import SILENT, NotFound, Provider
from shared.errors import Kind, Refusal
from shared.http import IdempotencyKey
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
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewPayment(_Body):
    amount_minor: Amount
    currency: Currency
    reference: Text
    description: Text | None = None
    return_url: Annotated[str, Field(max_length=500, pattern=r"^https?://[^\s]+$")] | None = None


class NewTransfer(_Body):
    amount_minor: Amount
    currency: Currency
    destination: Text
    reference: Text


class NewRefund(_Body):
    amount_minor: Amount
    # What the shop calls the refund, else its key: it finds it again in the payment.
    reference: Text | None = None


class NewDispute(_Body):
    amount_minor: Amount | None = None
    reason: Text = "fraudulent"


class NewWarning(_Body):
    reason: Text = "stolen_card"


class DisputeClosed(_Body):
    won: bool


class RefundClosed(_Body):
    succeeded: bool


class KeyHasNoRight(Refusal):
    """This API key may not do this: one takes money, the other pays it out."""

    kind = Kind.FORBIDDEN


class Use(StrEnum):
    """What an API key is for."""

    PAYMENTS = "payments"
    TRANSFERS = "transfers"


def build_router(
    provider: Provider,
    *,
    keys: Mapping[Use, str],
    events: dict[str, dict[str, Any]],
    redeliver: Callable[[dict[str, Any]], None],
) -> APIRouter:
    def uses_of(authorization: Annotated[str, Header()] = "") -> set[Use]:
        # Each is compared, whichever it is.
        known = [
            use
            for use, values in keys.items()
            for key in values_of(values)
            if hmac.compare_digest(authorization.encode(), f"Bearer {key}".encode())
        ]
        if not known:
            raise Unauthenticated(reason="api-key")
        return set(known)

    def require(use: Use) -> Callable[[set[Use]], None]:
        def check(uses: Annotated[set[Use], Depends(uses_of)]) -> None:
            if use not in uses:
                raise KeyHasNoRight(use=use.value)

        return check

    payments = APIRouter(dependencies=[Depends(require(Use.PAYMENTS))])
    _add_payments(payments, provider)
    transfers = APIRouter(dependencies=[Depends(require(Use.TRANSFERS))])
    _add_transfers(transfers, provider)
    router = APIRouter()
    router.include_router(payments)
    router.include_router(transfers)

    @router.get("/events")
    async def list_events(uses: Annotated[set[Use], Depends(uses_of)]) -> dict[str, Any]:
        return {"items": [event for event in events.values() if use_of(event["type"]) in uses]}

    @router.post("/events/{event}/redeliver", status_code=202)
    async def repeat_event(
        event: str, uses: Annotated[set[Use], Depends(uses_of)]
    ) -> dict[str, Any]:
        if event not in events or use_of(events[event]["type"]) not in uses:
            raise NotFound
        redeliver(events[event])
        return events[event]

    return router


def use_of(kind: str) -> Use:
    """Return whose business an event is, by its type."""
    return Use.TRANSFERS if kind.startswith("transfer.") else Use.PAYMENTS


def _add_payments(router: APIRouter, provider: Provider) -> None:
    @router.post("/payments", status_code=201)
    async def create_payment(wanted: NewPayment, key: IdempotencyKey) -> dict[str, Any]:
        return provider.create_payment(key=key, **wanted.model_dump()).shown()

    @router.get("/payments")
    async def find_payments(reference: str) -> dict[str, Any]:
        return {"items": [payment.shown() for payment in provider.payments_of(reference)]}

    @router.get("/payments/{payment}")
    async def read_payment(payment: str) -> dict[str, Any]:
        return provider.payment(payment).shown()

    @router.post("/payments/{payment}/cancel")
    async def cancel_payment(payment: str) -> dict[str, Any]:
        return provider.cancel(provider.payment(payment)).shown()

    @router.post("/payments/{payment}/refunds", status_code=201)
    async def refund(payment: str, wanted: NewRefund, key: IdempotencyKey) -> dict[str, Any]:
        return provider.refund(provider.payment(payment), key=key, **wanted.model_dump())

    @router.post("/refunds/{refund}/close")
    async def close_refund(refund: str, decided: RefundClosed) -> dict[str, Any]:
        return provider.close_refund(refund, succeeded=decided.succeeded)

    @router.post("/payments/{payment}/disputes", status_code=201)
    async def dispute(payment: str, wanted: NewDispute) -> dict[str, Any]:
        return provider.dispute(provider.payment(payment), wanted.reason, wanted.amount_minor)

    @router.post("/payments/{payment}/warnings", status_code=201)
    async def warn(payment: str, wanted: NewWarning) -> dict[str, Any]:
        return provider.warn(provider.payment(payment), wanted.reason)

    @router.post("/disputes/{dispute}/close")
    async def close_dispute(dispute: str, decided: DisputeClosed) -> dict[str, Any]:
        return provider.close_dispute(dispute, won=decided.won)


def _add_transfers(router: APIRouter, provider: Provider) -> None:
    @router.post("/transfers", status_code=201)
    async def create_transfer(wanted: NewTransfer, key: IdempotencyKey) -> dict[str, Any]:
        transfer = provider.create_transfer(key=key, **wanted.model_dump())
        if transfer.destination.startswith(SILENT):
            # It exists, but whoever asked will have given up before hearing so.
            await asyncio.sleep(SILENCE_SECONDS)
        return transfer.shown()

    @router.get("/transfers")
    async def find_transfers(reference: str) -> dict[str, Any]:
        return {"items": [transfer.shown() for transfer in provider.transfers_of(reference)]}

    @router.get("/transfers/{transfer}")
    async def read_transfer(transfer: str) -> dict[str, Any]:
        return provider.transfer(transfer).shown()
