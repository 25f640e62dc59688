"""Payees, quotes, payouts and the attempts to send them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.payout.domain.payouts import Offer, Payout, Quote, State
from shared.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class Step:
    """A state a payout was in, and since when."""

    state: State
    at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to send one payout, as whoever sends it needs to know it."""

    id: UUID
    creator: str
    payout: UUID
    amount_minor: int
    currency: str
    destination: str
    checks: int
    transfer: str | None


async def set_payee(tx: Transaction, creator: str, provider: str, destination: str) -> None:
    await tx.execute(
        _SET_PAYEE, {"creator": creator, "provider": provider, "destination": destination}
    )


async def payee(tx: Transaction, creator: str) -> str | None:
    """Return where a creator's money goes."""
    found: str | None = (await tx.execute(_PAYEE, {"creator": creator})).scalar_one_or_none()
    return found


async def paid_today_minor(tx: Transaction, creator: str) -> int:
    """Return what a creator has asked for today (UTC) and has not been given back."""
    return int((await tx.execute(_PAID_TODAY, {"creator": creator})).scalar_one())


async def add_quote(tx: Transaction, quote: Quote) -> None:
    await tx.execute(
        _ADD_QUOTE,
        {
            "creator": quote.creator,
            "id": quote.id,
            "diamonds": quote.offer.diamonds,
            "amount": quote.offer.amount_minor,
            "fee": quote.offer.fee_minor,
            "currency": quote.currency,
            "rate_version": quote.rate_version,
            "expires_at": quote.expires_at,
        },
    )


async def quote(tx: Transaction, creator: str, quote_id: UUID) -> Quote | None:
    row = (await tx.execute(_QUOTE, {"creator": creator, "id": quote_id})).first()
    if row is None:
        return None
    return Quote(
        id=row.id,
        creator=row.creator,
        offer=Offer(row.diamonds, row.amount_minor, row.fee_minor),
        currency=row.currency,
        rate_version=row.rate_version,
        expires_at=row.expires_at,
        payout=row.payout,
    )


async def use_quote(tx: Transaction, payout: Payout) -> None:
    await tx.execute(
        _USE_QUOTE, {"creator": payout.creator, "id": payout.quote, "payout": payout.id}
    )


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


async def unsent(tx: Transaction, creators: Sequence[str]) -> list[tuple[Payout, str]]:
    """Read approved payouts of creators that nobody has begun to send, and keep them still."""
    rows = await tx.execute(_UNSENT, {"creators": list(creators)}) if creators else []
    return [(_payout(row), row.correlation_id) for row in rows]


async def open_payout(tx: Transaction, creator: str) -> UUID | None:
    """Return the payout of a creator that is still under way."""
    found: UUID | None = (await tx.execute(_OPEN, {"creator": creator})).scalar_one_or_none()
    return found


async def add_steps(
    tx: Transaction, payout: Payout, steps: Sequence[State], *, reason: str | None = None
) -> None:
    """Write the states a payout went through; the last is where it stands now."""
    first = payout.version - len(steps) + 1
    await tx.execute(
        _ADD_STEPS,
        {
            "creator": payout.creator,
            "payout": payout.id,
            "versions": list(range(first, payout.version + 1)),
            "states": [step.value for step in steps],
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


async def held(tx: Transaction, limit: int) -> list[tuple[Payout, Step]]:
    """Return payouts somebody has to decide about, and since when and why, the oldest first."""
    rows = await tx.execute(_HELD, {"limit": limit})
    return [(_payout(row), Step(State.HELD, row.at, row.reason)) for row in rows]


async def open_attempts(tx: Transaction, limit: int) -> int:
    """Open an attempt for approved payouts that have none, and return how many."""
    return len(await tx.execute(_OPEN_ATTEMPTS, {"limit": limit}))


async def claim_due(tx: Transaction, limit: int) -> list[Attempt]:
    """Take attempts somebody has to look at now; nobody else gets them for a while."""
    rows = await tx.execute(_CLAIM, {"limit": limit})
    return [Attempt(*row) for row in rows]


async def submitted(tx: Transaction, attempt: Attempt, transfer: str) -> None:
    await tx.execute(
        _SUBMITTED, {"creator": attempt.creator, "id": attempt.id, "transfer": transfer}
    )


async def close_attempt(tx: Transaction, attempt: Attempt) -> None:
    """Nobody has to look at the attempt again, unless the provider says more."""
    await tx.execute(_CLOSE, {"creator": attempt.creator, "id": attempt.id})


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


_SET_PAYEE = text("""
    INSERT INTO payees (creator, provider, destination)
    VALUES (:creator, :provider, :destination)
    ON CONFLICT (creator) DO UPDATE
    SET provider = excluded.provider, destination = excluded.destination, changed_at = now()
""")
_PAYEE = text("SELECT destination FROM payees WHERE creator = :creator")
_PAID_TODAY = text("""
    SELECT coalesce(sum(amount_minor + fee_minor), 0)::bigint FROM payouts
    WHERE creator = :creator AND state NOT IN ('failed', 'returned', 'rejected')
      AND requested_at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
""")
_ADD_QUOTE = text("""
    INSERT INTO quotes (
        creator, id, diamonds, amount_minor, fee_minor, currency, rate_version, expires_at
    )
    VALUES (:creator, :id, :diamonds, :amount, :fee, :currency, :rate_version, :expires_at)
""")
_QUOTE = text("SELECT * FROM quotes WHERE creator = :creator AND id = :id")
_USE_QUOTE = text("UPDATE quotes SET payout = :payout WHERE creator = :creator AND id = :id")
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
_OPEN = text("""
    SELECT id FROM payouts
    WHERE creator = :creator AND state IN ('requested', 'held', 'approved', 'sent')
""")
_ADD_STEPS = text("""
    INSERT INTO payout_states (creator, payout, version, state, reason)
    SELECT :creator, :payout, version, state, CAST(:reason AS text)
    FROM unnest(CAST(:versions AS integer[]), CAST(:states AS text[])) AS step (version, state)
""")
_MOVE = text("""
    UPDATE payouts SET state = :state, version = :version WHERE creator = :creator AND id = :id
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
_HELD = text("""
    SELECT payouts.*, at, reason FROM payouts JOIN payout_states USING (creator, version)
    WHERE payout = id AND payouts.state IN ('requested', 'held', 'approved', 'sent')
      AND payouts.state = 'held'
    ORDER BY at, id LIMIT :limit
""")
# An attempt is a claim: whoever holds the payout's row decides whether there is one.
_UNSENT = text("""
    SELECT * FROM payouts
    WHERE creator = ANY(CAST(:creators AS text[])) AND state = 'approved' AND NOT EXISTS (
        SELECT FROM attempts
        WHERE attempts.creator = payouts.creator AND attempts.payout = payouts.id
    )
    ORDER BY creator, id FOR UPDATE
""")
# The partial unique index lets only one of two workers open an attempt.
_OPEN_ATTEMPTS = text("""
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
# Looked at again after 5, 10, 20 ... seconds, at most ten minutes apart.
_CLAIM = text("""
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
    RETURNING attempts.id, attempts.creator, attempts.payout, payouts.amount_minor,
              payouts.currency, payouts.destination, attempts.checks, attempts.transfer
""")
_SUBMITTED = text("""
    UPDATE attempts SET transfer = :transfer WHERE creator = :creator AND id = :id
""")
_CLOSE = text("""
    UPDATE attempts SET closed = true, next_check_at = NULL
    WHERE creator = :creator AND id = :id
""")
_NOTIFY = text("""
    INSERT INTO notifications (provider, webhook_id, kind, attempt, payload_hash)
    VALUES (:provider, :webhook_id, :kind, :attempt, :hash)
    ON CONFLICT DO NOTHING
    RETURNING id
""")
_MAKE_DUE = text("UPDATE attempts SET next_check_at = now() WHERE id = :id")
_BY_STATE = text("SELECT state, count(*) AS payouts FROM payouts GROUP BY state")
_PAID_AMOUNTS = text("""
    SELECT currency, sum(amount_minor)::bigint AS amount_minor
    FROM payouts WHERE state = 'paid' GROUP BY currency
""")
