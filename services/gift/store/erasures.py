"""Requests of people to be erased, and what each service says of them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.gift import columns as tables
from services.gift.domain.erasures import Erasure, ErasureAnswer
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_erasure = RowMapper(Erasure, tables.Erasure)


async def add(tx: Transaction, user: str, erasure: UUID, *, forfeit: bool) -> bool:
    """Record a request; False if one of the person's is being checked, or they are erased."""
    asked = {"user": user, "id": erasure, "forfeit": forfeit}
    return bool(await tx.execute(_ADD, asked))


async def newest(tx: Transaction, user: str) -> Erasure | None:
    row = (await tx.execute(_NEWEST, {"user": user})).first()
    return _erasure(row) if row is not None else None


async def lock(tx: Transaction, user: str, erasure: UUID) -> Erasure | None:
    row = (await tx.execute(_LOCK, {"user": user, "id": erasure})).first()
    return _erasure(row) if row is not None else None


async def decide(tx: Transaction, erasure: Erasure, *, now: datetime) -> None:
    """Write what was decided of a locked request."""
    asked = {"user": erasure.user_id, "id": erasure.id, "state": erasure.state, "now": now}
    await tx.execute(_DECIDE, asked)


async def save_obstacles(
    tx: Transaction, user: str, erasure: UUID, service: str, obstacles: Sequence[str]
) -> None:
    asked = {"user": user, "id": erasure, "service": service, "obstacles": list(obstacles)}
    await tx.execute(_SAVE_OBSTACLES, asked)


async def save_erased(
    tx: Transaction, user: str, erasure: UUID, service: str, erased: Mapping[str, int]
) -> None:
    asked = {"user": user, "id": erasure, "service": service, "erased": json.dumps(erased)}
    await tx.execute(_SAVE_ERASED, asked)


async def answers(tx: Transaction, user: str, erasure: UUID) -> dict[str, ErasureAnswer]:
    """Return what was answered so far, by service."""
    rows = await tx.execute(_ANSWERS, {"user": user, "id": erasure})
    return {
        row.service: ErasureAnswer(
            row.service,
            None if row.obstacles is None else tuple(row.obstacles),
            None if row.erased is None else json.loads(row.erased),
        )
        for row in rows
    }


_ADD = text("""
    INSERT INTO erasures (user_id, id, forfeit, state, requested_at)
    VALUES (:user, CAST(:id AS uuid), :forfeit, 'checking', clock_timestamp())
    ON CONFLICT DO NOTHING RETURNING 1
""")
_NEWEST = text(f"""
    SELECT {_erasure.columns} FROM erasures WHERE user_id = :user
    ORDER BY requested_at DESC, id LIMIT 1
""")  # noqa: S608 - our own text only
_LOCK = text(f"""
    SELECT {_erasure.columns} FROM erasures WHERE user_id = :user AND id = :id FOR UPDATE
""")  # noqa: S608 - our own text only
_DECIDE = text("""
    UPDATE erasures SET state = :state, decided_at = CAST(:now AS timestamptz)
    WHERE user_id = :user AND id = :id
""")
# What was answered once stays: the same message may come twice.
_SAVE_OBSTACLES = text("""
    INSERT INTO erasure_answers AS known (user_id, erasure, service, obstacles)
    VALUES (:user, CAST(:id AS uuid), :service, CAST(:obstacles AS text[]))
    ON CONFLICT (user_id, erasure, service)
    DO UPDATE SET obstacles = coalesce(known.obstacles, excluded.obstacles)
""")
_SAVE_ERASED = text("""
    INSERT INTO erasure_answers AS known (user_id, erasure, service, erased)
    VALUES (:user, CAST(:id AS uuid), :service, CAST(CAST(:erased AS text) AS jsonb))
    ON CONFLICT (user_id, erasure, service)
    DO UPDATE SET erased = coalesce(known.erased, excluded.erased)
""")
_ANSWERS = text("""
    SELECT service, obstacles, erased::text AS erased FROM erasure_answers
    WHERE user_id = :user AND erasure = :id ORDER BY service
""")
