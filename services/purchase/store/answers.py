"""Which answer of the provider about a payment was the newest that was applied."""

from dataclasses import asdict, fields

from sqlalchemy import text

from services.purchase import tables
from services.purchase.domain.answers import AppliedAnswer
from services.purchase.domain.purchases import Purchase
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, insert_rows

_FIELDS = tuple(field.name for field in fields(AppliedAnswer))
_answer = RowMapper(AppliedAnswer, tables.ProviderAnswer)
_READ = text(f"""
    SELECT {_answer.columns} FROM provider_answers
    WHERE viewer = :viewer AND purchase = :purchase AND payment = :payment
""")  # noqa: S608 - our own text only


async def applied_answer(tx: Transaction, purchase: Purchase, payment: str) -> AppliedAnswer | None:
    """Return what was applied last of what the provider said of a payment."""
    about = {"viewer": purchase.viewer, "purchase": purchase.id, "payment": payment}
    row = (await tx.execute(_READ, about)).first()
    return _answer(row) if row is not None else None


_SAVE = insert_rows(
    tables.ProviderAnswer,
    *("viewer", "purchase", *_FIELDS),
    then="ON CONFLICT (viewer, purchase, payment) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _FIELDS[1:]),
)


async def save_answer(tx: Transaction, purchase: Purchase, applied: AppliedAnswer) -> None:
    """Remember what was applied; the purchase is locked."""
    row = {"viewer": purchase.viewer, "purchase": purchase.id, **asdict(applied)}
    await tx.execute(_SAVE, {name: [value] for name, value in row.items()})
