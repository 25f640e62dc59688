"""Payouts, and the states they went through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.payout import tables
from services.payout.domain.payouts import Payee, Payout, PayoutLoss, Quote, State
from services.payout.store.payees import payee_of
from services.payout.store.quotes import quote_of
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, update_rows

# Why a payout is under review that is not held: the provider's window is over, its answer unknown.
UNRESOLVED = "provider-unknown"
# Woken when a payout may be sent, or a provider reported on one.
PAYOUT_DUE = "payouts"
# Open payouts, as their partial index has them.
_IS_OPEN = "payouts.state IN ('requested', 'held', 'approved', 'sent')"
_PAID_TODAY_MINOR = """
    SELECT coalesce(sum(amount_minor + fee_minor), 0)::bigint FROM payouts
    WHERE creator = :creator AND state NOT IN ('failed', 'returned', 'rejected')
      AND requested_at >= date_trunc('day', CAST(:at AS timestamptz), CAST(:zone AS text))
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A state a payout was in, and since when."""

    state: State
    at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What decides about a requested payout, beside the rules."""

    payee: Payee | None
    quote: Quote | None
    open_payout: UUID | None
    paid_today_minor: int


_payout = RowMapper(Payout, tables.Payout)
_step = RowMapper(Step, tables.PayoutState)
_loss = RowMapper(PayoutLoss, tables.PayoutLoss)


async def paid_today_minor(tx: Transaction, creator: str, at: datetime, zone: str) -> int:
    """
    Return what a creator asked for on the day of `at` in a time zone, and was not given back.

    To decide by it, hold the creator's lock.
    """
    values = {"creator": creator, "at": at, "zone": zone}
    return int((await tx.execute(_PAID_TODAY, values)).scalar_one())


_PAID_TODAY = text(_PAID_TODAY_MINOR)


async def read_request_context(
    tx: Transaction, creator: str, quote: UUID, *, at: datetime, zone: str
) -> RequestContext:
    """Read what decides about a payout of a quote, and lock the payee; the creator is locked."""
    values = {"creator": creator, "quote": quote, "at": at, "zone": zone}
    row = (await tx.execute(_REQUEST_CONTEXT, values)).first()
    if row is None:
        return RequestContext(None, None, None, 0)
    return RequestContext(
        payee=payee_of(row),
        quote=quote_of(row) if row.id else None,
        open_payout=row.open_payout,
        paid_today_minor=row.paid_today_minor,
    )


_REQUEST_CONTEXT = text(f"""
    SELECT quotes.*, {payee_of.columns}, ({_PAID_TODAY_MINOR}) AS paid_today_minor,
           (SELECT id FROM payouts WHERE creator = :creator AND {_IS_OPEN}) AS open_payout
    FROM payees LEFT JOIN quotes ON quotes.creator = payees.creator AND quotes.id = :quote
    WHERE payees.creator = :creator
    FOR SHARE OF payees
""")  # noqa: S608 - our own text only


async def add_payout(
    tx: Transaction,
    payout: Payout,
    *,
    idempotency_key: str,
    request_hash: bytes,
    correlation_id: str,
) -> None:
    rows = arrays([payout], *Payout.__slots__)
    rows["idempotency_key"] = [idempotency_key]
    rows["request_hash"] = [request_hash]
    rows["correlation_id"] = [correlation_id]
    await tx.execute(_ADD, rows)
    _wake_if_approved(tx, payout)


_ADD = insert_rows(
    tables.Payout, *Payout.__slots__, "idempotency_key", "request_hash", "correlation_id"
)


async def find_by_key(tx: Transaction, creator: str, key: str) -> tuple[Payout, bytes] | None:
    """Return the payout that was requested under a key, with the hash of its request."""
    row = (await tx.execute(_BY_KEY, {"creator": creator, "key": key})).first()
    return (_payout(row), row.request_hash) if row else None


_BY_KEY = text("SELECT * FROM payouts WHERE creator = :creator AND idempotency_key = :key")


async def find(tx: Transaction, creator: str, payout: UUID) -> Payout | None:
    row = (await tx.execute(_FIND, {"creator": creator, "id": payout})).first()
    return _payout(row) if row else None


_FIND = text("SELECT * FROM payouts WHERE creator = :creator AND id = :id")


async def lock(tx: Transaction, creator: str, payout: UUID) -> tuple[Payout, str]:
    """Lock and return a payout, with the id of the story it belongs to."""
    row = (await tx.execute(_LOCK, {"creator": creator, "id": payout})).one()
    return _payout(row), row.correlation_id


_LOCK = text("SELECT * FROM payouts WHERE creator = :creator AND id = :id FOR UPDATE")


async def lock_approved(tx: Transaction, creators: Sequence[str]) -> list[tuple[Payout, str]]:
    """Lock and return approved payouts of creators, submitted or not."""
    rows = await tx.execute(_LOCK_APPROVED, {"creators": list(creators)})
    return [(_payout(row), row.correlation_id) for row in rows]


_LOCK_APPROVED = text("""
    SELECT * FROM payouts
    WHERE creator = ANY(CAST(:creators AS text[])) AND state = 'approved'
    ORDER BY creator, id FOR UPDATE
""")


async def add_steps(
    tx: Transaction, payout: Payout, steps: Sequence[State], *, reason: str | None = None
) -> None:
    """Write the states a payout went through; the last is where it stands now, and why."""
    count = len(steps)
    await tx.execute(
        _ADD_STEPS,
        {
            "creator": [payout.creator] * count,
            "payout": [payout.id] * count,
            "version": list(range(payout.version - count + 1, payout.version + 1)),
            "state": list(steps),
            "reason": [None] * (count - 1) + [reason],
        },
    )


_ADD_STEPS = insert_rows(tables.PayoutState, "creator", "payout", "version", "state", "reason")


async def save_state(tx: Transaction, payout: Payout) -> None:
    await tx.execute(_SAVE_STATE, arrays([payout], "creator", "id", "state", "version"))
    _wake_if_approved(tx, payout)


_SAVE_STATE = update_rows(tables.Payout, ("creator", "id"), ("state", "version"))


def _wake_if_approved(tx: Transaction, payout: Payout) -> None:
    if payout.state is State.APPROVED:
        tx.wake(PAYOUT_DUE)


async def save_losses(tx: Transaction, losses: Sequence[PayoutLoss]) -> None:
    """Write what these payouts cost the operator, now."""
    if losses:
        await tx.execute(_SAVE_LOSSES, arrays(losses, *PayoutLoss.__slots__))


_SAVE_LOSSES = insert_rows(
    tables.PayoutLoss,
    *PayoutLoss.__slots__,
    then="ON CONFLICT (creator, payout) DO UPDATE SET lost_diamonds = excluded.lost_diamonds",
)


async def losses_of(tx: Transaction, creators: Sequence[str]) -> list[PayoutLoss]:
    """Return losses on payouts that the operator bears, the oldest payout first."""
    return [_loss(row) for row in await tx.execute(_LOSSES, {"creators": list(creators)})]


_LOSSES = text(f"""
    SELECT {_loss.columns}
    FROM payout_losses
    JOIN payouts ON payouts.creator = payout_losses.creator AND payouts.id = payout
    WHERE payout_losses.creator = ANY(CAST(:creators AS text[])) AND lost_diamonds > 0
    ORDER BY requested_at, id
""")  # noqa: S608 - our own text only


async def timeline(tx: Transaction, payout: Payout) -> list[Step]:
    rows = await tx.execute(_TIMELINE, {"creator": payout.creator, "payout": payout.id})
    return [_step(row) for row in rows]


_TIMELINE = text("""
    SELECT state, at, reason FROM payout_states
    WHERE creator = :creator AND payout = :payout ORDER BY version
""")


async def newest(
    tx: Transaction, creator: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Payout]:
    at, payout = before or (None, None)
    rows = await tx.execute(
        _NEWEST, {"creator": creator, "at": at, "payout": payout, "limit": limit}
    )
    return [_payout(row) for row in rows]


_NEWEST = text("""
    SELECT * FROM payouts
    WHERE creator = :creator AND (
        CAST(:at AS timestamptz) IS NULL
        OR (requested_at, id) < (CAST(:at AS timestamptz), CAST(:payout AS uuid))
    )
    ORDER BY requested_at DESC, id DESC
    LIMIT :limit
""")


async def under_review(tx: Transaction, limit: int) -> list[tuple[Payout, Step]]:
    """
    Return payouts that a person has to decide about, since when and why, the oldest first.

    They are held, or the provider cannot be asked any more what became of them.
    """
    rows = await tx.execute(_UNDER_REVIEW, {"limit": limit, "unresolved": UNRESOLVED})
    return [(_payout(row), _step(row)) for row in rows]


_UNDER_REVIEW = text(f"""
    SELECT payouts.*, at, reason
    FROM payouts JOIN payout_states USING (creator, version)
    WHERE payout = id AND {_IS_OPEN} AND payouts.state = 'held'
    UNION ALL
    SELECT payouts.*, unresolved_at, CAST(:unresolved AS text)
    FROM payouts JOIN attempts ON attempts.creator = payouts.creator AND payout = payouts.id
    WHERE {_IS_OPEN} AND payouts.state <> 'held' AND unresolved_at IS NOT NULL AND NOT closed
    ORDER BY at, id LIMIT :limit
""")  # noqa: S608 - our own text only


async def by_state(tx: Transaction) -> dict[str, int]:
    rows = await tx.execute(_BY_STATE)
    return {row.state: row.payouts for row in rows}


_BY_STATE = text("SELECT state, count(*) AS payouts FROM payouts GROUP BY state")


async def paid_amounts(tx: Transaction) -> dict[str, int]:
    """Return the money that arrived at creators, by currency."""
    rows = await tx.execute(_PAID_AMOUNTS)
    return {row.currency: row.amount_minor for row in rows}


_PAID_AMOUNTS = text("""
    SELECT currency, sum(amount_minor)::bigint AS amount_minor
    FROM payouts WHERE state = 'paid' GROUP BY currency
""")
