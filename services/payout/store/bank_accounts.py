"""Bank accounts of creators, encrypted."""

from services.payout import columns as tables
from services.payout.domain.bank_accounts import StoredAccount
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_account = RowMapper(StoredAccount, tables.BankAccount)
_OF_CREATOR = text(f"""
    SELECT {_account.columns} FROM bank_accounts
    WHERE creator = :creator ORDER BY added_at DESC LIMIT :limit
""")  # noqa: S608 - our own text only
_ADD = text("""
    INSERT INTO bank_accounts (creator, token, key_id, encrypted)
    VALUES (:creator, :token, :key_id, :encrypted)
""")


async def of_creator(tx: Transaction, creator: str, *, limit: int) -> list[StoredAccount]:
    """Return a creator's newest accounts."""
    rows = await tx.execute(_OF_CREATOR, {"creator": creator, "limit": limit})
    return [_account(row) for row in rows]


async def add(tx: Transaction, creator: str, token: str, *, key_id: str, encrypted: bytes) -> None:
    values = {"creator": creator, "token": token, "key_id": key_id, "encrypted": encrypted}
    await tx.execute(_ADD, values)
