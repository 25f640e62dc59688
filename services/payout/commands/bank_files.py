"""
Bank files: made of the payments that wait, once a day or when an operator asks.

A file is stored before anybody can take it to the bank. Whatever happens afterwards, it can be
downloaded again as it was, and no second file has any of its payments. A file is of one part, so
that one transaction makes it: an installation of several parts makes several files a day.
"""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import structlog

from services.payout.domain.bank_accounts import ForeignAccount, StoredAccount
from services.payout.domain.bank_files import (
    BankFile,
    BankPayment,
    KeyMissing,
    NoSuchFile,
    NothingWaits,
    file_of,
)
from services.payout.providers.bank_file import BankFileProvider
from services.payout.providers.payment_files import write_payment_file
from services.payout.store import attempts, bank_files, bank_orders
from services.payout.store.bank_files import OF_CREATORS, REPORTS, Encrypted, Place
from services.payout.store.bank_orders import WaitingOrder
from shared.backoffice.adjustments import audit
from shared.identity.people import SEVERAL_PEOPLE
from shared.keyring import Keyring, Undecryptable
from shared.postgres.database import Database, Part, Transaction

log = structlog.get_logger()

SCHEDULE = "schedule"
DROPPED_MAX = 100
ENCRYPTED_MAX = 50
# Instead of the id of a key: no key can decrypt it, so that no rotation tries again.
UNREADABLE = "unreadable"


async def request_file(
    database: Database, bank: BankFileProvider, *, operator: str, reason: str
) -> BankFile:
    """Make a file of what waits now, in the first part where some does; an operator asked."""
    for part in database.parts:
        async with part.transaction() as tx:
            file = await make_file(tx, bank, before=datetime.now(UTC), made_by=operator)
            if file is not None:
                await _audit(tx, file, operator, reason)
                return file
    raise NothingWaits


async def _audit(tx: Transaction, file: BankFile, operator: str, reason: str) -> None:
    await audit(
        tx,
        operator=operator,
        action="bank_file.made",
        user=SEVERAL_PEOPLE,
        reason=reason,
        file=file.id,
        payments=file.payments,
        amount_minor=file.amount_minor,
    )


async def make_due_files(part: Part, bank: BankFileProvider) -> bool:
    """Make a file of what was ordered before the newest time of day for it; whether of more."""
    async with part.transaction() as tx:
        before = bank.rules.newest_due(datetime.now(UTC))
        file = await make_file(tx, bank, before=before, made_by=SCHEDULE)
        return file is not None and file.payments == bank.rules.payments_per_file_max


async def make_file(
    tx: Transaction, bank: BankFileProvider, *, before: datetime, made_by: str
) -> BankFile | None:
    """Write payments that were ordered before a time into a file; None if none waits."""
    await attempts.make_due(tx, await bank_orders.drop_erased(tx, DROPPED_MAX))
    waiting = await bank_orders.claim_waiting(
        tx, before=before, limit=bank.rules.payments_per_file_max
    )
    orders: list[WaitingOrder] = []
    payments: list[BankPayment] = []
    for order, stored in waiting:
        payment = _payment(bank.keys, order, stored)
        if payment is not None:
            orders.append(order)
            payments.append(payment)
    if not payments:
        return None
    now = datetime.now(UTC)
    identifier = file_of([payment.attempt for payment in payments])
    # Schemas are large: others are answered while a thread checks this file by its own.
    xml = await asyncio.to_thread(
        write_payment_file,
        identifier,
        payments,
        bank.rules.debtor,
        made_at=bank.rules.local_time(now),
        description=bank.rules.description,
    )
    file = BankFile(
        id=identifier,
        payments=len(payments),
        amount_minor=sum(payment.amount_minor for payment in payments),
        currency=bank.rules.debtor.currency,
        made_at=now,
        made_by=made_by,
        key_id=bank.keys.newest,
        encrypted=bank.keys.encrypt(xml),
    )
    await bank_files.add(tx, file)
    await bank_orders.mark_filed(tx, orders, file.id)
    log.info("bank_file.made", file=str(file.id), payments=file.payments)
    return file


async def read_file(database: Database, bank: BankFileProvider, file: UUID) -> bytes:
    """Return the XML of a file, as it was made."""
    for part in database.parts:
        async with part.transaction() as tx:
            found = await bank_files.find(tx, file)
        if found is None:
            continue
        try:
            return bank.keys.decrypt(found.encrypted)
        except Undecryptable:
            raise KeyMissing(key_id=found.key_id) from None
    raise NoSuchFile


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
        return await _renew(tx, REPORTS, keys) or is_more


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


def _payment(keys: Keyring, order: WaitingOrder, stored: StoredAccount) -> BankPayment | None:
    """Return a payment; None, and it waits on, if its account cannot be read."""
    try:
        account = stored.holds(keys.decrypt(stored.encrypted))
    except (Undecryptable, ForeignAccount):
        log.exception("bank_account.unreadable", creator=order.creator, token=stored.token)
        return None
    return BankPayment(
        order.creator, order.attempt, order.amount_minor, account.holder, account.iban
    )
