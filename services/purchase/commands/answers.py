"""
Answers of providers, written in up to three transactions: a purchase is in the part of its viewer.

First, in the schema of reference, the names of the payments: a name stays with the purchase that
had it first, so one payment of a store buys for one purchase. Then, in the part, all that
`payments` makes of the answers. At last, in reference again, what was done with that: the webhook
events are applied, and the promises of campaigns that lapsed are given back. A process that dies in
between leaves names that the same purchase takes again, events that are polled again, and promises
that `check_promises` finds.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from services.purchase.commands.changes import PolledStatus
from services.purchase.commands.payments import Applied, apply_statuses, report
from services.purchase.domain.contradictions import Contradiction
from services.purchase.domain.invoices import PLAIN, InvoiceRules
from services.purchase.domain.purchases import Payment, PaymentName, ProviderStatus, Purchase
from services.purchase.store import campaign_promises, webhook_events
from services.purchase.store import payment_names as names
from shared.postgres.database import Database, Part


async def apply_answers(
    database: Database,
    part: Part,
    polled: Sequence[PolledStatus],
    invoices: InvoiceRules = PLAIN,
) -> list[Applied]:
    """Apply what providers said of purchases of one part; return what became of each."""
    polled = await _take_names(database, polled)
    async with part.transaction() as tx:
        applied = await apply_statuses(tx, polled, invoices)
    await _record_applied(database, polled, applied)
    return applied


async def _take_names(database: Database, polled: Sequence[PolledStatus]) -> Sequence[PolledStatus]:
    """
    Remember the names of payments, and take away those of stores that another purchase has.

    The app says which purchase a store's payment is for, so the same one could come for two.
    """
    named = [payment_names(each.purchase, each.status) for each in polled]
    if not any(named):
        return polled
    checked = []
    async with database.reference.transaction() as tx:
        foreign = await names.take(tx, [name for of_one in named for name in of_one])
        for each, of_one in zip(polled, named, strict=True):
            if is_of_store(each.status) and not foreign.isdisjoint(of_one):
                report(
                    tx, Contradiction.PAYMENT_FOREIGN, purchase=each.purchase, status=each.status
                )
                checked.append(replace(each, status=None))
            else:
                checked.append(each)
    return checked


async def _record_applied(
    database: Database, polled: Sequence[PolledStatus], applied: Sequence[Applied]
) -> None:
    events = [
        (each.webhook_event, each.purchase)
        for each, done in zip(polled, applied, strict=True)
        if each.webhook_event is not None and done.is_used
    ]
    lapsed = [each.lapsed for each in applied if each.lapsed is not None]
    if not events and not lapsed:
        return
    async with database.reference.transaction() as tx:
        await webhook_events.mark_applied(tx, events, now=datetime.now(UTC))
        await campaign_promises.give_back(tx, lapsed)


def is_of_store(status: ProviderStatus | None) -> bool:
    """Whether a payment is one that an app's store took."""
    return isinstance(status, Payment) and status.product is not None


def payment_names(purchase: Purchase, status: ProviderStatus | None) -> list[PaymentName]:
    """Return the names of a payment that has any besides its id, or that a store took."""
    if not isinstance(status, Payment) or not (status.names or status.product):
        return []
    names = sorted({status.id, *status.names})
    return [
        PaymentName(purchase.provider, name, purchase.viewer, purchase.id, status.id)
        for name in names
    ]
