"""Viewers exclude themselves from spending."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.wallet.commands import exclusions
from shared.http import Db, IdempotencyKey, IdempotencyKeyMissing, OwnUser, refusals, request_id
from shared.idempotency import KeyReused, fingerprint
from shared.identity.people import NotYours
from shared.identity.tokens import Unauthenticated
from shared.quotas.rules import TooOften

router = APIRouter(tags=["limits"])


class ExclusionRequest(BaseModel):
    """For how many days to be kept from buying and giving."""

    model_config = ConfigDict(extra="forbid")

    days: Literal[1, 7, 30]


class ExclusionResponse(BaseModel):
    """Nothing can be spent until then; it cannot be taken back."""

    exclusion: UUID
    until: datetime


@router.post(
    "/wallets/{user:person}/exclusions",
    status_code=201,
    responses=refusals(IdempotencyKeyMissing, Unauthenticated, NotYours, KeyReused, TooOften),
)
async def start_exclusion(
    user: OwnUser, wanted: ExclusionRequest, key: IdempotencyKey, db: Db
) -> ExclusionResponse:
    """Keep oneself from buying coins and sending gifts; it cannot be taken back."""
    async with db.transaction() as tx:
        excluded = await exclusions.exclude(
            tx,
            user,
            days=wanted.days,
            key=key,
            request_hash=fingerprint(wanted),
            correlation_id=request_id(),
        )
    return ExclusionResponse(exclusion=excluded.id, until=excluded.until)
