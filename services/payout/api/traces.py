"""Operators follow the money of a payout back to the gifts and lots that it was."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from services.payout.commands.traces import Trace, read_trace
from services.payout.domain.payouts import NoSuchPayout
from services.payout.domain.provenance import Source
from shared.http import BadCursor, Db, Limit, UserId, encode_cursor, number_in, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.tokens import Identity, Unauthenticated
from shared.ledger.archive_store import ArchiveUnavailable

Tracer = Annotated[Identity, operator_with("payouts:review")]

router = APIRouter(tags=["operator-payouts"])


class TracedPart(BaseModel):
    """
    Some diamonds of a payout. `lot` leads to `GET /v1/operator/wallets/{viewer}/lots/{lot}`.

    Of a bonus or an adjustment there is no gift.
    """

    source: Source
    gift: UUID | None
    viewer: str | None
    lot: UUID | None
    lot_kind: str | None
    diamonds: int
    amount_minor: int


class PayoutTrace(BaseModel):
    """
    Some of the parts that a payout was; all pages add up to its diamonds and its money.

    `traced_diamonds` are those of the pages up to this one. `archive` names the archive that the
    entry of an old payout was read from.
    """

    payout: UUID
    creator: str
    diamonds: int
    amount_minor: int
    currency: str
    traced_diamonds: int
    archive: str | None
    items: list[TracedPart]
    next_cursor: str | None


@router.get(
    "/operator/payouts/{creator:person}/{payout}/trace",
    responses=refusals(Unauthenticated, ScopeMissing, NoSuchPayout, BadCursor, ArchiveUnavailable),
)
async def read_payout_trace(
    creator: UserId,
    payout: UUID,
    _: Tracer,
    db: Db,
    cursor: str | None = None,
    limit: Limit = 50,
) -> PayoutTrace:
    """Read of which gifts and lots a payout's diamonds were, the oldest first."""
    after = number_in(cursor) or 0
    if after < 0:
        raise BadCursor
    async with db.transaction() as tx:
        return _shown(await read_trace(tx, creator, payout, after=after, limit=limit))


def _shown(trace: Trace) -> PayoutTrace:
    payout = trace.payout
    is_over = trace.traced_diamonds == payout.diamonds
    return PayoutTrace(
        payout=payout.id,
        creator=payout.creator,
        diamonds=payout.diamonds,
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        traced_diamonds=trace.traced_diamonds,
        archive=trace.archive,
        items=[
            TracedPart(
                source=each.part.source,
                gift=each.part.gift,
                viewer=each.viewer,
                lot=each.part.lot,
                lot_kind=each.part.lot_kind,
                diamonds=each.part.diamonds,
                amount_minor=each.amount_minor,
            )
            for each in trace.parts
        ],
        next_cursor=None if is_over else encode_cursor([trace.traced_diamonds]),
    )
