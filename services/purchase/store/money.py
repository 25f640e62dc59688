"""The money that came for purchases, and the disputes over it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col

from services.purchase import tables
from services.purchase.domain.answers import Received
from services.purchase.domain.purchases import (
    Dispute,
    DisputeState,
    Payment,
    Purchase,
    Standing,
)
from shared.postgres.database import Transaction


async def received(tx: Transaction, purchase: Purchase) -> dict[str, Received]:
    """Return the money that came for a purchase and what it has led to, by payment."""
    statement = select(
        col(tables.Payment.payment),
        col(tables.Payment.standing),
        col(tables.Payment.amount_minor),
        col(tables.Payment.currency),
    ).where(
        col(tables.Payment.viewer) == purchase.viewer,
        col(tables.Payment.purchase) == purchase.id,
    )
    return {
        row.payment: Received(Standing(row.standing), row.amount_minor, row.currency)
        for row in await tx.execute(statement)
    }


async def add_payment(
    tx: Transaction, purchase: Purchase, payment: Payment, standing: Standing, *, now: datetime
) -> None:
    await tx.execute(
        _ADD_PAYMENT,
        {
            "viewer": purchase.viewer,
            "purchase": purchase.id,
            "payment": payment.id,
            "standing": standing.value,
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
            "paid_at": payment.paid_at or now,
        },
    )


async def disputes(tx: Transaction, purchase: Purchase) -> dict[str, Dispute]:
    """Return the disputes recorded over a purchase, by id."""
    columns = (
        col(tables.Dispute.dispute).label("id"),
        *(col(getattr(tables.Dispute, field.name)) for field in fields(Dispute)[1:]),
    )
    statement = select(*columns).where(
        col(tables.Dispute.viewer) == purchase.viewer, col(tables.Dispute.purchase) == purchase.id
    )
    rows = await tx.execute(statement)
    return {row["id"]: Dispute(**{**row, "state": DisputeState(row["state"])}) for row in rows}


async def disputes_of(
    tx: Transaction, keys: Sequence[tuple[str, UUID]]
) -> dict[tuple[str, UUID], list[Dispute]]:
    """Return the disputes recorded over purchases, by purchase."""
    found: dict[tuple[str, UUID], list[Dispute]] = {key: [] for key in keys}
    viewers, purchases = [viewer for viewer, _ in keys], [purchase for _, purchase in keys]
    for row in await tx.execute(_DISPUTES_OF, {"viewers": viewers, "purchases": purchases}):
        dispute = {field.name: row[field.name] for field in fields(Dispute)}
        found[row["viewer"], row["purchase"]].append(
            Dispute(**{**dispute, "state": DisputeState(row["state"])})
        )
    return found


@dataclass(frozen=True, slots=True)
class DisputeLine:
    """A dispute, and whose purchase it is about."""

    viewer: str
    purchase: UUID
    dispute: str
    state: str
    reason: str
    amount_minor: int
    currency: str
    recorded_at: datetime


async def newest_disputes(tx: Transaction, limit: int) -> list[DisputeLine]:
    """Return the disputes that still run, then the newest of the others. There are few of them."""
    return [DisputeLine(*row) for row in await tx.execute(_NEWEST_DISPUTES, {"limit": limit})]


async def save_disputes(tx: Transaction, purchase: Purchase, moved: Sequence[Dispute]) -> None:
    """Record disputes as they are now; the purchase is locked."""
    if not moved:
        return
    await tx.execute(
        _SAVE_DISPUTES,
        {
            "viewer": purchase.viewer,
            "purchase": purchase.id,
            "disputes": [each.id for each in moved],
            "payments": [each.payment for each in moved],
            "states": [each.state.value for each in moved],
            "reasons": [each.reason for each in moved],
            "amounts": [each.amount_minor for each in moved],
            "currencies": [each.currency for each in moved],
            "revisions": [each.revision for each in moved],
        },
    )


_DISPUTES_OF = text("""
    SELECT viewer, purchase, dispute AS id, payment, state, reason, amount_minor, currency, revision
    FROM disputes
    WHERE (viewer, purchase) IN (
        SELECT * FROM unnest(CAST(:viewers AS text[]), CAST(:purchases AS uuid[]))
    )
""")
_NEWEST_DISPUTES = text("""
    SELECT viewer, purchase, dispute, state, reason, amount_minor, currency, recorded_at
    FROM disputes ORDER BY state <> 'open', recorded_at DESC, dispute LIMIT :limit
""")
_ADD_PAYMENT = text("""
    INSERT INTO payments (viewer, purchase, payment, standing, amount_minor, currency, paid_at)
    VALUES (:viewer, :purchase, :payment, :standing, :amount_minor, :currency, :paid_at)
""")
_SAVE_DISPUTES = text("""
    INSERT INTO disputes (
        viewer, purchase, dispute, payment, state, reason, amount_minor, currency, revision
    )
    SELECT :viewer, :purchase, *
    FROM unnest(
        CAST(:disputes AS text[]), CAST(:payments AS text[]), CAST(:states AS text[]),
        CAST(:reasons AS text[]), CAST(:amounts AS bigint[]), CAST(:currencies AS text[]),
        CAST(:revisions AS smallint[])
    )
    ON CONFLICT (viewer, purchase, dispute) DO UPDATE
    SET state = excluded.state, reason = excluded.reason, amount_minor = excluded.amount_minor,
        currency = excluded.currency, revision = excluded.revision
""")
