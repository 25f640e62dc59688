"""Who payees are: names and e-mail addresses, in the one table that can be erased."""

from dataclasses import dataclass

from services.payout import columns as tables
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class Contact:
    """Who a payee is, as far as the creator said it."""

    revision: int
    destination: str
    email: str | None
    legal_name: str | None


_contact = RowMapper(Contact, tables.PayeeContact)


async def add(tx: Transaction, creator: str, contact: Contact) -> None:
    await tx.execute(
        _ADD,
        {
            "creator": creator,
            "revision": contact.revision,
            "destination": contact.destination,
            "email": contact.email,
            "legal_name": contact.legal_name,
        },
    )


_ADD = text("""
    INSERT INTO payee_contacts (creator, revision, destination, email, legal_name)
    VALUES (:creator, :revision, :destination, :email, :legal_name)
""")


async def of_creator(tx: Transaction, creator: str) -> dict[int, Contact]:
    """Return the contacts of a creator's payees, also of those that were replaced, by revision."""
    rows = await tx.execute(_OF_CREATOR, {"creator": creator})
    return {row.revision: _contact(row) for row in rows}


_OF_CREATOR = text(f"""
    SELECT {_contact.columns} FROM payee_contacts WHERE creator = :creator
""")  # noqa: S608 - our own text only


async def address_of(tx: Transaction, creator: str, destination: str) -> str | None:
    """Return the e-mail address that a destination stands for; None if it was erased."""
    values = {"creator": creator, "destination": destination}
    row = (await tx.execute(_ADDRESS_OF, values)).first()
    return row.email if row else None


_ADDRESS_OF = text("""
    SELECT email FROM payee_contacts
    WHERE creator = :creator AND destination = :destination AND email IS NOT NULL LIMIT 1
""")
