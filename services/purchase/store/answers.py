"""Which answer of the provider about a payment was the newest that was applied."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields

from services.purchase import columns as tables
from services.purchase.domain.answers import AppliedAnswer
from services.purchase.domain.purchases import Purchase
from shared.postgres.database import Transaction
from shared.postgres.rows import arrays, insert_rows

_FIELDS = tuple(field.name for field in fields(AppliedAnswer))
_SAVE = insert_rows(
    tables.ProviderAnswer,
    *("viewer", "purchase", *_FIELDS),
    then="ON CONFLICT (viewer, purchase, payment) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _FIELDS[1:]),
)


async def save_answers(tx: Transaction, applied: Sequence[tuple[Purchase, AppliedAnswer]]) -> None:
    """Remember what was applied; the purchases are locked."""
    if applied:
        about = {
            "viewer": [purchase.viewer for purchase, _ in applied],
            "purchase": [purchase.id for purchase, _ in applied],
        }
        rows = arrays([each for _, each in applied], *_FIELDS)
        rows["settlements"] = [
            json.dumps([asdict(each) for each in answer.settlements]) for _, answer in applied
        ]
        await tx.execute(_SAVE, {**about, **rows})
