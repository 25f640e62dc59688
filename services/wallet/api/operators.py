"""Operators act on any wallet; each call needs its scope, and is written into the audit log."""

from typing import Annotated

from fastapi import APIRouter, Path

from services.wallet.api.limits import LimitPeriod, LimitRequest, Limits, SpendingRules, limits_of
from services.wallet.api.wallets import Lot
from services.wallet.commands import holds, limits, suspensions
from services.wallet.commands.holds import KEY_CHARACTERS_MAX, NoSuchFreeze, NotYoursToRelease
from services.wallet.commands.queries import NoSuchLot, NoSuchPurchase, read_consumption, read_lot
from services.wallet.domain.coins import NoSuchWallet
from services.wallet.store import queries
from shared.backoffice.routes import Reason, Why
from shared.contracts.base import in_unit, like
from shared.http import (
    BadCursor,
    Db,
    Limit,
    Page,
    UserId,
    encode_cursor,
    number_in,
    refusals,
    request_id,
)
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import Coins, GiftId, LotId, PurchaseId, UserName
from shared.http.pages import Cursor
from shared.identity.tokens import Identity, Unauthenticated
from shared.ledger.archive_store import ArchiveUnavailable

Freezer = Annotated[Identity, operator_with("wallets:freeze")]
LimitSetter = Annotated[Identity, operator_with("limits:write")]
WalletsReader = Annotated[Identity, operator_with("wallets:read")]
# A warning's id is the provider's, and longer than a name may be.
HoldKey = Annotated[
    str,
    Path(
        min_length=1,
        max_length=KEY_CHARACTERS_MAX,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="The hold, as `hold` of the event `wallet.coins_frozen` calls it.",
        examples=["issfr_1"],
    ),
]
SUSPENDING = refusals(Unauthenticated, ScopeMissing, NoSuchWallet)

router = APIRouter(tags=["operator-wallets"])


class OperatorLimitRequest(LimitRequest):
    """A limit an operator sets, and why."""

    reason: Reason
    """Why the operator sets it; the audit log keeps it."""


class Suspension(Body):
    """Whether a wallet is stopped now."""

    user: UserName
    """Whose wallet it is: the `sub` of their token."""
    frozen: Annotated[bool, like(True)]
    """Whether the wallet is suspended: it pays no gifts until an operator lets it."""


class Consumption(Body):
    """How much of a purchase is used up: 24,000 milliunits are 24 %, as Apple and Google ask."""

    purchase: PurchaseId
    consumption_milliunits: Annotated[int, in_unit("milliunits: 100,000 are all of it", 20_000)]
    """How much of what was paid for is used, rounded down: 24,000 is 24 %."""
    lots: list[Lot]
    """The lots that came with the purchase: paid, and as a bonus."""


class PaidGift(Body):
    """
    A gift, and how many coins of this purchase paid for it.

    `archive` names the archive that an old gift was read from.
    """

    gift: GiftId
    coins: Coins
    """How many coins of this purchase paid for it; other purchases may have paid the rest."""
    archive: Annotated[str | None, like(None, "entries-000001.parquet")]
    """The archive that an old gift was read from; null while its entry is in the database."""


@router.post("/operator/wallets/{user:person}/freeze", responses=SUSPENDING)
async def suspend_wallet(user: UserId, why: Why, caller: Freezer, db: Db) -> Suspension:
    """Stop a wallet: it pays no gifts until it is unfrozen."""
    async with db.transaction() as tx:
        await suspensions.suspend(tx, user, operator=caller.user, reason=why.reason)
    return Suspension(user=user, frozen=True)


@router.post("/operator/wallets/{user:person}/unfreeze", responses=SUSPENDING)
async def resume_wallet(user: UserId, why: Why, caller: Freezer, db: Db) -> Suspension:
    """Let a wallet that was stopped spend again."""
    async with db.transaction() as tx:
        await suspensions.resume(tx, user, operator=caller.user, reason=why.reason)
    return Suspension(user=user, frozen=False)


@router.post(
    "/operator/wallets/{user:person}/freezes/{hold}/release",
    status_code=204,
    responses=refusals(Unauthenticated, ScopeMissing, NoSuchFreeze, NotYoursToRelease),
)
async def release_hold(user: UserId, hold: HoldKey, why: Why, caller: Freezer, db: Db) -> None:
    """Let coins be spent again that a warning of fraud had frozen."""
    async with db.transaction() as tx:
        await holds.release_warning(
            tx, user, hold, operator=caller.user, reason=why.reason, correlation_id=request_id()
        )


@router.get(
    "/operator/wallets/{user:person}/lots/{lot}",
    responses=refusals(Unauthenticated, ScopeMissing, NoSuchLot),
)
async def read_lot_of_viewer(user: UserId, lot: LotId, _: WalletsReader, db: Db) -> Lot:
    """Read a lot of a viewer: from the gift it paid to the purchase it came with."""
    async with db.transaction() as tx:
        return Lot.model_validate(await read_lot(tx, user, lot))


@router.get(
    "/operator/wallets/{user:person}/purchases/{purchase}/consumption",
    responses=refusals(Unauthenticated, ScopeMissing, NoSuchPurchase),
)
async def read_purchase_consumption(
    user: UserId, purchase: PurchaseId, _: WalletsReader, db: Db
) -> Consumption:
    """Read how much of a purchase was consumed, as app stores ask before they refund."""
    async with db.transaction() as tx:
        lots, milliunits = await read_consumption(tx, user, purchase)
    return Consumption(
        purchase=purchase,
        consumption_milliunits=milliunits,
        lots=[Lot.model_validate(lot) for lot in lots],
    )


@router.get(
    "/operator/wallets/{user:person}/purchases/{purchase}/gifts",
    responses=refusals(Unauthenticated, ScopeMissing, BadCursor, ArchiveUnavailable),
)
async def list_gifts_of_purchase(
    user: UserId,
    purchase: PurchaseId,
    _: WalletsReader,
    db: Db,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PaidGift]:
    """Read which gifts the coins of a purchase paid, newest first."""
    before = number_in(cursor)
    async with db.transaction() as tx:
        gifts = await queries.gifts_of_purchase(tx, user, purchase, before=before, limit=limit)
    return Page(
        items=[PaidGift.model_validate(gift) for gift in gifts],
        next_cursor=encode_cursor([gifts[-1]["entry"]]) if len(gifts) == limit else None,
    )


@router.put(
    "/operator/wallets/{user:person}/limits/{period}",
    responses=refusals(Unauthenticated, ScopeMissing),
)
async def set_spending_limit_for_viewer(
    user: UserId,
    period: LimitPeriod,
    wanted: OperatorLimitRequest,
    caller: LimitSetter,
    db: Db,
    rules: SpendingRules,
) -> Limits:
    """Limit what a viewer can spend, or lift the limit; it counts at once."""
    async with db.transaction() as tx:
        await limits.set_limit(
            tx,
            user,
            period=period,
            unit=wanted.unit,
            amount=wanted.amount,
            rules=rules,
            operator=caller.user,
            reason=wanted.reason,
        )
    return await limits_of(db, user, rules)
