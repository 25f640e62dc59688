"""What the rules need to know about creators, and the rate at which their diamonds are valued."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from services.payout import tables
from services.payout.domain.rates import Rules
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows


@dataclass(slots=True)
class Creator:
    """
    What is known about a creator; `lifetime_diamonds` are those not taken back.

    Free diamonds stand in the money books at `value_minor_per_1000` in `currency`.
    """

    first_earned_at: datetime | None
    lifetime_diamonds: int
    rate_version: int
    currency: str
    value_minor_per_1000: int


_creator = RowMapper(Creator, tables.Creator)


async def read(tx: Transaction, creators: Iterable[str]) -> dict[str, Creator]:
    """Return the creators who are known; their accounts are locked."""
    rows = await tx.execute(_READ, {"creators": list(creators)})
    return {row.creator: _creator(row) for row in rows}


async def save(tx: Transaction, creators: Mapping[str, Creator]) -> None:
    if creators:
        rows = arrays(creators.values(), *Creator.__slots__)
        await tx.execute(_SAVE, {"creator": list(creators), **rows})


async def outdated(tx: Transaction, rules: Rules, limit: int) -> list[str]:
    """Return creators whose diamonds stand at another rate than the one in force."""
    values = {
        "rate_version": rules.rate_version,
        "currency": rules.currency,
        "rate": rules.value_minor_per_1000,
        "limit": limit,
    }
    rows = await tx.execute(_OUTDATED, values)
    return [row.creator for row in rows]


_READ = text(f"""
    SELECT creator, {_creator.columns} FROM creators
    WHERE creator = ANY(CAST(:creators AS text[]))
""")  # noqa: S608 - our own text only
# An upsert finds each row by its key, however wrong the statistics of a young table are.
_SAVE = insert_rows(
    tables.Creator,
    *("creator", *Creator.__slots__),
    then="ON CONFLICT (creator) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in Creator.__slots__),
)
# A newer rate is left alone: an instance that does not know it yet must not fight over it.
_OUTDATED = text("""
    SELECT creator FROM creators
    WHERE rate_version <= :rate_version
      AND (currency, value_minor_per_1000) <> (:currency, CAST(:rate AS bigint))
    ORDER BY creator LIMIT :limit
""")
