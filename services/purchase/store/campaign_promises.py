"""What budgets of campaigns have promised to purchases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.purchase import columns as tables
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class CampaignPromise:
    """Coins that a budget holds for one attempt to buy."""

    id: UUID
    campaign: str
    viewer: str
    purchase: UUID
    coins: int


_promise = RowMapper(CampaignPromise, tables.CampaignPromise)
_ADD = text("""
    INSERT INTO campaign_promises
        (id, campaign, viewer, purchase, coins, promised_at, next_check_at)
    VALUES (:id, :campaign, :viewer, :purchase, :coins, :now, :next_check_at)
""")


async def add(
    tx: Transaction, promise: CampaignPromise, *, now: datetime, next_check_at: datetime
) -> None:
    """Record a promise whose coins were taken from the budget in this transaction."""
    about = {name: getattr(promise, name) for name in promise.__slots__}
    await tx.execute(_ADD, {**about, "now": now, "next_check_at": next_check_at})


_CLAIM = text(f"""
    UPDATE campaign_promises SET next_check_at = CAST(:next_check_at AS timestamptz)
    FROM (
        SELECT id AS due FROM campaign_promises
        WHERE next_check_at <= CAST(:now AS timestamptz)
        ORDER BY next_check_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) AS claimed
    WHERE id = due
    RETURNING {_promise.columns}
""")  # noqa: S608 - our own text only


async def claim(
    tx: Transaction, *, now: datetime, next_check_at: datetime, limit: int
) -> list[CampaignPromise]:
    """Take the promises that are due for a check, until their next one."""
    asked = {"now": now, "next_check_at": next_check_at, "limit": limit}
    return [_promise(row) for row in await tx.execute(_CLAIM, asked)]


_KEEP = text("""
    UPDATE campaign_promises SET next_check_at = NULL WHERE id = ANY(CAST(:ids AS uuid[]))
""")


async def keep(tx: Transaction, ids: Sequence[UUID]) -> None:
    """Check promises no more: their purchases are paid."""
    if ids:
        await tx.execute(_KEEP, {"ids": list(ids)})


# In the order of their names, as everything that locks campaigns.
_LOCK = text("""
    SELECT name FROM campaigns WHERE name IN (
        SELECT campaign FROM campaign_promises WHERE id = ANY(CAST(:ids AS uuid[]))
    )
    ORDER BY name FOR NO KEY UPDATE
""")
_GIVE_BACK = text("""
    WITH gone AS (
        DELETE FROM campaign_promises WHERE id = ANY(CAST(:ids AS uuid[]))
        RETURNING campaign, coins
    )
    UPDATE campaigns SET promised_coins = promised_coins - back.coins
    FROM (SELECT campaign, sum(coins)::bigint AS coins FROM gone GROUP BY campaign) AS back
    WHERE name = back.campaign
""")


async def give_back(tx: Transaction, ids: Sequence[UUID]) -> None:
    """Let budgets have what was promised; what was given back before is not there any more."""
    if ids:
        await tx.execute(_LOCK, {"ids": list(ids)})
        await tx.execute(_GIVE_BACK, {"ids": list(ids)})
