"""Attempts to send payouts, what the provider said of them, and where it contradicted us."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from services.payout.domain.payouts import SENDABLE, Payout, State
from services.payout.store.payouts import lock_approved
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One try to send one payout, as whoever sends it needs to know it.

    `checks` numbers the looks at it, this one included. `is_sendable` is how it was when this look
    began, and has to be asked again before anything is submitted.
    """

    id: UUID
    creator: str
    payout: UUID
    amount_minor: int
    currency: str
    destination: str
    checks: int
    transfer: str | None
    is_closed: bool
    is_sendable: bool


async def unsent(tx: Transaction, creators: Sequence[str]) -> list[tuple[Payout, str]]:
    """
    Read approved payouts of creators that nobody has begun to send, and keep them still.

    They are locked first and looked at after: whoever held the lock may have opened an attempt,
    which the statement that waited for it would not see.
    """
    if not creators:
        return []
    locked = await lock_approved(tx, creators)
    values = {"creators": list(creators), "payouts": [payout.id for payout, _ in locked]}
    begun = await tx.execute(_BEGUN, values)
    taken = {(row.creator, row.payout) for row in begun}
    return [each for each in locked if (each[0].creator, each[0].id) not in taken]


async def is_under_way(tx: Transaction, payout: Payout) -> bool:
    """Whether the money may be on its way; whoever asks has locked the payout."""
    rows = await tx.execute(_OPEN, {"creator": payout.creator, "payout": payout.id})
    return bool(rows)


async def open_for_approved(tx: Transaction, limit: int) -> int:
    """Open an attempt for approved payouts that have none, and return how many."""
    return len(await tx.execute(_OPEN_FOR_APPROVED, {"limit": limit}))


async def claim_due(tx: Transaction, limit: int) -> list[Attempt]:
    """Take attempts somebody has to look at now; nobody else gets them for a while."""
    rows = await tx.execute(_CLAIM, {"limit": limit, "sendable": _sendable()})
    return [Attempt(*row) for row in rows]


async def begin_to_submit(tx: Transaction, attempt: Attempt) -> timedelta | None:
    """
    Make sure that an attempt may be submitted now; return how long ago it was for the first time.

    None if it may not: it is closed, or its payout is not to be sent. From here on nobody can hold
    or reject the payout.
    """
    row = (await tx.execute(_LOCK_PAYOUT, _key(attempt))).one()
    if State(row.state) not in SENDABLE:
        return None
    found = (await tx.execute(_BEGIN, {**_key(attempt), "approved_at": row.approved_at})).first()
    return found.age if found else None


async def leave_to_a_person(tx: Transaction, attempt: Attempt, window: timedelta) -> bool:
    """
    Say that only a person can find out what became of an attempt submitted longer ago than that.

    False if it was not, or if that was said before.
    """
    return bool(await tx.execute(_UNRESOLVED, {**_key(attempt), "window": window}))


async def unresolved(tx: Transaction, creator: str, payout: UUID) -> Attempt | None:
    """Return the attempt of a payout, if it is one that only a person can resolve."""
    values = {"creator": creator, "payout": payout, "sendable": _sendable()}
    row = (await tx.execute(_FIND_UNRESOLVED, values)).first()
    return Attempt(*row) if row else None


async def count_unresolved(tx: Transaction) -> int:
    return int((await tx.execute(_COUNT_UNRESOLVED)).scalar_one())


async def accept_answer(tx: Transaction, attempt: Attempt) -> bool:
    """Take the answer to this look, if none to a later look was taken already."""
    return bool(await tx.execute(_ACCEPT, {**_key(attempt), "checks": attempt.checks}))


async def submitted(tx: Transaction, attempt: Attempt, transfer: str) -> None:
    await tx.execute(_SUBMITTED, {**_key(attempt), "transfer": transfer})


async def close(tx: Transaction, attempt: Attempt) -> None:
    """Nobody has to look at the attempt again, unless the provider says more."""
    await tx.execute(_CLOSE, _key(attempt))


async def rest(tx: Transaction, attempt: Attempt) -> None:
    """Look no more at an attempt that is closed, until the provider says more."""
    await tx.execute(_REST, _key(attempt))


async def contradict(tx: Transaction, attempt: Attempt, state: State, said: str) -> bool:
    """Write down that the provider says what cannot be; False if it said so before."""
    values = {**_key(attempt), "payout": attempt.payout, "state": state.value, "said": said}
    return bool(await tx.execute(_CONTRADICT, values))


async def notify(
    tx: Transaction,
    *,
    provider: str,
    webhook_id: str,
    kind: str,
    attempt: UUID | None,
    payload_hash: bytes,
) -> bool:
    """Keep a webhook and make its attempt due; False if it was here before."""
    values = {
        "provider": provider,
        "webhook_id": webhook_id,
        "kind": kind,
        "attempt": attempt,
        "hash": payload_hash,
    }
    new = (await tx.execute(_NOTIFY, values)).first() is not None
    if new and attempt is not None:
        await tx.execute(_MAKE_DUE, {"id": attempt})
    return new


def _key(attempt: Attempt) -> dict[str, object]:
    return {"creator": attempt.creator, "id": attempt.id, "payout": attempt.payout}


def _sendable() -> list[str]:
    return [state.value for state in SENDABLE]


_BEGUN = text("""
    SELECT creator, payout FROM attempts
    WHERE creator = ANY(CAST(:creators AS text[])) AND payout = ANY(CAST(:payouts AS uuid[]))
""")
_OPEN = text("""
    SELECT id FROM attempts WHERE creator = :creator AND payout = :payout AND NOT closed
""")
# The partial unique index lets only one of two workers open an attempt.
_OPEN_FOR_APPROVED = text("""
    INSERT INTO attempts (creator, id, payout, number, next_check_at)
    SELECT creator, gen_random_uuid(), id, 1, now()
    FROM (
        SELECT creator, id FROM payouts
        WHERE state = 'approved' AND NOT EXISTS (
            SELECT FROM attempts
            WHERE attempts.creator = payouts.creator AND attempts.payout = payouts.id
        )
        ORDER BY requested_at LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ) AS approved
    ON CONFLICT DO NOTHING
    RETURNING id
""")
_ATTEMPT = """
    attempts.id, attempts.creator, attempts.payout, payouts.amount_minor, payouts.currency,
    payouts.destination, attempts.checks, attempts.transfer, attempts.closed,
    NOT attempts.closed AND payouts.state = ANY(CAST(:sendable AS text[]))
"""
# Looked at again after 5, 10, 20 ... seconds, at most ten minutes apart.
_CLAIM = text(f"""
    UPDATE attempts
    SET checks = checks + 1,
        next_check_at = now() + least(5 * power(2, least(checks, 10)), 600) * interval '1 second'
    FROM (
        SELECT creator, id FROM attempts
        WHERE next_check_at <= now()
        ORDER BY next_check_at LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ) AS due, payouts
    WHERE attempts.creator = due.creator AND attempts.id = due.id
      AND payouts.creator = attempts.creator AND payouts.id = attempts.payout
    RETURNING {_ATTEMPT}
""")  # noqa: S608 - our own text only
_LOCK_PAYOUT = text("""
    SELECT state, (
        SELECT max(at) FROM payout_states
        WHERE payout_states.creator = payouts.creator AND payout = payouts.id
          AND payout_states.state = 'approved'
    ) AS approved_at
    FROM payouts WHERE creator = :creator AND id = :payout FOR UPDATE
""")
# Of an attempt that the version before looked at nobody knows when it was submitted.
_BEGIN = text("""
    UPDATE attempts
    SET first_submitted_at = coalesce(
        first_submitted_at,
        CASE WHEN checks > 1 THEN CAST(:approved_at AS timestamptz) END,
        clock_timestamp()
    )
    WHERE creator = :creator AND id = :id AND NOT closed
    RETURNING clock_timestamp() - first_submitted_at AS age
""")
_UNRESOLVED = text("""
    UPDATE attempts SET unresolved_at = clock_timestamp()
    WHERE creator = :creator AND id = :id AND NOT closed AND unresolved_at IS NULL
      AND first_submitted_at < clock_timestamp() - CAST(:window AS interval)
    RETURNING id
""")
_FIND_UNRESOLVED = text(f"""
    SELECT {_ATTEMPT}
    FROM attempts JOIN payouts ON payouts.creator = attempts.creator AND payouts.id = payout
    WHERE attempts.creator = :creator AND payout = :payout AND NOT closed
      AND unresolved_at IS NOT NULL
""")  # noqa: S608 - our own text only
_COUNT_UNRESOLVED = text("""
    SELECT count(*) FROM attempts
    WHERE next_check_at IS NOT NULL AND unresolved_at IS NOT NULL AND NOT closed
""")
_ACCEPT = text("""
    UPDATE attempts SET answered_check = :checks
    WHERE creator = :creator AND id = :id AND answered_check <= :checks
    RETURNING id
""")
_SUBMITTED = text("""
    UPDATE attempts SET transfer = coalesce(transfer, :transfer)
    WHERE creator = :creator AND id = :id
""")
_CLOSE = text("""
    UPDATE attempts SET closed = true, next_check_at = NULL
    WHERE creator = :creator AND id = :id
""")
_REST = text("""
    UPDATE attempts SET next_check_at = NULL WHERE creator = :creator AND id = :id AND closed
""")
_CONTRADICT = text("""
    INSERT INTO contradictions (creator, payout, attempt, state, said)
    VALUES (:creator, :payout, :id, :state, :said)
    ON CONFLICT DO NOTHING
    RETURNING at
""")
_NOTIFY = text("""
    INSERT INTO notifications (provider, webhook_id, kind, attempt, payload_hash)
    VALUES (:provider, :webhook_id, :kind, :attempt, :hash)
    ON CONFLICT DO NOTHING
    RETURNING id
""")
_MAKE_DUE = text("UPDATE attempts SET next_check_at = now() WHERE id = :id")
