"""At which rate a creator's diamonds stand in the money books, and what is owed for them."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import text

from services.payout.domain.money import PAYABLE
from services.payout.domain.rates import DIAMONDS, Rules
from shared.postgres.database import Transaction


async def rates_of(tx: Transaction, creators: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Return currency and rate of creators who have one; their accounts are locked."""
    rows = await tx.execute(_RATES, {"creators": list(creators)})
    return {row.creator: (row.currency, row.value_minor_per_1000) for row in rows}


async def owed_of(tx: Transaction, creators: Sequence[str]) -> dict[str, dict[str, int]]:
    """
    Return what the books say is owed for creators' free diamonds, by currency.

    It sums up all postings of a creator, so it is for those whose rate was never written down.
    """
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in await tx.execute(_OWED, {"creators": list(creators), "payable": PAYABLE}):
        found[row.creator][row.currency] = row.owed_minor
    return found


async def lower_lifetime(tx: Transaction, creators: Sequence[str]) -> None:
    """Count no longer as earned what the version before left counted, though it was reversed."""
    await tx.execute(_LOWER_LIFETIME, {"creators": list(creators)})


async def save(tx: Transaction, creators: Sequence[str], rules: Rules) -> None:
    """Remember that these creators' diamonds stand in the books at the rate in force."""
    await tx.execute(
        _SAVE,
        {
            "creators": sorted(creators),
            "rate_version": rules.rate_version,
            "currency": rules.currency,
            "rate": rules.value_minor_per_1000,
        },
    )


async def outdated(tx: Transaction, rules: Rules, limit: int) -> list[str]:
    """Return creators whose diamonds stand at another rate than the one in force."""
    values = {
        "rate_version": rules.rate_version,
        "currency": rules.currency,
        "rate": rules.value_minor_per_1000,
        "limit": limit,
    }
    return [row.creator for row in await tx.execute(_OUTDATED, values)]


async def unvalued(tx: Transaction, limit: int) -> list[str]:
    """Return creators whose rate was never written down: they are older than that."""
    rows = await tx.execute(_UNVALUED, {"asset": DIAMONDS, "limit": limit})
    return [row.user_id for row in rows]


_RATES = text("""
    SELECT creator, currency, value_minor_per_1000 FROM valuations
    WHERE creator = ANY(CAST(:creators AS text[]))
""")
_OWED = text("""
    SELECT creator, currency, sum(minor)::bigint AS owed_minor FROM (
        SELECT user_id AS creator, asset AS currency, -amount AS minor FROM postings
        WHERE user_id = ANY(CAST(:creators AS text[])) AND account = :payable
        UNION ALL
        SELECT creator, currency, -(amount_minor + fee_minor) FROM payouts
        WHERE creator = ANY(CAST(:creators AS text[]))
          AND state IN ('requested', 'held', 'approved', 'sent')
    ) AS owed
    GROUP BY creator, currency
""")
_LOWER_LIFETIME = text("""
    UPDATE creators SET lifetime_diamonds = lifetime_diamonds - reversed.diamonds
    FROM (
        SELECT creator, sum(reversed_diamonds)::bigint AS diamonds FROM earnings
        WHERE creator = ANY(CAST(:creators AS text[])) GROUP BY creator
    ) AS reversed
    WHERE creators.creator = reversed.creator AND reversed.diamonds > 0
""")
_SAVE = text("""
    INSERT INTO valuations (creator, rate_version, currency, value_minor_per_1000)
    SELECT creator, :rate_version, :currency, :rate
    FROM unnest(CAST(:creators AS text[])) AS named (creator)
    ON CONFLICT (creator) DO UPDATE
    SET rate_version = excluded.rate_version, currency = excluded.currency,
        value_minor_per_1000 = excluded.value_minor_per_1000
""")
# A newer rate is left alone: an instance that has not heard of it yet must not fight over it.
_OUTDATED = text("""
    SELECT creator FROM valuations
    WHERE rate_version <= :rate_version
      AND (currency, value_minor_per_1000) <> (:currency, CAST(:rate AS bigint))
    ORDER BY creator LIMIT :limit
""")
_UNVALUED = text("""
    SELECT user_id FROM accounts
    WHERE kind = 'main' AND asset = :asset AND NOT EXISTS (
        SELECT FROM valuations WHERE creator = user_id
    )
    ORDER BY user_id LIMIT :limit
""")
