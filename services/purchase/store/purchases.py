"""The purchases themselves."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, TextClause, select, text, tuple_
from sqlmodel import col

from services.purchase import tables
from services.purchase.domain.purchases import (
    CHECK_DOUBLINGS_MAX,
    CHECK_SECONDS_FIRST,
    Purchase,
    State,
)
from shared.postgres.database import Row, Transaction


async def add_purchase(
    tx: Transaction,
    purchase: Purchase,
    *,
    key: str,
    request_hash: bytes,
    next_check_at: datetime,
) -> bool:
    """Record a purchase; return whether its key was new."""
    added = await tx.execute(
        _ADD_PURCHASE,
        {
            **{name: getattr(purchase, name) for name in _NEW},
            "key": key,
            "request_hash": request_hash,
            "next_check_at": next_check_at,
        },
    )
    return added.first() is not None


async def count_open(tx: Transaction, viewer: str, *, since: datetime) -> int:
    """Return how many of a viewer's purchases since then are not paid, nor at their end."""
    rows = await tx.execute(_COUNT_OPEN, {"viewer": viewer, "since": since})
    return int(rows.scalar_one())


async def purchase_of_key(tx: Transaction, viewer: str, key: str) -> tuple[Purchase, bytes] | None:
    """Return what a viewer asked for under a key, and the hash of how it was asked."""
    statement = _PURCHASES.add_columns(col(tables.Purchase.request_hash)).where(
        col(tables.Purchase.viewer) == viewer, col(tables.Purchase.idempotency_key) == key
    )
    row = (await tx.execute(statement)).first()
    return (_purchase(row), row["request_hash"]) if row is not None else None


async def purchase(tx: Transaction, viewer: str, purchase_id: UUID) -> Purchase | None:
    statement = _PURCHASES.where(
        col(tables.Purchase.viewer) == viewer, col(tables.Purchase.id) == purchase_id
    )
    row = (await tx.execute(statement)).first()
    return _purchase(row) if row is not None else None


async def purchases_by_id(tx: Transaction, ids: Sequence[UUID]) -> list[Purchase]:
    """Return purchases whose viewers are not known: a provider refers to the purchase alone."""
    rows = await tx.execute(_PURCHASES.where(_WITH_IDS.bindparams(ids=list(ids))))
    return [_purchase(row) for row in rows]


async def page(
    tx: Transaction, viewer: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Purchase]:
    """Return a viewer's newest purchases, older than `before`."""
    at = (col(tables.Purchase.created_at), col(tables.Purchase.id))
    statement = _PURCHASES.where(col(tables.Purchase.viewer) == viewer)
    if before is not None:
        statement = statement.where(tuple_(*at) < before)
    newest = statement.order_by(*(column.desc() for column in at)).limit(limit)
    return [_purchase(row) for row in (await tx.execute(newest))]


async def lock(
    tx: Transaction, keys: Sequence[tuple[str, UUID]]
) -> dict[tuple[str, UUID], Purchase]:
    """Read purchases and keep them still until the transaction ends; locked in sorted order."""
    statement = _PURCHASES.where(_with_keys(keys)).order_by(*_KEY).with_for_update()
    rows = await tx.execute(statement)
    return {(row["viewer"], row["id"]): _purchase(row) for row in rows}


async def save(tx: Transaction, purchases: Sequence[Purchase], *, now: datetime) -> None:
    """Write what became of locked purchases, and when to ask about them again."""
    if not purchases:
        return
    await tx.execute(
        _SAVE,
        {
            **{name: [getattr(each, name) for each in purchases] for name in _CHANGING},
            "now": now,
            "first_seconds": CHECK_SECONDS_FIRST,
        },
    )


async def claim_purchases(tx: Transaction, *, now: datetime, limit: int) -> list[Purchase]:
    """
    Take the open purchases it is time to ask about; nobody else gets them until the next time.

    The pause doubles each time, but never runs past the moment the purchase expires.
    """
    claimed = await tx.execute(
        _CLAIM_PURCHASES,
        {
            "now": now,
            "limit": limit,
            "first_seconds": CHECK_SECONDS_FIRST,
            "doublings_max": CHECK_DOUBLINGS_MAX,
        },
    )
    keys = [(row.viewer, row.id) for row in claimed]
    if not keys:
        return []
    rows = await tx.execute(_PURCHASES.where(_with_keys(keys)))
    return [_purchase(row) for row in rows]


def _with_keys(keys: Sequence[tuple[str, UUID]]) -> TextClause:
    """One array a column, whatever their number: the statement stays the same."""
    viewers, ids = [viewer for viewer, _ in keys], [purchase for _, purchase in keys]
    return _WITH_KEYS.bindparams(viewers=viewers, ids=ids)


def _purchase(row: Row) -> Purchase:
    values = {name: row[name] for name in _FIELDS}
    return Purchase(**{**values, "state": State(row["state"])})


_FIELDS = tuple(field.name for field in fields(Purchase))
_NEW = _FIELDS[: _FIELDS.index("state")]
_CHANGING = ("viewer", "id", *_FIELDS[_FIELDS.index("state") :])
_KEY = (col(tables.Purchase.viewer), col(tables.Purchase.id))
_PURCHASES: Select[Any] = select(*[col(getattr(tables.Purchase, name)) for name in _FIELDS])
_COUNT_OPEN = text("""
    SELECT count(*) FROM purchases
    WHERE viewer = :viewer AND created_at > :since AND state IN ('created', 'pending')
""")
_ADD_PURCHASE = text("""
    INSERT INTO purchases (
        viewer, id, idempotency_key, request_hash, package, coins, bonus_coins, amount_minor,
        currency, channel, country, provider, correlation_id, state, created_at, expires_at,
        next_check_at
    )
    VALUES (
        :viewer, :id, :key, :request_hash, :package, :coins, :bonus_coins, :amount_minor,
        :currency, :channel, :country, :provider, :correlation_id, 'created', :created_at,
        :expires_at, :next_check_at
    )
    -- The key derives the id, so two requests at once may meet in either index.
    ON CONFLICT DO NOTHING
    RETURNING id
""")
_SAVE = text("""
    UPDATE purchases AS p
    SET state = new.state, payment = new.payment, next_action_url = new.next_action_url,
        late = new.late, version = new.version, paid_at = new.paid_at,
        credited_at = new.credited_at,
        checks = CASE WHEN p.state = new.state THEN p.checks ELSE 0 END,
        next_check_at = CASE
            WHEN new.state NOT IN ('created', 'pending') THEN NULL
            WHEN p.state = new.state THEN p.next_check_at
            ELSE CAST(:now AS timestamptz) + make_interval(secs => :first_seconds)
        END
    FROM unnest(
        CAST(:viewer AS text[]), CAST(:id AS uuid[]), CAST(:state AS text[]),
        CAST(:payment AS text[]), CAST(:next_action_url AS text[]), CAST(:late AS boolean[]),
        CAST(:version AS bigint[]), CAST(:paid_at AS timestamptz[]),
        CAST(:credited_at AS timestamptz[])
    ) AS new (viewer, id, state, payment, next_action_url, late, version, paid_at, credited_at)
    WHERE p.viewer = new.viewer AND p.id = new.id
""")
_CLAIM_PURCHASES = text("""
    UPDATE purchases AS p
    SET checks = p.checks + 1,
        next_check_at = CASE
            WHEN p.expires_at > CAST(:now AS timestamptz) THEN least(p.expires_at, due.next)
            ELSE due.next
        END
    FROM (
        SELECT viewer, id, CAST(:now AS timestamptz) + make_interval(
            secs => :first_seconds * power(2, least(checks, :doublings_max))
        ) AS next
        FROM purchases
        WHERE next_check_at <= CAST(:now AS timestamptz)
        ORDER BY next_check_at
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE p.viewer = due.viewer AND p.id = due.id
    RETURNING p.viewer, p.id
""")
_WITH_IDS = text("purchases.id = ANY(CAST(:ids AS uuid[]))")
_WITH_KEYS = text("""
    (purchases.viewer, purchases.id) IN (
        SELECT * FROM unnest(CAST(:viewers AS text[]), CAST(:ids AS uuid[]))
    )
""")
