"""Attempts to send payouts, their status, and where a provider contradicts us."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from services.payout.domain.payouts import SENDABLE, Payout, State
from services.payout.domain.transfers import WebhookEvent
from services.payout.store.payouts import PAYOUT_DUE, lock_approved
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One try to send one payout.

    `checks` counts the checks, this one included. `is_sendable` is how it was when this check
    began, and has to be asked again before anything is submitted.
    """

    id: UUID
    creator: str
    payout: UUID
    amount_minor: int
    currency: str
    provider: str
    destination: str
    checks: int
    transfer: str | None
    is_sendable: bool


_attempt = RowMapper(Attempt)


async def lock_unsent(tx: Transaction, creators: Sequence[str]) -> list[tuple[Payout, str]]:
    """
    Lock and return approved payouts of creators that have no attempt under way.

    They are locked first and looked at after: the transaction before may have opened an attempt,
    which a statement that waited for its lock would not see.
    """
    if not creators:
        return []
    locked = await lock_approved(tx, creators)
    values = {"creators": list(creators), "payouts": [payout.id for payout, _ in locked]}
    begun = await tx.execute(_BEGUN, values)
    taken = {(row.creator, row.payout) for row in begun}
    return [each for each in locked if (each[0].creator, each[0].id) not in taken]


async def is_under_way(tx: Transaction, payout: Payout) -> bool:
    """Whether the money may be on its way; the payout is locked."""
    rows = await tx.execute(_OPEN, {"creator": payout.creator, "payout": payout.id})
    return bool(rows)


async def open_for_approved(tx: Transaction, limit: int) -> int:
    """
    Open an attempt for approved payouts that have none, and return how many.

    One that had an attempt by which nothing was done waits ten minutes for another one.
    """
    return len(await tx.execute(_OPEN_FOR_APPROVED, {"limit": limit}))


async def claim_due(tx: Transaction, limit: int) -> list[Attempt]:
    """Take attempts that are due; no other worker gets them for a while."""
    rows = await tx.execute(_CLAIM, {"limit": limit, "sendable": _sendable()})
    return [_attempt(row) for row in rows]


async def begin_to_submit(tx: Transaction, attempt: Attempt) -> timedelta | None:
    """
    Make sure that an attempt may be submitted now; return how long ago it was for the first time.

    None if it may not: it is closed, or its payout is not to be sent. From here on the payout can
    be neither held nor rejected.
    """
    row = (await tx.execute(_LOCK_PAYOUT, _key(attempt))).one()
    if State(row.state) not in SENDABLE:
        return None
    found = (await tx.execute(_BEGIN, _key(attempt))).first()
    return found.age if found else None


async def make_due(tx: Transaction, ids: Sequence[UUID]) -> None:
    """Let attempts be polled soon: the provider has something new to say of them."""
    if ids:
        await tx.execute(_MAKE_ALL_DUE, {"ids": list(ids)})
        tx.wake(PAYOUT_DUE)


async def mark_unresolved(tx: Transaction, attempt: Attempt, window: timedelta) -> bool:
    """
    Leave an attempt to a person that was submitted longer ago than the provider knows its key.

    False if it was not, or is left to a person already.
    """
    return bool(await tx.execute(_UNRESOLVED, {**_key(attempt), "window": window}))


async def find_unresolved(tx: Transaction, creator: str, payout: UUID) -> Attempt | None:
    """Return the attempt of a payout, if it is one that only a person can resolve."""
    values = {"creator": creator, "payout": payout, "sendable": _sendable()}
    row = (await tx.execute(_FIND_UNRESOLVED, values)).first()
    return _attempt(row) if row else None


async def count_unresolved(tx: Transaction) -> int:
    return int((await tx.execute(_COUNT_UNRESOLVED)).scalar_one())


async def accept_answer(tx: Transaction, attempt: Attempt) -> bool:
    """Accept the answer to this check, unless one to a later check was accepted already."""
    return bool(await tx.execute(_ACCEPT, {**_key(attempt), "checks": attempt.checks}))


async def save_transfer(tx: Transaction, attempt: Attempt, transfer: str) -> None:
    await tx.execute(_SAVE_TRANSFER, {**_key(attempt), "transfer": transfer})


async def close(tx: Transaction, attempt: Attempt, *, is_watched: bool) -> None:
    """
    End an attempt: it is not submitted again.

    One that is watched is still looked at for some months, less and less often: money can come
    back, and the webhook that says so can be lost.
    """
    await tx.execute(_CLOSE, {**_key(attempt), "is_watched": is_watched})


async def stop_checking(tx: Transaction, attempt: Attempt) -> None:
    """Check an attempt that is closed no more, unless the provider says more."""
    await tx.execute(_STOP_CHECKING, _key(attempt))


async def add_contradiction(tx: Transaction, attempt: Attempt, state: State, status: str) -> bool:
    """Write down that the provider contradicts a state; False if it did so before."""
    values = {**_key(attempt), "payout": attempt.payout, "state": state.value, "status": status}
    return bool(await tx.execute(_ADD_CONTRADICTION, values))


async def has_webhook_event(tx: Transaction, provider: str, event: WebhookEvent) -> bool:
    """Whether a webhook is stored already."""
    values = {"provider": provider, "webhook_id": event.webhook_id}
    return bool(await tx.execute(_FIND_WEBHOOK_EVENT, values))


async def add_webhook_event(tx: Transaction, provider: str, event: WebhookEvent) -> None:
    """Store a webhook, once."""
    row = {"provider": provider, **asdict(event)}
    del row["account"]
    await tx.execute(_ADD_WEBHOOK_EVENT, row)


def _key(attempt: Attempt) -> dict[str, object]:
    return {"creator": attempt.creator, "id": attempt.id, "payout": attempt.payout}


def _sendable() -> list[str]:
    return [state.value for state in SENDABLE]


_BEGUN = text("""
    SELECT creator, payout FROM attempts
    WHERE creator = ANY(CAST(:creators AS text[])) AND payout = ANY(CAST(:payouts AS uuid[]))
      AND NOT closed
""")
_OPEN = text("""
    SELECT id FROM attempts WHERE creator = :creator AND payout = :payout AND NOT closed
""")
# The numbers let only one of two workers open an attempt. An approved payout has a closed one if
# nothing was done by it.
_OPEN_FOR_APPROVED = text("""
    INSERT INTO attempts (creator, id, payout, number, next_check_at)
    SELECT creator, gen_random_uuid(), id, number, now()
    FROM (
        SELECT creator, id, 1 + coalesce((
            SELECT max(number) FROM attempts
            WHERE attempts.creator = payouts.creator AND attempts.payout = payouts.id
        ), 0) AS number
        FROM payouts
        WHERE state = 'approved' AND NOT EXISTS (
            SELECT FROM attempts
            WHERE attempts.creator = payouts.creator AND attempts.payout = payouts.id
              AND (NOT closed OR first_submitted_at > now() - interval '10 minutes')
        )
        ORDER BY requested_at LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ) AS approved
    ON CONFLICT DO NOTHING
    RETURNING id
""")
_ATTEMPT = """
    attempts.id, attempts.creator, attempts.payout, payouts.amount_minor, payouts.currency,
    payouts.provider, payouts.destination, attempts.checks, attempts.transfer,
    NOT attempts.closed AND payouts.state = ANY(CAST(:sendable AS text[])) AS is_sendable
"""
# Checked again after 5, 10, 20 ... seconds, at most ten minutes apart.
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
    SELECT state FROM payouts WHERE creator = :creator AND id = :payout FOR UPDATE
""")
_BEGIN = text("""
    UPDATE attempts SET first_submitted_at = coalesce(first_submitted_at, clock.now)
    FROM (SELECT clock_timestamp() AS now) AS clock
    WHERE creator = :creator AND id = :id AND NOT closed
    RETURNING clock.now - first_submitted_at AS age
""")
_UNRESOLVED = text("""
    UPDATE attempts SET unresolved_at = clock.now
    FROM (
        SELECT now, now - CAST(:window AS interval) AS forgotten_before
        FROM (SELECT clock_timestamp() AS now) AS current
    ) AS clock
    WHERE creator = :creator AND id = :id AND NOT closed AND unresolved_at IS NULL
      AND first_submitted_at < clock.forgotten_before
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
_SAVE_TRANSFER = text("""
    UPDATE attempts SET transfer = coalesce(transfer, :transfer)
    WHERE creator = :creator AND id = :id
""")
# Watched for as long again as it has been, for 120 days: after hours, days, then weeks.
_CLOSE = text("""
    UPDATE attempts SET closed = true, next_check_at = watched.next_check_at
    FROM (
        SELECT CASE
            WHEN CAST(:is_watched AS boolean) AND first_submitted_at > now() - interval '120 days'
            THEN now() + greatest(now() - first_submitted_at, interval '1 hour')
        END AS next_check_at
        FROM attempts WHERE creator = :creator AND id = :id FOR UPDATE
    ) AS watched
    WHERE creator = :creator AND id = :id
""")
_STOP_CHECKING = text("""
    UPDATE attempts SET next_check_at = NULL WHERE creator = :creator AND id = :id AND closed
""")
_ADD_CONTRADICTION = text("""
    INSERT INTO contradictions (creator, payout, attempt, state, status)
    VALUES (:creator, :payout, :id, :state, :status)
    ON CONFLICT DO NOTHING
    RETURNING at
""")
_ADD_WEBHOOK_EVENT = text("""
    INSERT INTO webhook_events (provider, webhook_id, kind, attempt, payload_hash)
    VALUES (:provider, :webhook_id, :kind, :attempt, :payload_hash)
    ON CONFLICT DO NOTHING
""")
_FIND_WEBHOOK_EVENT = text("""
    SELECT id FROM webhook_events WHERE provider = :provider AND webhook_id = :webhook_id
""")
_MAKE_ALL_DUE = text("""
    UPDATE attempts SET next_check_at = now()
    FROM (
        SELECT creator, id FROM attempts WHERE id = ANY(CAST(:ids AS uuid[]))
        ORDER BY creator, id FOR UPDATE
    ) AS due
    WHERE attempts.creator = due.creator AND attempts.id = due.id
""")
