"""Where a creator's money goes, and that it does not go elsewhere at once."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import uuid4

from services.payout.domain.payees import (
    LegalNameMissing,
    Payee,
    PayeeMissing,
    PayeeRequest,
    masked,
)
from services.payout.domain.rates import Rules
from services.payout.store import contacts, payees
from services.payout.store.contacts import Contact
from shared.contracts.envelope import Cause
from shared.contracts.payout import PayeeChanged
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction
from shared.quotas import store as quotas


async def set_payee(tx: Transaction, wanted: PayeeRequest, *, rules: Rules) -> Payee:
    """
    Send a creator's money of a currency to another account from now on.

    A stolen token could do so too, in a currency that had no payee as well: all but the creator's
    first payee rest, an event informs the creator, and the first payout is under review.
    """
    if known := await _find_same(tx, wanted):
        return known
    # Of two changes at once the second waits here, and sees what the first one did.
    await quotas.use(tx, wanted.creator, rules.payee_changes)
    if known := await _find_same(tx, wanted):
        return known
    if rules.payees.screening_required and wanted.legal_name is None:
        raise LegalNameMissing
    others = await payees.of_creator(tx, wanted.creator)
    if wanted.email is not None:
        wanted = replace(wanted, destination=await _name_address(tx, wanted))
    revision = await payees.next_revision(tx, wanted.creator)
    # Not the only one: an erasure took the others, and left the diamonds to whoever comes next.
    is_first = revision == 1
    payee = await payees.save(
        tx,
        wanted,
        revision=revision,
        rest=None if is_first else rules.payee_rest,
        unreviewed=not is_first or rules.first_payout_review,
    )
    if wanted.legal_name is not None or wanted.email is not None:
        contact = Contact(revision, wanted.destination, wanted.email, wanted.legal_name)
        await contacts.add(tx, wanted.creator, contact)
    if not is_first:
        fact = Fact(_changed(wanted, payee, others), revision, Cause(wanted.correlation_id))
        await publish(tx, [fact], archive=True)
    return payee


async def read_payee(tx: Transaction, creator: str, currency: str) -> Payee:
    found = await payees.find(tx, creator, currency)
    if found is None:
        raise PayeeMissing(currency=currency)
    return found


async def _find_same(tx: Transaction, wanted: PayeeRequest) -> Payee | None:
    """Return the creator's payee if it is the wanted one already, also by its holder's name."""
    payee = await payees.find(tx, wanted.creator, wanted.currency)
    if payee is None or payee.provider != wanted.provider:
        return None
    contact = (await contacts.of_creator(tx, wanted.creator)).get(payee.revision)
    if wanted.email is None:
        is_same = payee.destination == wanted.destination
    else:
        is_same = contact is not None and contact.email == wanted.email
    name = contact.legal_name if contact else None
    return payee if is_same and wanted.legal_name in (None, name) else None


async def _name_address(tx: Transaction, wanted: PayeeRequest) -> str:
    """Return what stands for an e-mail address: the same for the same one, and it tells nothing."""
    for contact in (await contacts.of_creator(tx, wanted.creator)).values():
        if contact.email == wanted.email:
            return contact.destination
    return f"email_{uuid4().hex}"


def _changed(wanted: PayeeRequest, payee: Payee, others: Mapping[str, Payee]) -> PayeeChanged:
    assert payee.usable_at is not None
    before = others.get(payee.currency)
    return PayeeChanged(
        creator=wanted.creator,
        revision=payee.revision,
        provider=payee.provider,
        changed_by=wanted.changed_by,
        usable_at=payee.usable_at,
        currency=payee.currency,
        destination=masked(payee.destination),
        previous_provider=before.provider if before else None,
        previous_destination=masked(before.destination) if before else None,
    )
