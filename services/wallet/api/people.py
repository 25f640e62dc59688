"""What operators read of one viewer's wallet; each read is written into the audit log."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from services.wallet.api.limits import Limits, SpendingRules, limits_of
from services.wallet.api.operators import WalletsReader
from services.wallet.api.wallets import HistoryEntry, Lot, Wallet, history_of, lots_of
from services.wallet.commands.queries import read_balances
from services.wallet.store import suspensions
from shared.http import BadCursor, Cursor, Db, Limit, Page, UserId, refusals
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
    return await lots_of(db, user, cursor, limit)


@router.get(
    "/operator/wallets/{user:person}/movements", responses=refusals(BadCursor, ArchiveUnavailable)
)
async def list_entries_of(
    user: UserId, _: WalletsReader, db: Db, cursor: Cursor = None, limit: Limit = 50
) -> Page[HistoryEntry]:
    """List where a viewer's coins came from and went, the newest first."""
    return await history_of(db, user, cursor, limit)


@router.get("/operator/wallets/{user:person}/limits")
async def read_limits_of(user: UserId, _: WalletsReader, db: Db, rules: SpendingRules) -> Limits:
    """Read a viewer's limits: their own, an operator's, and those that hold for everyone."""
    return await limits_of(db, user, rules)
