"""Viewers exclude themselves from spending for some days; it cannot be taken back."""

from datetime import datetime, timedelta
from uuid import uuid5

from services.wallet.domain.coins import COINS
from services.wallet.domain.quotas import EXCLUSIONS
from services.wallet.store import exclusions
from services.wallet.store.exclusions import Exclusion, longest
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.spending_controls import ExclusionEnded, ExclusionStarted
from shared.idempotency import KeyReused, record_key
from shared.ledger.book import open_book
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

__all__ = ["end_exclusions", "exclude", "longest"]

EXCLUSION_REFERENCE = "exclusion:{}"
EXCLUSION_END_REFERENCE = "exclusion:{}:end"
ENDED_MAX = 500
ROUTE = "/v1/wallets/{user}/exclusions"


async def exclude(
    tx: Transaction,
    user: str,
    *,
    days: int,
    key: str,
    request_hash: bytes,
    correlation_id: str,
) -> Exclusion:
    """
    Keep a user from spending for some days, as they wish; it cannot be taken back.

    Only the user sees the id of the exclusion: it names no user to others.
    """
    identifier = uuid5(NAMESPACE, f"exclusion\n{user}\n{key}")
    reference = EXCLUSION_REFERENCE.format(identifier)
    book = await open_book(tx, COINS, [(user, reference)])
    until = book.recorded_at + timedelta(days=days)
    wanted = Exclusion(user, identifier, until)
    new, asked = await exclusions.add(tx, wanted, key=key, request_hash=request_hash)
    if asked != request_hash:
        raise KeyReused(exclusion=identifier)
    if new:
        await quotas.use(tx, user, EXCLUSIONS)
    tx.after_commit(lambda: record_key(ROUTE, is_new=new))
    if not new:
        started = ExclusionStarted.model_validate_json(book[user].outcomes[reference].known_result)
        return Exclusion(user, identifier, started.until)
    event = ExclusionStarted(viewer=user, exclusion=identifier, until=until)
    version = book[user].refuse(reference=reference, request_hash=request_hash)
    book[user].record_result(event.model_dump_json())
    await book.write(tx)
    await publish(tx, [Fact(event, version, Cause(correlation_id), book.recorded_at)])
    return wanted


async def end_exclusions(tx: Transaction, *, now: datetime) -> bool:
    """Publish the end of exclusions that are over; return whether there may be more."""
    over = await exclusions.due_to_end(tx, now=now, limit=ENDED_MAX)
    if not over:
        return False
    references = {each.id: EXCLUSION_END_REFERENCE.format(each.id) for each in over}
    book = await open_book(tx, COINS, [(each.user, references[each.id]) for each in over])
    facts = []
    for each in over:
        accounts = book[each.user]
        if references[each.id] in accounts.outcomes:
            continue
        event = ExclusionEnded(viewer=each.user, exclusion=each.id, until=each.until)
        version = accounts.refuse(reference=references[each.id], request_hash=each.id.bytes)
        accounts.record_result(event.model_dump_json())
        facts.append(Fact(event, version, Cause(str(each.id)), book.recorded_at))
    await book.write(tx)
    await exclusions.end(tx, over, now=now)
    await publish(tx, facts)
    return len(over) == ENDED_MAX
