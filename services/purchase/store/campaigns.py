"""Campaigns: promo codes, and what their budgets have promised."""

from collections.abc import Sequence
from datetime import datetime

from services.purchase import columns as tables
from services.purchase.domain.promotions import Campaign
from services.purchase.domain.purchases import Purchase
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_campaign = RowMapper(Campaign, tables.Campaign)
_FIELDS = (
    *("name", "code", "coins", "coins_min", "budget_coins", "coins_days"),
    *("valid_from", "valid_until", "countries"),
)

_OF_CODE = text(f"""
    SELECT {_campaign.columns}, EXISTS (
        SELECT FROM purchases
        WHERE viewer = :viewer AND campaign = campaigns.name AND promo_coins > 0
    ) AS is_used
    FROM campaigns WHERE code = :code
""")  # noqa: S608 - our own text only


async def of_code(tx: Transaction, code: str, *, viewer: str) -> tuple[Campaign, bool] | None:
    """Return the campaign of a code, and whether a purchase of the viewer has its coins."""
    row = (await tx.execute(_OF_CODE, {"code": code, "viewer": viewer})).first()
    return (_campaign(row), row["is_used"]) if row is not None else None


_TAKE = text("""
    UPDATE campaigns SET promised_coins = promised_coins + CAST(:coins AS bigint)
    WHERE name = :name AND promised_coins + CAST(:coins AS bigint) <= budget_coins
        AND valid_until > CAST(:now AS timestamptz)
    RETURNING name
""")


async def take(tx: Transaction, name: str, coins: int, *, now: datetime) -> bool:
    """
    Take coins of a budget; False if it has no more, or has ended meanwhile.

    The campaign is locked until the transaction ends: it is the last thing that is locked.
    """
    return bool(await tx.execute(_TAKE, {"name": name, "coins": coins, "now": now}))


_LOCK = text(f"""
    SELECT {_campaign.columns} FROM campaigns
    WHERE name = ANY(CAST(:names AS text[])) ORDER BY name FOR NO KEY UPDATE
""")  # noqa: S608 - our own text only
_GIVE_BACK = text("""
    UPDATE campaigns SET promised_coins = promised_coins - back.coins
    FROM (
        SELECT name, sum(coins)::bigint AS coins
        FROM unnest(CAST(:names AS text[]), CAST(:coins AS bigint[])) AS each (name, coins)
        GROUP BY name
    ) AS back
    WHERE campaigns.name = back.name
""")


async def give_back(tx: Transaction, lapsed: Sequence[Purchase]) -> None:
    """Let budgets have the promo coins again that these purchases had before they lapsed."""
    names = [purchase.campaign for purchase in lapsed if purchase.campaign is not None]
    if names:
        await tx.execute(_LOCK, {"names": sorted(set(names))})
        coins = [purchase.promo_coins for purchase in lapsed if purchase.campaign is not None]
        await tx.execute(_GIVE_BACK, {"names": names, "coins": coins})


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


_NEWEST = text(f"""
    SELECT {_campaign.columns}, paid.coins AS paid_coins, paid.purchases AS paid_purchases
    FROM campaigns CROSS JOIN LATERAL (
        SELECT coalesce(sum(promo_coins), 0)::bigint AS coins, count(*) AS purchases
        FROM purchases
        WHERE campaign = campaigns.name AND promo_coins > 0 AND paid_at IS NOT NULL
    ) AS paid
    ORDER BY valid_from DESC, name LIMIT :limit
""")  # noqa: S608 - our own text only


async def newest(tx: Transaction, limit: int) -> list[tuple[Campaign, int, int]]:
    """Return campaigns, with the coins that went out, and with how many purchases."""
    return [
        (_campaign(row), row["paid_coins"], row["paid_purchases"])
        for row in await tx.execute(_NEWEST, {"limit": limit})
    ]
