"""Which answer of the provider about a payment was the newest that was applied."""

from dataclasses import asdict

from sqlalchemy import text

from services.purchase.domain.answers import AppliedAnswer
from services.purchase.domain.purchases import Purchase
from shared.postgres.database import Transaction


async def applied_answer(tx: Transaction, purchase: Purchase, payment: str) -> AppliedAnswer | None:
    """Return what was applied last of what the provider said of a payment."""
    about = {"viewer": purchase.viewer, "purchase": purchase.id, "payment": payment}
    row = (await tx.execute(_READ, about)).first()
    return AppliedAnswer(**row) if row is not None else None


async def save_answer(tx: Transaction, purchase: Purchase, applied: AppliedAnswer) -> None:
    """Remember what was applied; the purchase is locked."""
    about = {"viewer": purchase.viewer, "purchase": purchase.id}
    await tx.execute(_SAVE, {**about, **asdict(applied)})


_READ = text("""
    SELECT payment, sequence, asked_at, answered_at, ignored_before, fee_minor, given_back_minor,
           entries
    FROM provider_answers
    WHERE viewer = :viewer AND purchase = :purchase AND payment = :payment
""")
_SAVE = text("""
    INSERT INTO provider_answers (
        viewer, purchase, payment, sequence, asked_at, answered_at, ignored_before, fee_minor,
        given_back_minor, entries
    )
    VALUES (
        :viewer, :purchase, :payment, :sequence, :asked_at, :answered_at, :ignored_before,
        :fee_minor, :given_back_minor, :entries
    )
    ON CONFLICT (viewer, purchase, payment) DO UPDATE
    SET sequence = excluded.sequence, asked_at = excluded.asked_at,
        answered_at = excluded.answered_at, ignored_before = excluded.ignored_before,
        fee_minor = excluded.fee_minor, given_back_minor = excluded.given_back_minor,
        entries = excluded.entries
""")
