"""Reads that may find nothing; lists are read from the store."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from heapq import merge
from itertools import islice
from operator import attrgetter
from uuid import UUID

from services.purchase.domain.purchases import NoSuchPurchase, Purchase
from services.purchase.domain.refunds import Refund
from services.purchase.domain.withdrawals import Withdrawal
from services.purchase.store import disputes, purchases, refund_attempts, refunds, withdrawals
from services.purchase.store.disputes import DisputeLine, Exposure
from services.purchase.store.refund_attempts import UnresolvedRefund
from shared.identity.people import require_other_person
from shared.postgres.database import Database, Transaction
from shared.quotas import store as quotas
from shared.quotas.rules import Quota


async def read_purchase(tx: Transaction, viewer: str, purchase: UUID) -> Purchase:
    found = await purchases.read(tx, viewer, purchase)
    if found is None:
        raise NoSuchPurchase(purchase=purchase)
    return found


async def find_purchase(database: Database, purchase: UUID, *, operator: str) -> Purchase:
    """Return a purchase by its id alone, unless it is the operator's own."""
    for part in await database.read_each(partial(purchases.by_id, ids=[purchase])):
        for found in part:
            require_other_person(operator=operator, user=found.viewer)
            return found
    raise NoSuchPurchase(purchase=purchase)


async def read_to_claim(tx: Transaction, viewer: str, purchase: UUID, claims: Quota) -> Purchase:
    """
    Return a viewer's own purchase whose payment they claim, and count the claim.

    Each claim asks the store, which has limits of its own.
    """
    found = await read_purchase(tx, viewer, purchase)
    await quotas.use(tx, viewer, claims)
    return found


async def read_refunds(tx: Transaction, viewer: str, purchase: UUID) -> list[Refund]:
    """Return the refunds of a viewer's own purchase, the newest first."""
    await read_purchase(tx, viewer, purchase)
    return (await refunds.of_purchases(tx, [(viewer, purchase)]))[viewer, purchase][::-1]


async def read_withdrawal(tx: Transaction, viewer: str, purchase: UUID) -> Withdrawal | None:
    """Return the withdrawal from a viewer's own purchase, if there is one."""
    await read_purchase(tx, viewer, purchase)
    return await withdrawals.of_purchase(tx, viewer, purchase)


async def read_refund_of(tx: Transaction, withdrawal: Withdrawal) -> Refund | None:
    """Return the refund of what was unused, as it is now."""
    if withdrawal.refund is None:
        return None
    return (await refunds.by_id(tx, [withdrawal.refund]))[withdrawal.refund]


async def read_disputes(
    database: Database, limit: int, *, due_before: datetime | None = None
) -> tuple[list[DisputeLine], list[Exposure]]:
    """
    Return disputes of all parts in order, and what all open ones come to, by currency.

    With `due_before` they are those whose evidence is due by then and not there.
    """

    async def read(tx: Transaction) -> tuple[list[DisputeLine], list[Exposure]]:
        if due_before is None:
            lines = await disputes.in_order(tx, limit)
        else:
            lines = await disputes.due(tx, limit, due_before=due_before)
        return lines, await disputes.exposures(tx)

    parts = await database.read_each(read)
    lines = merge(*(lines for lines, _ in parts), key=disputes.sort_key)
    exposures = add_exposures(each for _, listed in parts for each in listed)
    return list(islice(lines, limit)), exposures


def add_exposures(exposures: Iterable[Exposure]) -> list[Exposure]:
    """Add up what parts say, currency by currency."""
    counts, sums = Counter[str](), Counter[str]()
    for each in exposures:
        counts[each.currency] += each.disputes
        sums[each.currency] += each.amount_minor
    return [Exposure(currency, counts[currency], sums[currency]) for currency in sorted(counts)]


async def read_unresolved(database: Database, limit: int) -> list[UnresolvedRefund]:
    """Return the refunds of all parts that a person has to find out about, the oldest first."""
    parts = await database.read_each(partial(refund_attempts.unresolved, limit=limit))
    return list(islice(merge(*parts, key=attrgetter("unresolved_at")), limit))
