"""What providers call payments: a webhook event may say no more than one of these names."""

from collections.abc import Sequence
from dataclasses import fields

from services.purchase import columns as tables
from services.purchase.domain.purchases import PaymentName
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, unnest
from shared.postgres.statements import text

_name = RowMapper(PaymentName, tables.PaymentName)
_FIELDS = tuple(field.name for field in fields(PaymentName))
_ADD = insert_rows(tables.PaymentName, *_FIELDS, then="ON CONFLICT (provider, name) DO NOTHING")


async def add(tx: Transaction, names: Sequence[PaymentName]) -> None:
    """Remember the names of payments; a name stays with the payment that had it first."""
    if names:
        ordered = sorted(set(names), key=lambda each: (each.provider, each.name))
        await tx.execute(_ADD, arrays(ordered, *_FIELDS))


_FIND = text(f"""
    SELECT {_name.columns} FROM payment_names
    JOIN {unnest(tables.PaymentName, "provider", "name", name="asked")} USING (provider, name)
""")  # noqa: S608 - our own text only


async def find(
    tx: Transaction, asked: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], PaymentName]:
    """Return the payments that have these names, given with their providers."""
    if not asked:
        return {}
    providers, names = [provider for provider, _ in asked], [name for _, name in asked]
    rows = await tx.execute(_FIND, {"provider": providers, "name": names})
    found = [_name(row) for row in rows]
    return {(each.provider, each.name): each for each in found}


async def take(tx: Transaction, names: Sequence[PaymentName]) -> set[PaymentName]:
    """
    Remember the names of payments, and return those that another purchase had first.

    A transaction that takes the same name at the same moment is waited for: so one payment buys
    for one purchase.
    """
    await add(tx, names)
    owners = await find(tx, [(each.provider, each.name) for each in names])
    return {each for each in names if owners[each.provider, each.name].purchase != each.purchase}
