"""The key of bank files: what an older one encrypted is encrypted again."""

import structlog

from services.payout.store import bank_files
from services.payout.store.bank_files import OF_ALL_CREATORS, OF_CREATORS, Encrypted, Place
from shared.keyring import Keyring, Undecryptable
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

ENCRYPTED_MAX = 50
# Instead of the id of a key: no key can decrypt it, so that no rotation tries again.
UNREADABLE = "unreadable"


async def renew_encryption(database: Database, keys: Keyring) -> bool:
    """Encrypt some again of what an older key encrypted; whether there may be more."""
    if not keys.before:
        return False
    is_more = False
    for part in database.parts:
        async with part.transaction() as tx:
            for place in OF_CREATORS:
                is_more |= await _renew(tx, place, keys)
    async with database.reference.transaction() as tx:
        for place in OF_ALL_CREATORS:
            is_more |= await _renew(tx, place, keys)
    return is_more


async def _renew(tx: Transaction, place: Place, keys: Keyring) -> bool:
    old = await bank_files.of_keys(tx, place, keys.before, limit=ENCRYPTED_MAX)
    if old:
        renewed = [_renewed(keys, row) for row in old]
        key_ids = [keys.newest if row is not None else UNREADABLE for row in renewed]
        rows = [row or was for row, was in zip(renewed, old, strict=True)]
        await bank_files.replace_encrypted(tx, place, rows, key_ids=key_ids)
    return len(old) == ENCRYPTED_MAX


def _renewed(keys: Keyring, row: Encrypted) -> Encrypted | None:
    """Return what was encrypted again; None if it was changed, and stays as it is."""
    try:
        return Encrypted(row.key, keys.encrypt(keys.decrypt(row.encrypted)))
    except Undecryptable:
        log.exception("bank_file.unreadable", key=[str(each) for each in row.key])
        return None
