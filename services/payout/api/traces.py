"""Operators follow the money of a payout back to the gifts and lots that it was."""

from typing import Annotated

from fastapi import APIRouter

from services.payout.commands.traces import Trace, read_trace
from services.payout.domain.payouts import NoSuchPayout
from services.payout.domain.provenance import Source
from shared.contracts.base import like
from shared.http import BadCursor, Db, Limit, encode_cursor, number_in, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import (
    CreatorId,
    CreatorName,
    CurrencyCode,
    Diamonds,
    GiftId,
    LotId,
    MinorUnits,
    PayoutId,
    ViewerName,
)
from shared.http.pages import Cursor
from shared.identity.tokens import Identity, Unauthenticated
from shared.ledger.archive_store import ArchiveUnavailable

Tracer = Annotated[Identity, operator_with("payouts:review")]

router = APIRouter(tags=["operator-payouts"])


class TracedPart(Body):
    """
    Some diamonds of a payout. `lot` leads to `GET /v1/operator/wallets/{viewer}/lots/{lot}`.

    Of a bonus or an adjustment there is no gift.
    """

    source: Annotated[Source, like("gift")]
    """What brought the diamonds: a `gift`, a `bonus`, an `adjustment`, or something `other`."""
    gift: GiftId | None
    """The gift that brought them; null for what is no gift."""
    viewer: ViewerName | None
    """Who gave it: the `sub` of their token; null for what is no gift."""
    lot: LotId | None
    """The lot whose coins paid for it; null for what is no gift."""
    lot_kind: Annotated[str, like("paid")] | None
    """How those coins came: `paid`, `bonus` or `promo`; null for what is no gift."""
    diamonds: Annotated[Diamonds, like(200)]
    """How many of the payout's diamonds this part is."""
    amount_minor: Annotated[MinorUnits, like(100)]
    """How much of the payout's money this part is."""


class PayoutTrace(Body):
    """
    Some of the parts that a payout was; all pages add up to its diamonds and its money.

    `traced_diamonds` are those of the pages up to this one. `archive` names the archive that the
    entry of an old payout was read from.
    """

    payout: PayoutId
    creator: CreatorName
    diamonds: Annotated[Diamonds, like(2_000)]
    """How many diamonds the payout takes."""
    amount_minor: Annotated[MinorUnits, like(1_000)]
    """What arrives of it, after the fee."""
    currency: CurrencyCode
    """The currency (ISO 4217) in which the money arrives."""
    traced_diamonds: Annotated[Diamonds, like(200)]
    """How many diamonds the pages up to this one have traced."""
    archive: Annotated[str | None, like(None, "entries-000001.parquet")]
    """
    The archive that the entry of an old payout was read from; null while it is in the database.
    """
    items: list[TracedPart]
    """The parts of this page, in the order in which the diamonds became available."""
    next_cursor: Annotated[str | None, like(None, "WzEyMDcsMF0")]
    """Send it as `cursor` to get the next page; null at the end. Opaque, and it does not expire."""


@router.get(
    "/operator/payouts/{creator:person}/{payout}/trace",
    responses=refusals(Unauthenticated, ScopeMissing, NoSuchPayout, BadCursor, ArchiveUnavailable),
)
async def read_payout_trace(
    creator: CreatorId,
    payout: PayoutId,
    _: Tracer,
    db: Db,
    cursor: Cursor = None,
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
