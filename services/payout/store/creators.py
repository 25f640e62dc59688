"""What the rules need to know about creators, and the rate at which their diamonds are valued."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from services.payout import tables
from services.payout.domain.rates import Rules
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, update_rows


@dataclass(slots=True)
class Creator:
    """
    What is known about a creator; `lifetime_diamonds` are those not taken back.

    Free diamonds stand in the money books at `value_minor_per_1000` in `currency`.
    """

    first_earned_at: datetime | None
    lifetime_diamonds: int
    currency: str
    value_minor_per_1000: int


_creator = RowMapper(Creator, tables.Creator)
_TOTALS = ("first_earned_at", "lifetime_diamonds")


async def read(tx: Transaction, creators: Iterable[str]) -> dict[str, Creator]:
    """Return the creators who are known; their accounts are locked."""
    rows = await tx.execute(_READ, {"creators": list(creators)})
    return {row.creator: _creator(row) for row in rows}


async def value_at(tx: Transaction, creators: Sequence[str], rules: Rules) -> None:
    """Remember that these creators' diamonds stand in the books at the rate in force."""
    await tx.execute(_VALUE_AT, {"creators": sorted(creators), **_rate(rules)})


async def save_totals(tx: Transaction, creators: Mapping[str, Creator]) -> None:
    """Write what creators have earned, and since when."""
    if creators:
        totals = arrays(creators.values(), *_TOTALS)
        await tx.execute(_SAVE_TOTALS, {"creator": list(creators), **totals})


async def outdated(tx: Transaction, rules: Rules, limit: int) -> list[str]:
    """Return creators whose diamonds stand at another rate than the one in force."""
    rows = await tx.execute(_OUTDATED, {"limit": limit, **_rate(rules)})
    return [row.creator for row in rows]


def _rate(rules: Rules) -> dict[str, object]:
    return {
        "rate_version": rules.rate_version,
        "currency": rules.currency,
        "rate": rules.value_minor_per_1000,
    }


_READ = text(f"""
    SELECT creator, {_creator.columns} FROM creators
    WHERE creator = ANY(CAST(:creators AS text[]))
""")  # noqa: S608 - our own text only
_VALUE_AT = text("""
    INSERT INTO creators (creator, rate_version, currency, value_minor_per_1000)
    SELECT creator, :rate_version, :currency, :rate
    FROM unnest(CAST(:creators AS text[])) AS named (creator)
    ON CONFLICT (creator) DO UPDATE
    SET rate_version = excluded.rate_version, currency = excluded.currency,
        value_minor_per_1000 = excluded.value_minor_per_1000
""")
_SAVE_TOTALS = update_rows(tables.Creator, ("creator",), _TOTALS)
# A newer rate is left alone: an instance that does not know it yet must not fight over it.
_OUTDATED = text("""
    SELECT creator FROM creators
    WHERE rate_version <= :rate_version
      AND (currency, value_minor_per_1000) <> (:currency, CAST(:rate AS bigint))
    ORDER BY creator LIMIT :limit
""")
