"""Where a creator's money goes, and that it does not go elsewhere at once."""

from services.payout.domain.payouts import Payee, PayeeMissing
from services.payout.domain.rates import Rules
from services.payout.store import payees
from shared.contracts.envelope import Cause
from shared.contracts.payout import PayeeChanged
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction
from shared.quotas import store as quotas


async def set_payee(
    tx: Transaction,
    creator: str,
    provider: str,
    destination: str,
    *,
    changed_by: str,
    correlation_id: str,
    rules: Rules,
) -> Payee:
    """
    Send a creator's money to another account from now on.

    A stolen token could do so too: a payee that replaces another rests, an event informs its
    creator, and its first payout is under review.
    """
    changed = await payees.replace(
        tx,
        creator,
        provider,
        destination,
        changed_by=changed_by,
        rest=rules.payee_rest,
        review_first=rules.first_payout_review,
    )
    if changed is None:
        return await read_payee(tx, creator)
    # Each change is published and archived.
    await quotas.use(tx, creator, rules.payee_changes)
    if changed.usable_at is not None:
        event = PayeeChanged(
            creator=creator,
            revision=changed.revision,
            provider=changed.provider,
            changed_by=changed_by,
            usable_at=changed.usable_at,
        )
        await publish(tx, [Fact(event, changed.revision, Cause(correlation_id))], archive=True)
    return changed


async def read_payee(tx: Transaction, creator: str) -> Payee:
    found = await payees.find(tx, creator)
    if found is None:
        raise PayeeMissing
    return found
