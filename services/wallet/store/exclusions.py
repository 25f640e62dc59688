"""Exclusions: until when viewers have excluded themselves from spending."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.wallet import columns as tables
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A viewer's wish to be kept from spending."""

    user: str
    id: UUID
    until: datetime


async def add(
    tx: Transaction, exclusion: Exclusion, *, key: str, request_hash: bytes
) -> tuple[bool, bytes]:
    """Remember an exclusion; return whether it is new, and the hash it was asked with."""
    values = {
        "user": exclusion.user,
        "id": exclusion.id,
        "key": key,
        "hash": request_hash,
        "until": exclusion.until,
    }
    new = bool(await tx.execute(_ADD, values))
    stored = await tx.execute(_HASH, {"user": exclusion.user, "id": exclusion.id})
    return new, stored.scalar_one()


async def longest(tx: Transaction, user: str, *, now: datetime) -> Exclusion | None:
    """Return what keeps a user from spending longest, if anything does."""
    row = (await tx.execute(_LONGEST, {"user": user, "now": now})).first()
    return _exclusion(row) if row else None


async def due_to_end(tx: Transaction, *, now: datetime, limit: int) -> list[Exclusion]:
    """Return exclusions that are over and have not been ended."""
    rows = await tx.execute(_OVER, {"now": now, "limit": limit})
    return [_exclusion(row) for row in rows]


async def end(tx: Transaction, over: Sequence[Exclusion], *, now: datetime) -> None:
    users, ids = [each.user for each in over], [each.id for each in over]
    await tx.execute(_END, {"users": users, "ids": ids, "now": now})


_exclusion = RowMapper(Exclusion, tables.Exclusion, user="user_id")
_ADD = text("""
    INSERT INTO exclusions (user_id, id, idempotency_key, request_hash, until)
    VALUES (:user, :id, :key, :hash, :until)
    ON CONFLICT DO NOTHING
    RETURNING id
""")
_HASH = text("""
    SELECT request_hash FROM exclusions WHERE user_id = :user AND id = :id
""")
_LONGEST = text(f"""
    SELECT {_exclusion.columns} FROM exclusions
    WHERE user_id = :user AND ended_at IS NULL AND until > CAST(:now AS timestamptz)
    ORDER BY until DESC LIMIT 1
""")  # noqa: S608 - columns of our own
_OVER = text(f"""
    SELECT {_exclusion.columns} FROM exclusions
    WHERE ended_at IS NULL AND until <= CAST(:now AS timestamptz)
    ORDER BY until LIMIT :limit
""")  # noqa: S608 - columns of our own
_END = text("""
    UPDATE exclusions SET ended_at = CAST(:now AS timestamptz)
    FROM unnest(CAST(:users AS text[]), CAST(:ids AS uuid[])) AS over (user_id, id)
    WHERE exclusions.user_id = over.user_id AND exclusions.id = over.id
""")
