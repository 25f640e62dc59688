"""Bonuses that operators asked for, and what was decided."""

from datetime import datetime
from uuid import UUID

from services.payout import columns as tables
from services.payout.domain.bonuses import Bonus, BonusState
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, update_rows
from shared.postgres.statements import text

_bonus = RowMapper(Bonus, tables.Bonus)


async def request(
    tx: Transaction,
    creator: str,
    bonus: UUID,
    *,
    request_hash: bytes,
    funder: str,
    diamonds: int,
    reason: str,
    operator: str,
) -> bool:
    """Record a bonus that an operator asks for; False if it was recorded before."""
    values = {
        "creator": creator,
        "id": bonus,
        "hash": request_hash,
        "funder": funder,
        "diamonds": diamonds,
        "reason": reason,
        "operator": operator,
    }
    return (await tx.execute(_REQUEST, values)).first() is not None


async def find(tx: Transaction, creator: str, bonus: UUID) -> tuple[Bonus, bytes] | None:
    """Return a bonus with the hash of its request."""
    row = (await tx.execute(_FIND, {"creator": creator, "id": bonus})).first()
    return (_bonus(row), row.request_hash) if row else None


async def save_decision(tx: Transaction, bonus: Bonus) -> None:
    """Write what was decided; the creator's accounts are locked."""
    await tx.execute(_DECIDE, arrays([bonus], *_KEY, *_DECIDED))


async def newest(
    tx: Transaction,
    creator: str,
    *,
    state: BonusState | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Bonus]:
    """Return a creator's bonuses in a state, or all of them, the newest first."""
    at, bonus = before or (None, None)
    values = {"creator": creator, "state": state, "at": at, "bonus": bonus, "limit": limit}
    return [_bonus(row) for row in await tx.execute(_NEWEST, values)]


async def waiting(tx: Transaction, limit: int) -> list[Bonus]:
    """Return the bonuses that wait for a colleague, the oldest first."""
    rows = await tx.execute(_WAITING, {"limit": limit})
    return [_bonus(row) for row in rows]


_KEY = ("creator", "id")
_DECIDED = ("state", "decided_by", "decided_at", "matures_at", "hold_reason", "matured")
_REQUEST = text("""
    INSERT INTO bonuses (creator, id, request_hash, funder, diamonds, reason, requested_by)
    VALUES (:creator, :id, :hash, :funder, :diamonds, :reason, :operator)
    ON CONFLICT DO NOTHING RETURNING id
""")
_FIND = text("SELECT * FROM bonuses WHERE creator = :creator AND id = :id")
_DECIDE = update_rows(tables.Bonus, _KEY, _DECIDED)
_NEWEST = text(f"""
    SELECT {_bonus.columns} FROM bonuses
    WHERE creator = :creator
      AND (CAST(:state AS text) IS NULL OR state = CAST(:state AS text))
      AND (
          CAST(:at AS timestamptz) IS NULL
          OR (requested_at, id) < (CAST(:at AS timestamptz), CAST(:bonus AS uuid))
      )
    ORDER BY requested_at DESC, id DESC LIMIT :limit
""")  # noqa: S608 - our own text only
_WAITING = text(f"""
    SELECT {_bonus.columns} FROM bonuses
    WHERE state = 'requested' ORDER BY requested_at, id LIMIT :limit
""")  # noqa: S608 - our own text only
