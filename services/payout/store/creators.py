"""What the rules need to know about creators, and the rate at which their diamonds are valued."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.payout import columns as tables
from services.payout.domain.rate_plans import STANDARD_PLAN, Rate, RatePlans
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows
from shared.postgres.statements import text


@dataclass(slots=True)
class Creator:
    """
    What is known about a creator; `lifetime_diamonds` are those not taken back.

    Free diamonds stand in the money books at `value_minor_per_1000` in `currency`; `plan` is the
    rate plan that counts now.
    """

    first_earned_at: datetime | None
    lifetime_diamonds: int
    rate_version: int
    currency: str
    value_minor_per_1000: int
    plan: str = STANDARD_PLAN

    @property
    def rate(self) -> Rate:
        """The rate at which the creator stands in the books."""
        return Rate(self.rate_version, self.currency, self.value_minor_per_1000)

    def set_rate(self, rate: Rate) -> None:
        self.rate_version, self.currency = rate.version, rate.currency
        self.value_minor_per_1000 = rate.value_minor_per_1000


_creator = RowMapper(Creator)
_SAVED = tuple(name for name in Creator.__slots__ if name != "plan")


async def read(tx: Transaction, creators: Iterable[str], *, at: datetime) -> dict[str, Creator]:
    """Return the creators who are known, with their plans at a moment; they are locked."""
    rows = await tx.execute(_READ, {"creators": list(creators), "at": at})
    return {row.creator: _creator(row) for row in rows}


async def save(tx: Transaction, creators: Mapping[str, Creator]) -> None:
    if creators:
        rows = arrays(creators.values(), *_SAVED)
        await tx.execute(_SAVE, {"creator": list(creators), **rows})


async def outdated(tx: Transaction, rates: RatePlans, at: datetime, limit: int) -> list[str]:
    """Return creators whose diamonds stand at another rate than the one in force for them."""
    in_force = {plan: rates.rate(plan, at).version for plan in rates.plans}
    values = {
        "at": at,
        "known": [each.rate.version for each in rates.versions()],
        "standard": in_force[STANDARD_PLAN],
        "plans": list(in_force),
        "versions": list(in_force.values()),
        "limit": limit,
    }
    rows = await tx.execute(_OUTDATED, values)
    return [row.creator for row in rows]


# The newest assignment that counts.
_ASSIGNED = """
    SELECT plan FROM rate_assignments
    WHERE rate_assignments.creator = creators.creator AND effective_from <= :at
    ORDER BY effective_from DESC LIMIT 1
"""
_READ = text(f"""
    SELECT creator, {", ".join(_SAVED)}, coalesce(({_ASSIGNED}), '{STANDARD_PLAN}') AS plan
    FROM creators WHERE creator = ANY(CAST(:creators AS text[]))
""")  # noqa: S608 - our own text only
# An upsert finds each row by its key, however wrong the statistics of a young table are.
_SAVE = insert_rows(
    tables.Creator,
    *("creator", *_SAVED),
    then="ON CONFLICT (creator) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in _SAVED),
)
# Those who were never assigned a plan, and those who were. A rate or a plan that this instance does
# not know is left alone: a newer instance does, and the two must not fight over it.
_OUTDATED = text(f"""
    WITH assigned AS (
        SELECT creator, rate_version, ({_ASSIGNED}) AS plan FROM creators
        WHERE creator IN (SELECT creator FROM rate_assignments WHERE effective_from <= :at)
          AND rate_version = ANY(CAST(:known AS integer[]))
    )
    SELECT creator FROM creators
    WHERE rate_version = ANY(CAST(:known AS integer[])) AND rate_version <> :standard
      AND NOT EXISTS (
          SELECT FROM rate_assignments
          WHERE rate_assignments.creator = creators.creator AND effective_from <= :at
      )
    UNION ALL
    SELECT creator FROM assigned
    JOIN unnest(CAST(:plans AS text[]), CAST(:versions AS integer[])) AS in_force (plan, version)
        USING (plan)
    WHERE rate_version <> version
    ORDER BY creator LIMIT :limit
""")  # noqa: S608 - our own text only
