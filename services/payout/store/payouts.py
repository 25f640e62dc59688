"""Payouts, and the states they went through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.payout import columns as tables
from services.payout.domain.limits import UNUSED, PayoutUsage
from services.payout.domain.payees import Payee
from services.payout.domain.payouts import Payout, PayoutLoss, State
from services.payout.domain.quotes import Quote
from services.payout.domain.reviews import UNRESOLVED
from services.payout.store.limits import IS_OPEN, USAGE, usage_of
from services.payout.store.payees import payee_of
from services.payout.store.quotes import quote_of
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, update_rows
from shared.postgres.statements import text

# Woken when a payout may be sent, or a provider reported on one.
PAYOUT_DUE = "payouts"


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
    usage: PayoutUsage


_payout = RowMapper(Payout, tables.Payout)
_step = RowMapper(Step, tables.PayoutState)
_loss = RowMapper(PayoutLoss, tables.PayoutLoss)


async def read_request_context(
    tx: Transaction, creator: str, quote: UUID, *, currency: str, at: datetime, zone: str
) -> RequestContext:
    """
    Read what decides about a payout of a quote, and lock the payee of its currency.

    The creator is locked. `currency` is that of a quote that does not exist.
    """
    values = {"creator": creator, "quote": quote, "currency": currency, "at": at, "zone": zone}
    row = (await tx.execute(_REQUEST_CONTEXT, values)).first()
    if row is None:
        return RequestContext(None, None, UNUSED)
    return RequestContext(
        payee=payee_of(row),
        quote=quote_of(row) if row.id else None,
        usage=usage_of(row),
    )


_REQUEST_CONTEXT = text(f"""
    SELECT quotes.*, {payee_of.columns}, usage.*
    FROM payees
    CROSS JOIN LATERAL ({USAGE}) AS usage
    LEFT JOIN quotes ON quotes.creator = payees.creator AND quotes.id = :quote
    WHERE payees.creator = :creator AND payees.currency = coalesce(
        (SELECT currency FROM quotes WHERE creator = :creator AND id = :quote), :currency
    )
    FOR SHARE OF payees
""")  # noqa: S608 - our own text only


async def add_payout(
    tx: Transaction,
    payout: Payout,
    *,
    idempotency_key: str,
    request_hash: bytes,
    correlation_id: str,
    country: str | None,
) -> None:
    rows = arrays([payout], *Payout.__slots__)
    rows["country"] = [country]
    rows["idempotency_key"] = [idempotency_key]
    rows["request_hash"] = [request_hash]
    rows["correlation_id"] = [correlation_id]
    await tx.execute(_ADD, rows)
    _wake_if_approved(tx, payout)


_ADD = insert_rows(
    tables.Payout,
    *Payout.__slots__,
    *("idempotency_key", "request_hash", "correlation_id", "country"),
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


async def by_id(tx: Transaction, payout: UUID) -> Payout | None:
    """Return a payout of whichever creator."""
    row = (await tx.execute(_BY_ID, {"id": payout})).first()
    return _payout(row) if row else None


_BY_ID = text("SELECT * FROM payouts WHERE id = :id")


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


async def newest_reason(tx: Transaction, payout: Payout) -> str | None:
    """Return why a payout stands where it does, as its newest step says."""
    values = {"creator": payout.creator, "payout": payout.id, "version": payout.version}
    row = (await tx.execute(_NEWEST_REASON, values)).first()
    return row.reason if row else None


_NEWEST_REASON = text("""
    SELECT reason FROM payout_states
    WHERE creator = :creator AND payout = :payout AND version = :version
""")


async def save_state(tx: Transaction, payout: Payout) -> None:
    values = arrays([payout], "creator", "id", "state", "version", "returned_minor")
    await tx.execute(_SAVE_STATE, values)
    _wake_if_approved(tx, payout)


_SAVE_STATE = update_rows(tables.Payout, ("creator", "id"), ("state", "version", "returned_minor"))


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


@dataclass(frozen=True, slots=True)
class Pending:
    """Since when and why a payout waits for a person, by when, and who approved it already."""

    at: datetime
    reasons: tuple[str, ...]
    decide_by: datetime | None
    approved_by: tuple[str, ...]


_pending = RowMapper(Pending)


async def under_review(tx: Transaction, limit: int) -> list[tuple[Payout, Pending]]:
    """
    Return payouts that a person has to decide about, the oldest first.

    They are held, or the provider cannot be asked any more what became of them.
    """
    rows = await tx.execute(_UNDER_REVIEW, {"limit": limit, "unresolved": UNRESOLVED})
    return [(_payout(row), _pending(row)) for row in rows]


_UNDER_REVIEW = text(f"""
    SELECT payouts.*, opened_at AS at, reasons, decide_by, ARRAY(
               SELECT operator FROM payout_decisions AS d
               WHERE d.creator = payouts.creator AND d.payout = payouts.id
                 AND d.revision = payouts.version ORDER BY d.at
           ) AS approved_by
    FROM payouts
    JOIN payout_reviews AS r
        ON r.creator = payouts.creator AND r.payout = payouts.id AND r.revision = payouts.version
    WHERE {IS_OPEN} AND payouts.state = 'held'
    UNION ALL
    SELECT payouts.*, unresolved_at, ARRAY[CAST(:unresolved AS text)], NULL, '{{}}'::text[]
    FROM payouts JOIN attempts ON attempts.creator = payouts.creator AND payout = payouts.id
    WHERE {IS_OPEN} AND payouts.state <> 'held' AND unresolved_at IS NOT NULL AND NOT closed
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
    SELECT currency, sum(amount_minor - returned_minor)::bigint AS amount_minor
    FROM payouts WHERE state = 'paid' GROUP BY currency
""")
