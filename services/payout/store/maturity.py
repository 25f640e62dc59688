"""
When diamonds mature: fraud warnings about their money, and those that are due.

A row's time may miss a warning, if one transaction booked the gift while another wrote the warning.
So warnings are read again wherever a time is used.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.payout import columns as tables
from shared.postgres.database import Transaction
from shared.postgres.rows import insert_rows, unnest
from shared.postgres.statements import text


async def pending_creators(tx: Transaction, lots: Sequence[UUID]) -> list[str]:
    """Return the creators of diamonds that are pending and were paid by these lots."""
    rows = await tx.execute(_PENDING_CREATORS, {"lots": list(lots)})
    return [row.creator for row in rows]


async def add_warnings(
    tx: Transaction,
    flagged: Mapping[UUID, datetime],
    until: Mapping[UUID, datetime],
    *,
    reason: str,
) -> None:
    """
    Remember warnings, and let what is still pending of these lots wait.

    The accounts of the creators of these diamonds are locked.
    """
    lots = sorted(flagged)
    times = {"lot": lots, "until": [until[lot] for lot in lots]}
    await tx.execute(_WARN, {**times, "flagged_at": [flagged[lot] for lot in lots]})
    await tx.execute(_EXTEND, {**times, "reason": reason})


async def creators_due(tx: Transaction, *, now: datetime, limit: int) -> list[str]:
    """Return creators whose diamonds are due."""
    rows = await tx.execute(_DUE, {"now": now, "limit": limit})
    return sorted({row.creator for row in rows})


async def mature(
    tx: Transaction, creators: Sequence[str], *, now: datetime, limit: int
) -> dict[str, tuple[int, int]]:
    """
    Mark what is due as matured; return each creator's diamonds and the number of the maturing.

    The creators' accounts are locked.
    """
    rows = await tx.execute(_MATURE, {"creators": list(creators), "now": now, "limit": limit})
    return {row.creator: (row.diamonds, row.maturings) for row in rows}


_PENDING_CREATORS = text("""
    SELECT DISTINCT creator FROM earnings
    WHERE lot = ANY(CAST(:lots AS uuid[])) AND NOT matured
    ORDER BY creator
""")
_WARN = insert_rows(
    tables.FraudWarning,
    *("lot", "flagged_at", "until"),
    then="""ON CONFLICT (lot) DO UPDATE
    SET flagged_at = greatest(fraud_warnings.flagged_at, excluded.flagged_at),
        until = greatest(fraud_warnings.until, excluded.until)""",
)
_NEW_UNTIL = f"""(
    SELECT until FROM {unnest(tables.FraudWarning, "lot", "until")} WHERE new.lot = earnings.lot
)"""  # noqa: S608 - our own text only
_EXTEND = text(f"""
    UPDATE earnings SET matures_at = {_NEW_UNTIL}, hold_reason = :reason
    WHERE lot = ANY(CAST(:lot AS uuid[])) AND NOT matured AND matures_at < {_NEW_UNTIL}
""")  # noqa: S608 - our own text only
# Scalar subqueries and OFFSET 0 keep each look-up a look-up by key, on any statistics.
_IS_SAFE = """
    coalesce((
        SELECT until FROM fraud_warnings WHERE fraud_warnings.lot = earnings.lot
    ) <= CAST(:now AS timestamptz), true)
"""
_FIRST_DUE = f"""
    SELECT creator, matures_at, ctid AS place FROM earnings
    WHERE NOT matured AND matures_at <= CAST(:now AS timestamptz) AND {_IS_SAFE}
"""  # noqa: S608 - our own text only
_RESTORED_DUE = f"""
    SELECT creator, gift, slice, matures_at, pending, restorations.ctid AS place
    FROM restorations CROSS JOIN LATERAL (
        SELECT lot FROM earnings
        WHERE earnings.creator = restorations.creator AND earnings.gift = restorations.gift
          AND earnings.slice = restorations.slice
        OFFSET 0
    ) AS earnings
    WHERE pending > 0 AND matures_at <= CAST(:now AS timestamptz) AND {_IS_SAFE}
"""  # noqa: S608 - our own text only
# No payment is behind a bonus, so no warning concerns it.
_BONUS_DUE = """
    SELECT creator, id, matures_at, diamonds, ctid AS place FROM bonuses
    WHERE state = 'granted' AND NOT matured AND matures_at <= CAST(:now AS timestamptz)
"""
_DUE = text(f"""
    (SELECT creator FROM ({_FIRST_DUE}) AS first ORDER BY matures_at LIMIT :limit)
    UNION ALL
    (SELECT creator FROM ({_RESTORED_DUE}) AS restored ORDER BY matures_at LIMIT :limit)
    UNION ALL
    (SELECT creator FROM ({_BONUS_DUE}) AS bonus ORDER BY matures_at LIMIT :limit)
""")  # noqa: S608 - our own text only
# The accounts are locked, so no row moves between being found and being written.
_MATURE = text(f"""
    WITH first_due AS (
        SELECT place FROM ({_FIRST_DUE}) AS first
        WHERE creator = ANY(CAST(:creators AS text[])) ORDER BY matures_at LIMIT :limit
    ), restored_due AS (
        SELECT creator, gift, slice, pending, place FROM ({_RESTORED_DUE}) AS restored
        WHERE creator = ANY(CAST(:creators AS text[])) ORDER BY matures_at LIMIT :limit
    ), bonus_due AS (
        SELECT creator, id, diamonds, place FROM ({_BONUS_DUE}) AS bonus
        WHERE creator = ANY(CAST(:creators AS text[])) ORDER BY matures_at LIMIT :limit
    ), untouched AS (
        UPDATE earnings SET matured = true
        WHERE ctid = ANY(ARRAY(SELECT place FROM first_due))
        RETURNING creator, gift, slice, diamonds - reversed_diamonds AS backed
    ), restored AS (
        UPDATE restorations SET pending = 0
        WHERE ctid = ANY(ARRAY(SELECT place FROM restored_due))
    ), bonus AS (
        UPDATE bonuses SET matured = true
        WHERE ctid = ANY(ARRAY(SELECT place FROM bonus_due))
    ), waited AS (
        SELECT creator, gift, slice, 0 AS part, backed - coalesce((
            SELECT diamonds FROM restorations
            WHERE restorations.creator = untouched.creator
              AND restorations.gift = untouched.gift AND restorations.slice = untouched.slice
        ), 0) AS diamonds
        FROM untouched
        UNION ALL
        SELECT creator, gift, slice, 1, pending FROM restored_due
        UNION ALL
        SELECT creator, id, 0, 2, diamonds FROM bonus_due
    ), summed AS (
        SELECT creator, sum(diamonds)::bigint AS diamonds FROM waited GROUP BY creator
    ), counted AS (
        UPDATE creators SET maturings = maturings + 1 FROM summed
        WHERE creators.creator = summed.creator
        RETURNING creators.creator, summed.diamonds, maturings
    ), remembered AS (
        INSERT INTO matured_slices (creator, maturing, gift, slice, part, diamonds)
        SELECT creator, maturings, gift, slice, part, waited.diamonds
        FROM waited JOIN counted USING (creator) WHERE waited.diamonds > 0
    )
    SELECT creator, diamonds, maturings FROM counted
""")  # noqa: S608 - our own text only
