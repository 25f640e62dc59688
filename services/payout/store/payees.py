"""Where creators' money goes."""

from datetime import timedelta

from sqlalchemy import text

from services.payout.domain.payouts import Payee
from shared.postgres.database import Transaction


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

    The first payee may be used at once; one that replaces another rests, and its next payout is
    for a person to look at.
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
    return Payee(*row) if row else None


async def find(tx: Transaction, creator: str, *, lock: bool = False) -> Payee | None:
    """Return where a creator's money goes; locked, nobody can replace it meanwhile."""
    row = (await tx.execute(_LOCK if lock else _FIND, {"creator": creator})).first()
    return Payee(*row) if row else None


async def reviewed(tx: Transaction, creator: str, destination: str) -> None:
    """Remember that a person agreed to money going there."""
    await tx.execute(_REVIEWED, {"creator": creator, "destination": destination})


_REPLACE = text("""
    INSERT INTO payees (creator, provider, destination, changed_by, unreviewed)
    VALUES (:creator, :provider, :destination, :changed_by, :review_first)
    ON CONFLICT (creator) DO UPDATE
    SET provider = excluded.provider, destination = excluded.destination,
        changed_by = excluded.changed_by, changed_at = now(),
        usable_at = now() + CAST(:rest AS interval), unreviewed = true,
        revision = payees.revision + 1
    WHERE (payees.provider, payees.destination) <> (excluded.provider, excluded.destination)
    RETURNING provider, destination, revision, usable_at, unreviewed
""")
_FIND = text("""
    SELECT provider, destination, revision, usable_at, unreviewed FROM payees
    WHERE creator = :creator
""")
_LOCK = text("""
    SELECT provider, destination, revision, usable_at, unreviewed FROM payees
    WHERE creator = :creator FOR SHARE
""")
_REVIEWED = text("""
    UPDATE payees SET unreviewed = false
    WHERE creator = :creator AND destination = :destination
""")
