"""Campaigns: promo codes, and how much of their budgets is promised."""

from collections.abc import Sequence
from datetime import datetime

from services.purchase import columns as tables
from services.purchase.domain.promotions import Campaign
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_campaign = RowMapper(Campaign, tables.Campaign)
_FIELDS = (
    *("name", "code", "coins", "coins_min", "budget_coins", "coins_days"),
    *("valid_from", "valid_until", "countries"),
)

_OF_CODE = text(
    f"SELECT {_campaign.columns} FROM campaigns WHERE code = :code"  # noqa: S608 - our own text only
)


async def of_code(tx: Transaction, code: str) -> Campaign | None:
    row = (await tx.execute(_OF_CODE, {"code": code})).first()
    return _campaign(row) if row is not None else None


_TAKE = text("""
    UPDATE campaigns SET promised_coins = promised_coins + CAST(:coins AS bigint)
    WHERE name = :name AND promised_coins + CAST(:coins AS bigint) <= budget_coins
        AND valid_until > CAST(:now AS timestamptz)
    RETURNING name
""")


async def take(tx: Transaction, name: str, coins: int, *, now: datetime) -> bool:
    """
    Take coins of a budget; False if it has no more, or has ended meanwhile.

    The campaign is locked until the transaction ends: many viewers wait for it.
    """
    return bool(await tx.execute(_TAKE, {"name": name, "coins": coins, "now": now}))


_LOCK = text(f"""
    SELECT {_campaign.columns} FROM campaigns
    WHERE name = ANY(CAST(:names AS text[])) ORDER BY name FOR NO KEY UPDATE
""")  # noqa: S608 - our own text only


_VALUES = ", ".join(f":{field}" for field in _FIELDS)
_ADD = text(f"""
    INSERT INTO campaigns ({", ".join(_FIELDS)}) VALUES ({_VALUES})
    ON CONFLICT DO NOTHING RETURNING name
""")  # noqa: S608 - our own text only


async def add(tx: Transaction, campaign: Campaign) -> bool:
    """Add a campaign; False if its name or its code is taken."""
    return bool(await tx.execute(_ADD, {name: getattr(campaign, name) for name in _FIELDS}))


async def lock(tx: Transaction, name: str) -> Campaign | None:
    row = (await tx.execute(_LOCK, {"names": [name]})).first()
    return _campaign(row) if row is not None else None


_CHANGE = text("""
    UPDATE campaigns SET budget_coins = :budget_coins, valid_until = :valid_until
    WHERE name = :name
""")


async def change(tx: Transaction, campaign: Campaign) -> None:
    """Write the budget and the end of a locked campaign."""
    changed = {name: getattr(campaign, name) for name in ("name", "budget_coins", "valid_until")}
    await tx.execute(_CHANGE, changed)


_NEWEST = text(
    f"SELECT {_campaign.columns} FROM campaigns"  # noqa: S608 - our own text only
    " ORDER BY valid_from DESC, name LIMIT :limit"
)


async def newest(tx: Transaction, limit: int) -> list[Campaign]:
    return [_campaign(row) for row in await tx.execute(_NEWEST, {"limit": limit})]


_PAID = text("""
    SELECT campaign, sum(promo_coins)::bigint AS coins, count(*) AS purchases FROM purchases
    WHERE campaign = ANY(CAST(:names AS text[])) AND promo_coins > 0 AND paid_at IS NOT NULL
    GROUP BY campaign
""")


async def paid(tx: Transaction, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return the coins that went out for campaigns in a part, and with how many purchases."""
    rows = await tx.execute(_PAID, {"names": list(names)})
    return {row.campaign: (row.coins, row.purchases) for row in rows}
