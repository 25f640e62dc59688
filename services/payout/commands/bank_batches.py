"""The payments of a bank file: each part writes its batch of them once."""

from datetime import datetime

import structlog

from services.payout.domain.bank_accounts import ForeignAccount, StoredAccount
from services.payout.domain.bank_batches import BankBatch, Cutoff, pack_payments
from services.payout.domain.bank_files import BankPayment, KeyMissing
from services.payout.providers.bank_file import BankFileProvider
from services.payout.store import attempts, bank_batches, bank_orders
from services.payout.store.bank_orders import WaitingOrder
from shared.keyring import Keyring, Undecryptable
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

DROPPED_MAX = 100


async def are_payments_waiting(
    database: Database, bank: BankFileProvider, *, before: datetime
) -> bool:
    """
    Whether a file could pay anything that was ordered before a time.

    Orders whose account was erased end here, as the only thing that is written.
    """
    are_waiting = False
    for part in database.parts:
        async with part.transaction() as tx:
            await attempts.make_due(tx, await bank_orders.drop_erased(tx, DROPPED_MAX))
            limit = bank.rules.payments_per_file_max
            are_waiting = are_waiting or bool(await _payable(tx, bank.keys, before, limit))
    return are_waiting


async def collect_payments(
    database: Database, bank: BankFileProvider, cutoff: Cutoff
) -> list[BankPayment]:
    """
    Return what a file pays: the batches of all parts, written now or before.

    Raises `KeyMissing` if a batch was encrypted with a key that is gone.
    """
    payments: list[BankPayment] = []
    for part in database.parts:
        limit = cutoff.payments_max - len(payments)
        if limit == 0:
            # Batches before this one never change: no process writes one here.
            break
        async with part.transaction() as tx:
            batch = await _write_batch(tx, bank.keys, cutoff, limit)
        try:
            payments += batch.holds(bank.keys.decrypt(batch.encrypted))
        except Undecryptable:
            raise KeyMissing(key_id=batch.key_id) from None
    return payments


async def _write_batch(tx: Transaction, keys: Keyring, cutoff: Cutoff, limit: int) -> BankBatch:
    """Write what this part pays in a file; return it, or the batch that is there already."""
    payable = await _payable(tx, keys, cutoff.ordered_before, limit)
    batch = BankBatch(
        file=cutoff.file,
        payments=len(payable),
        key_id=keys.newest,
        encrypted=keys.encrypt(pack_payments(cutoff.file, [payment for _, payment in payable])),
    )
    if not await bank_batches.add_batch(tx, batch):
        return await bank_batches.read_batch(tx, cutoff.file)
    await bank_orders.mark_filed(tx, [order for order, _ in payable], cutoff.file)
    return batch


async def _payable(
    tx: Transaction, keys: Keyring, before: datetime, limit: int
) -> list[tuple[WaitingOrder, BankPayment]]:
    """Lock orders of this part that wait, and return them with their payments."""
    waiting = await bank_orders.claim_waiting(tx, before=before, limit=limit)
    payments = [(order, _payment(keys, order, stored)) for order, stored in waiting]
    return [(order, payment) for order, payment in payments if payment is not None]


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
