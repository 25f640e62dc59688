"""The provider's API, as a real one would have it."""

import asyncio
import hmac
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, ConfigDict, Field

from services.sandbox.provider import SILENT, NotFound, Provider
from shared.auth import Unauthenticated
from shared.http import IdempotencyKey
from shared.secrets import values_of

SILENCE_SECONDS = 30.0
Amount = Annotated[int, Field(strict=True, gt=0, le=100_000_000)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
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
    # What the shop calls the refund: it finds it again in the payment.
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


def build_router(
    provider: Provider,
    *,
    api_key: str,
    events: dict[str, dict[str, Any]],
    redeliver: Callable[[dict[str, Any]], None],
) -> APIRouter:
    def require_key(authorization: Annotated[str, Header()] = "") -> None:
        # Each is compared, whichever it is.
        known = [
            hmac.compare_digest(authorization.encode(), f"Bearer {key}".encode())
            for key in values_of(api_key)
        ]
        if not any(known):
            raise Unauthenticated(reason="api-key")

    router = APIRouter(dependencies=[Depends(require_key)])
    _add_payments(router, provider)
    _add_transfers(router, provider)

    @router.get("/events")
    async def list_events() -> dict[str, Any]:
        return {"items": list(events.values())}

    @router.post("/events/{event}/redeliver", status_code=202)
    async def repeat_event(event: str) -> dict[str, Any]:
        if event not in events:
            raise NotFound
        redeliver(events[event])
        return events[event]

    return router


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
