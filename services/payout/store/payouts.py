"""Payouts, and the states they went through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.payout.domain.payouts import Payout, PayoutLoss, State
from shared.postgres.database import Row, Transaction

# Why a payout waits that is not held: the provider's window is over, its answer is unknown.
UNRESOLVED = "provider-unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """A state a payout was in, and since when."""

    state: State
    at: datetime
    reason: str | None


async def paid_today_minor(tx: Transaction, creator: str, at: datetime, zone: str) -> int:
    """
    Return what a creator asked for on the day of `at` in a time zone, and was not given back.

    Whoever decides by it holds the creator's lock.
    """
    values = {"creator": creator, "at": at, "zone": zone}
    return int((await tx.execute(_PAID_TODAY, values)).scalar_one())


async def add_payout(
    tx: Transaction,
    payout: Payout,
    *,
    idempotency_key: str,
    request_hash: bytes,
    provider: str,
    correlation_id: str,
) -> None:
    await tx.execute(
        _ADD_PAYOUT,
        {
            "creator": payout.creator,
            "id": payout.id,
            "key": idempotency_key,
            "hash": request_hash,
            "quote": payout.quote,
            "diamonds": payout.diamonds,
            "amount": payout.amount_minor,
            "fee": payout.fee_minor,
            "currency": payout.currency,
            "rate_version": payout.rate_version,
            "provider": provider,
            "destination": payout.destination,
            "state": payout.state.value,
            "version": payout.version,
            "requested_at": payout.requested_at,
            "correlation_id": correlation_id,
        },
    )


async def remembered(tx: Transaction, creator: str, key: str) -> tuple[Payout, bytes] | None:
    """Return the payout that was asked for under a key, with the hash of its request."""
    row = (await tx.execute(_BY_KEY, {"creator": creator, "key": key})).first()
    return (_payout(row), row.request_hash) if row else None


async def find(tx: Transaction, creator: str, payout: UUID) -> Payout | None:
    row = (await tx.execute(_FIND, {"creator": creator, "id": payout})).first()
    return _payout(row) if row else None


async def lock(tx: Transaction, creator: str, payout: UUID) -> tuple[Payout, str]:
    """Read a payout and keep it still; also the id of the story it belongs to."""
    row = (await tx.execute(_LOCK, {"creator": creator, "id": payout})).one()
    return _payout(row), row.correlation_id


async def lock_approved(tx: Transaction, creators: Sequence[str]) -> list[tuple[Payout, str]]:
    """Read approved payouts of creators and keep them still, sent or not."""
    rows = await tx.execute(_LOCK_APPROVED, {"creators": list(creators)})
    return [(_payout(row), row.correlation_id) for row in rows]


async def open_payout(tx: Transaction, creator: str) -> UUID | None:
    """Return the payout of a creator that is still under way."""
    found: UUID | None = (await tx.execute(_OPEN, {"creator": creator})).scalar_one_or_none()
    return found


async def add_steps(
    tx: Transaction, payout: Payout, steps: Sequence[State], *, reason: str | None = None
) -> None:
    """Write the states a payout went through; the last is where it stands now, and why."""
    first = payout.version - len(steps) + 1
    await tx.execute(
        _ADD_STEPS,
        {
            "creator": payout.creator,
            "payout": payout.id,
            "versions": list(range(first, payout.version + 1)),
            "states": [step.value for step in steps],
            "last": payout.version,
            "reason": reason,
        },
    )


async def move(tx: Transaction, payout: Payout) -> None:
    await tx.execute(
        _MOVE,
        {
            "creator": payout.creator,
            "id": payout.id,
            "state": payout.state.value,
            "version": payout.version,
        },
    )


async def lose(tx: Transaction, losses: Sequence[PayoutLoss]) -> None:
    """Write what these payouts cost the operator, now."""
    if losses:
        await tx.execute(
            _LOSE,
            {
                "creators": [each.creator for each in losses],
                "payouts": [each.payout for each in losses],
                "lost": [each.lost_diamonds for each in losses],
            },
        )


async def lost_of(tx: Transaction, creators: Sequence[str]) -> list[PayoutLoss]:
    """Return payouts whose diamonds the operator bore, the oldest first."""
    rows = await tx.execute(_LOST, {"creators": list(creators)})
    return [PayoutLoss(row.creator, row.id, row.lost_diamonds) for row in rows]


async def timeline(tx: Transaction, payout: Payout) -> list[Step]:
    rows = await tx.execute(_TIMELINE, {"creator": payout.creator, "payout": payout.id})
    return [Step(State(row.state), row.at, row.reason) for row in rows]


async def newest(
    tx: Transaction, creator: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Payout]:
    at, payout = before or (None, None)
    rows = await tx.execute(
        _NEWEST, {"creator": creator, "at": at, "payout": payout, "limit": limit}
    )
    return [_payout(row) for row in rows]


async def waiting(tx: Transaction, limit: int) -> list[tuple[Payout, Step]]:
    """
    Return payouts that a person has to decide about, since when and why, the oldest first.

    They are held, or nobody but a person can find out any more what became of them.
    """
    rows = await tx.execute(_WAITING, {"limit": limit, "unresolved": UNRESOLVED})
    return [(_payout(row), Step(State(row.state), row.since, row.why)) for row in rows]


async def by_state(tx: Transaction) -> dict[str, int]:
    rows = await tx.execute(_BY_STATE)
    return {row.state: row.payouts for row in rows}


async def paid_amounts(tx: Transaction) -> dict[str, int]:
    """Return the money that arrived at creators, by currency."""
    rows = await tx.execute(_PAID_AMOUNTS)
    return {row.currency: row.amount_minor for row in rows}


def _payout(row: Row) -> Payout:
    return Payout(
        creator=row.creator,
        id=row.id,
        quote=row.quote,
        diamonds=row.diamonds,
        amount_minor=row.amount_minor,
        fee_minor=row.fee_minor,
        currency=row.currency,
        rate_version=row.rate_version,
        destination=row.destination,
        state=State(row.state),
        version=row.version,
        requested_at=row.requested_at,
    )


_PAID_TODAY = text("""
    SELECT coalesce(sum(amount_minor + fee_minor), 0)::bigint FROM payouts
    WHERE creator = :creator AND state NOT IN ('failed', 'returned', 'rejected')
      AND requested_at >= date_trunc('day', CAST(:at AS timestamptz), CAST(:zone AS text))
""")
_ADD_PAYOUT = text("""
    INSERT INTO payouts (
        creator, id, idempotency_key, request_hash, quote, diamonds, amount_minor, fee_minor,
        currency, rate_version, provider, destination, state, version, requested_at,
        correlation_id
    )
    VALUES (
        :creator, :id, :key, :hash, :quote, :diamonds, :amount, :fee, :currency, :rate_version,
        :provider, :destination, :state, :version, :requested_at, :correlation_id
    )
""")
_BY_KEY = text("SELECT * FROM payouts WHERE creator = :creator AND idempotency_key = :key")
_FIND = text("SELECT * FROM payouts WHERE creator = :creator AND id = :id")
_LOCK = text("SELECT * FROM payouts WHERE creator = :creator AND id = :id FOR UPDATE")
_LOCK_APPROVED = text("""
    SELECT * FROM payouts
    WHERE creator = ANY(CAST(:creators AS text[])) AND state = 'approved'
    ORDER BY creator, id FOR UPDATE
""")
_OPEN = text("""
    SELECT id FROM payouts
    WHERE creator = :creator AND state IN ('requested', 'held', 'approved', 'sent')
""")
_ADD_STEPS = text("""
    INSERT INTO payout_states (creator, payout, version, state, reason)
    SELECT :creator, :payout, version, state, CASE WHEN version = :last THEN :reason END
    FROM unnest(CAST(:versions AS integer[]), CAST(:states AS text[])) AS step (version, state)
""")
_MOVE = text("""
    UPDATE payouts SET state = :state, version = :version WHERE creator = :creator AND id = :id
""")
_LOSE = text("""
    INSERT INTO payout_losses (creator, payout, lost_diamonds)
    SELECT * FROM unnest(
        CAST(:creators AS text[]), CAST(:payouts AS uuid[]), CAST(:lost AS bigint[])
    )
    ON CONFLICT (creator, payout) DO UPDATE SET lost_diamonds = excluded.lost_diamonds
""")
_LOST = text("""
    SELECT payout_losses.creator, payout AS id, lost_diamonds
    FROM payout_losses
    JOIN payouts ON payouts.creator = payout_losses.creator AND payouts.id = payout
    WHERE payout_losses.creator = ANY(CAST(:creators AS text[])) AND lost_diamonds > 0
    ORDER BY requested_at, id
""")
_TIMELINE = text("""
    SELECT state, at, reason FROM payout_states
    WHERE creator = :creator AND payout = :payout ORDER BY version
""")
_NEWEST = text("""
    SELECT * FROM payouts
    WHERE creator = :creator AND (
        CAST(:at AS timestamptz) IS NULL
        OR (requested_at, id) < (CAST(:at AS timestamptz), CAST(:payout AS uuid))
    )
    ORDER BY requested_at DESC, id DESC
    LIMIT :limit
""")
# That a payout is open is what the index of open payouts knows.
_WAITING = text("""
    SELECT payouts.*, at AS since, reason AS why
    FROM payouts JOIN payout_states USING (creator, version)
    WHERE payout = id AND payouts.state IN ('requested', 'held', 'approved', 'sent')
      AND payouts.state = 'held'
    UNION ALL
    SELECT payouts.*, unresolved_at, CAST(:unresolved AS text)
    FROM payouts JOIN attempts ON attempts.creator = payouts.creator AND payout = payouts.id
    WHERE payouts.state IN ('requested', 'held', 'approved', 'sent')
      AND payouts.state <> 'held' AND unresolved_at IS NOT NULL AND NOT closed
    ORDER BY since, id LIMIT :limit
""")
_BY_STATE = text("SELECT state, count(*) AS payouts FROM payouts GROUP BY state")
_PAID_AMOUNTS = text("""
    SELECT currency, sum(amount_minor)::bigint AS amount_minor
    FROM payouts WHERE state = 'paid' GROUP BY currency
""")
