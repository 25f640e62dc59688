"""Viewers exclude themselves from spending."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import ConfigDict

from services.wallet.commands import exclusions
from shared.contracts.base import like
from shared.http import Db, IdempotencyKey, IdempotencyKeyMissing, OwnUser, refusals, request_id
from shared.http.bodies import Body
from shared.http.fields import ExclusionId, Instant
from shared.idempotency import KeyReused, fingerprint
from shared.identity.people import NotYours
from shared.identity.tokens import Unauthenticated
from shared.quotas.rules import TooOften

router = APIRouter(tags=["limits"])


class ExclusionRequest(Body):
    """For how many days to be kept from buying and giving."""

    model_config = ConfigDict(extra="forbid")

    days: Literal[1, 7, 30]
    """For how many days from now: 1, 7 or 30. A longer exclusion that runs already stays."""


class ExclusionResponse(Body):
    """Nothing can be spent until then; it cannot be taken back."""

    exclusion: ExclusionId
    until: Annotated[Instant, like("2026-11-24T12:00:00Z")]
    """
    Until when the viewer can neither buy coins nor send gifts; neither they nor support can shorten
    it.
    """


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
