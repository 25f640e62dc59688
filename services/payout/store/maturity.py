"""
When diamonds mature: fraud warnings about their money, and those that are due.

A row's time may miss a warning, if one transaction booked the gift while another wrote the warning.
So warnings are read again wherever a time is used.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.payout import tables
from shared.postgres.database import Transaction
from shared.postgres.rows import insert_rows, unnest


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
_EXTEND = text(f"""
    UPDATE earnings SET matures_at = new.until, hold_reason = :reason
    FROM {unnest(tables.FraudWarning, "lot", "until")}
    WHERE earnings.lot = new.lot AND NOT matured AND matures_at < new.until
""")  # noqa: S608 - our own text only
_IS_SAFE = """
    NOT EXISTS (
        SELECT FROM fraud_warnings AS warnings
        WHERE warnings.lot = earnings.lot AND until > CAST(:now AS timestamptz)
    )
"""
_FIRST_DUE = f"""
    SELECT creator, gift, slice, matures_at FROM earnings
    WHERE NOT matured AND matures_at <= CAST(:now AS timestamptz) AND {_IS_SAFE}
"""  # noqa: S608 - our own text only
_RESTORED_DUE = f"""
    SELECT creator, gift, slice, restorations.matures_at
    FROM restorations JOIN earnings USING (creator, gift, slice)
    WHERE pending > 0 AND restorations.matures_at <= CAST(:now AS timestamptz) AND {_IS_SAFE}
"""  # noqa: S608 - our own text only
_DUE = text(f"""
    (SELECT creator FROM ({_FIRST_DUE}) AS first ORDER BY matures_at LIMIT :limit)
    UNION ALL
    (SELECT creator FROM ({_RESTORED_DUE}) AS restored ORDER BY matures_at LIMIT :limit)
""")  # noqa: S608 - our own text only
_MATURE = text(f"""
    WITH first_due AS (
        SELECT * FROM ({_FIRST_DUE}) AS first
        WHERE creator = ANY(CAST(:creators AS text[])) ORDER BY matures_at LIMIT :limit
    ), restored_due AS (
        SELECT * FROM ({_RESTORED_DUE}) AS restored
        WHERE creator = ANY(CAST(:creators AS text[])) ORDER BY matures_at LIMIT :limit
    ), untouched AS (
        UPDATE earnings SET matured = true FROM first_due
        WHERE earnings.creator = first_due.creator AND earnings.gift = first_due.gift
          AND earnings.slice = first_due.slice
        RETURNING earnings.creator, earnings.gift, earnings.slice,
                  earnings.diamonds - earnings.reversed_diamonds AS backed
    ), waited AS (
        SELECT creator, backed - coalesce(restorations.diamonds, 0) AS diamonds
        FROM untouched LEFT JOIN restorations USING (creator, gift, slice)
        UNION ALL
        SELECT creator, pending FROM restored_due JOIN restorations USING (creator, gift, slice)
    ), restored AS (
        UPDATE restorations SET pending = 0 FROM restored_due
        WHERE restorations.creator = restored_due.creator
          AND restorations.gift = restored_due.gift AND restorations.slice = restored_due.slice
    ), summed AS (
        SELECT creator, sum(diamonds)::bigint AS diamonds FROM waited GROUP BY creator
    )
    UPDATE creators SET maturings = maturings + 1 FROM summed
    WHERE creators.creator = summed.creator
    RETURNING creators.creator, summed.diamonds, maturings
""")  # noqa: S608 - our own text only
