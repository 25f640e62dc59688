"""What operators read of one viewer's wallet; each read is written into the audit log."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from services.wallet.api.limits import Limits, SpendingRules, limits_of
from services.wallet.api.operators import WalletsReader
from services.wallet.api.wallets import HistoryEntry, Lot, Wallet
from services.wallet.commands.queries import read_balances
from services.wallet.store import queries, suspensions
from shared.http import (
    BadCursor,
    Cursor,
    Db,
    Limit,
    Page,
    UserId,
    moment_in,
    number_in,
    page,
    refusals,
)
from shared.http.auth import ScopeMissing
from shared.identity.tokens import Unauthenticated
from shared.ledger.archive_store import ArchiveUnavailable

router = APIRouter(tags=["operator-wallets"], responses=refusals(Unauthenticated, ScopeMissing))


class OperatorWallet(Wallet):
    """What a viewer has, and whether an operator has stopped it. A newcomer's is empty."""

    suspended: Annotated[bool, Field(examples=[False])]
    """Whether an operator has stopped the wallet: until they resume it, it pays no gift."""


@router.get("/operator/wallets/{user:person}")
async def read_wallet_of(user: UserId, _: WalletsReader, db: Db) -> OperatorWallet:
    """Read a viewer's coins, and whether their wallet is stopped."""
    async with db.transaction() as tx:
        coins, held, debt = await read_balances(tx, user)
        suspended = await suspensions.is_suspended(tx, user)
    return OperatorWallet(
        user=user, coins=coins, held_coins=held, debt_coins=debt, suspended=suspended
    )


@router.get("/operator/wallets/{user:person}/lots", responses=refusals(BadCursor))
async def list_lots_of(
    user: UserId, _: WalletsReader, db: Db, cursor: Cursor = None, limit: Limit = 50
) -> Page[Lot]:
    """List a viewer's coins by where they came from, the newest first."""
    before = moment_in(cursor)
    async with db.transaction() as tx:
        lots = await queries.lots_of(tx, user, before=before, limit=limit)
    return page(
        [Lot.model_validate(lot) for lot in lots],
        limit,
        lambda lot: [lot.funded_at.isoformat(), str(lot.lot)],
    )


@router.get(
    "/operator/wallets/{user:person}/movements", responses=refusals(BadCursor, ArchiveUnavailable)
)
async def list_entries_of(
    user: UserId, _: WalletsReader, db: Db, cursor: Cursor = None, limit: Limit = 50
) -> Page[HistoryEntry]:
    """List where a viewer's coins came from and went, the newest first."""
    before = number_in(cursor)
    async with db.transaction() as tx:
        lines = await queries.history(tx, user, before=before, limit=limit)
    return page([HistoryEntry(**line) for line in lines], limit, lambda line: [line.movement])


@router.get("/operator/wallets/{user:person}/limits")
async def read_limits_of(user: UserId, _: WalletsReader, db: Db, rules: SpendingRules) -> Limits:
    """Read a viewer's limits: their own, an operator's, and those that hold for everyone."""
    return await limits_of(db, user, rules)
