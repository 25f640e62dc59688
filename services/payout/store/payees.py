"""Where creators' money goes."""

from datetime import timedelta

from sqlalchemy import text

from services.payout import tables
from services.payout.domain.payouts import Payee
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper

payee_of = RowMapper(Payee, tables.Payee)


async def replace(
    tx: Transaction,
    creator: str,
    provider: str,
    destination: str,
    *,
    changed_by: str,
    rest: timedelta,
    review_first: bool,
) -> Payee | None:
    """
    Send a creator's money elsewhere from now on; None if it goes there already.

    The first payee may be used at once. One that replaces another rests, and its next payout is
    under review.
    """
    values = {
        "creator": creator,
        "provider": provider,
        "destination": destination,
        "changed_by": changed_by,
        "rest": rest,
        "review_first": review_first,
    }
    row = (await tx.execute(_REPLACE, values)).first()
    return payee_of(row) if row else None


_REPLACE = text(f"""
    INSERT INTO payees (creator, provider, destination, changed_by, unreviewed)
    VALUES (:creator, :provider, :destination, :changed_by, :review_first)
    ON CONFLICT (creator) DO UPDATE
    SET provider = excluded.provider, destination = excluded.destination,
        changed_by = excluded.changed_by, changed_at = now(),
        usable_at = now() + CAST(:rest AS interval), unreviewed = true,
        revision = payees.revision + 1
    WHERE (payees.provider, payees.destination) <> (excluded.provider, excluded.destination)
    RETURNING {payee_of.columns}
""")  # noqa: S608 - our own text only


async def find(tx: Transaction, creator: str) -> Payee | None:
    row = (await tx.execute(_FIND, {"creator": creator})).first()
    return payee_of(row) if row else None


_FIND = text(f"SELECT {payee_of.columns} FROM payees WHERE creator = :creator")  # noqa: S608


async def mark_reviewed(tx: Transaction, creator: str, destination: str) -> None:
    """Remember that a person agreed to money going there."""
    await tx.execute(_MARK_REVIEWED, {"creator": creator, "destination": destination})


_MARK_REVIEWED = text("""
    UPDATE payees SET unreviewed = false
    WHERE creator = :creator AND destination = :destination
""")
