"""Bank accounts of creators: stored encrypted, named by a token."""

from secrets import token_hex

from services.payout.domain.bank_accounts import (
    BANK_ACCOUNTS,
    BankAccount,
    HolderInvalid,
    StoredAccount,
    pack,
    require_iban,
)
from services.payout.providers.bank_file import BankFileProvider
from services.payout.providers.payment_files import NAME_CHARACTERS_MAX, plain
from services.payout.store import bank_accounts
from shared.keyring import Keyring, Undecryptable
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

TOKEN_BYTES = 16
COMPARED_MAX = 20


async def store_account(
    tx: Transaction, creator: str, *, holder: str, iban: str, bank: BankFileProvider
) -> tuple[str, BankAccount]:
    """
    Store an account and return its token; no money goes there yet.

    The same account again has the same token, so that it is no change of where money goes.
    """
    account = BankAccount(holder, require_iban(iban))
    if not plain(holder, NAME_CHARACTERS_MAX):
        raise HolderInvalid
    for stored in await bank_accounts.of_creator(tx, creator, limit=COMPARED_MAX):
        if open_account(bank.keys, stored) == account:
            return stored.token, account
    await quotas.use(tx, creator, BANK_ACCOUNTS)
    token = f"bank_{token_hex(TOKEN_BYTES)}"
    encrypted = bank.keys.encrypt(pack(creator, token, account))
    await bank_accounts.add(tx, creator, token, key_id=bank.keys.newest, encrypted=encrypted)
    return token, account


def open_account(keys: Keyring, stored: StoredAccount) -> BankAccount | None:
    """Return an account; None if the keys do not open it any more."""
    try:
        return stored.holds(keys.decrypt(stored.encrypted))
    except Undecryptable:
        return None
