"""
Bank files: made of the payments that wait, once a day or when an operator asks.

A file is stored before anybody can take it to the bank. Whatever happens afterwards, it can be
downloaded again as it was, and no second file has any of its payments.

It pays creators of all parts, and no transaction is of more than one. So it is made in three steps,
each of which may be repeated: a cutoff begins it, each part writes its batch, and what is written
from all batches is the file. A process that dies in between is followed by any other, which makes
the same file of the same payments.
"""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import structlog

from services.payout.commands.bank_batches import are_payments_waiting, collect_payments
from services.payout.domain.bank_batches import Cutoff
from services.payout.domain.bank_files import (
    BankFile,
    BankPayment,
    KeyMissing,
    NoSuchFile,
    NothingWaits,
)
from services.payout.providers.bank_file import BankFileProvider
from services.payout.providers.payment_files import write_payment_file
from services.payout.store import bank_batches, bank_files, bank_orders
from services.payout.store.bank_files import FileLine
from shared.backoffice.adjustments import audit
from shared.identity.people import SEVERAL_PEOPLE
from shared.keyring import Undecryptable
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

SCHEDULE = "schedule"


async def request_file(
    database: Database, bank: BankFileProvider, *, operator: str, reason: str
) -> BankFile:
    """Make a file of what waits now; an operator asked for it."""
    now = datetime.now(UTC)
    file = await _make_file(database, bank, before=now, made_by=operator, reason=reason)
    if file is None:
        raise NothingWaits
    return file


async def make_due_files(database: Database, bank: BankFileProvider) -> bool:
    """Make a file of what was ordered before the newest time of day for it; whether of more."""
    before = bank.rules.newest_due(datetime.now(UTC))
    file = await _make_file(database, bank, before=before, made_by=SCHEDULE, reason=None)
    return file is not None and file.payments == bank.rules.payments_per_file_max


async def finish_files(database: Database, bank: BankFileProvider) -> None:
    """Finish the files that were begun: the process that began one may be gone."""
    async with database.reference.transaction() as tx:
        cutoffs = await bank_batches.all_cutoffs(tx)
    for cutoff in cutoffs:
        await finish_file(database, bank, cutoff)


async def finish_file(
    database: Database, bank: BankFileProvider, cutoff: Cutoff
) -> BankFile | None:
    """
    Make the file of a cutoff; None if it would pay nothing.

    Another process may do so at the same time: the file that is stored first counts.
    """
    payments = await collect_payments(database, bank, cutoff)
    file = await _write_file(bank, cutoff, payments) if payments else None
    async with database.reference.transaction() as tx:
        if file is not None and await bank_files.add(tx, file):
            await _report_made(tx, file, cutoff)
        await bank_batches.remove_cutoff(tx, cutoff.file)
    return file


async def read_file(database: Database, bank: BankFileProvider, file: UUID) -> bytes:
    """Return the XML of a file, as it was made."""
    async with database.reference.transaction() as tx:
        found = await bank_files.find(tx, file)
    if found is None:
        raise NoSuchFile
    try:
        return bank.keys.decrypt(found.encrypted)
    except Undecryptable:
        raise KeyMissing(key_id=found.key_id) from None


async def list_files(
    database: Database, limit: int, *, before: tuple[datetime, UUID] | None
) -> list[tuple[FileLine, int]]:
    """Return files, the newest first, and of how many payments of each no report says anything."""
    async with database.reference.transaction() as tx:
        files = await bank_files.newest(tx, limit, before=before)
    ids = [file.id for file in files]
    unreported = await database.read_each(lambda tx: bank_orders.count_unreported(tx, ids))
    return [(file, sum(each.get(file.id, 0) for each in unreported)) for file in files]


async def _make_file(
    database: Database,
    bank: BankFileProvider,
    *,
    before: datetime,
    made_by: str,
    reason: str | None,
) -> BankFile | None:
    """Make a file of payments that were ordered before a time; None if none waits."""
    await finish_files(database, bank)
    if not await are_payments_waiting(database, bank, before=before):
        return None
    # The id is made once, and kept: the bank's check for duplicates knows the file by it.
    cutoff = Cutoff(uuid4(), before, bank.rules.payments_per_file_max, made_by, reason)
    async with database.reference.transaction() as tx:
        await bank_batches.add_cutoff(tx, cutoff)
    return await finish_file(database, bank, cutoff)


async def _write_file(
    bank: BankFileProvider, cutoff: Cutoff, payments: list[BankPayment]
) -> BankFile:
    now = datetime.now(UTC)
    # Schemas are large: others are answered while a thread checks this file by its own.
    xml = await asyncio.to_thread(
        write_payment_file,
        cutoff.file,
        payments,
        bank.rules.debtor,
        made_at=bank.rules.local_time(now),
        description=bank.rules.description,
    )
    return BankFile(
        id=cutoff.file,
        payments=len(payments),
        amount_minor=sum(payment.amount_minor for payment in payments),
        currency=bank.rules.debtor.currency,
        made_at=now,
        made_by=cutoff.made_by,
        key_id=bank.keys.newest,
        encrypted=bank.keys.encrypt(xml),
    )


async def _report_made(tx: Transaction, file: BankFile, cutoff: Cutoff) -> None:
    """Log a file that is new, and write into the audit log who asked for it."""
    if cutoff.reason is not None:
        await audit(
            tx,
            operator=cutoff.made_by,
            action="bank_file.made",
            user=SEVERAL_PEOPLE,
            reason=cutoff.reason,
            file=file.id,
            payments=file.payments,
            amount_minor=file.amount_minor,
        )
    log.info("bank_file.made", file=str(file.id), payments=file.payments)
