"""
Republishing: gift's events once more, from its tables, for consumers that need more than the log.

Each fact has the id and the contents it had, so a consumer that handled it ignores it.

From the gifts and combos: gift.requested, .sent, .refused, .combo_ended. From the event archive:
.reversed, .restored, .catalogue_changed, .message_held, .message_shown, .message_removed. Of a
gift that was requested more than twice the first and the last attempt are published: the others
left no trace, and the wallet decides a gift once. The name of a gift is that of today's catalogue,
and a removed message is left out.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime

from services.gift.commands.combos import combos_ended
from services.gift.commands.outcomes import refused_fact, sent_fact
from services.gift.commands.requests import requested_fact
from services.gift.domain.catalogue import Catalogue
from services.gift.domain.gifts import State
from services.gift.store import catalogue as catalogue_store
from services.gift.store import combos as combo_store
from services.gift.store import gifts as store
from services.gift.store.gifts import History
from shared.contracts.base import Event
from shared.contracts.envelope import Cause
from shared.contracts.gift import EVENTS
from shared.contracts.wallet import Slice
from shared.messaging import archive
from shared.messaging.facts import Fact
from shared.postgres.database import Transaction

PAGE = 1_000

REPUBLISHED: tuple[type[Event], ...] = EVENTS


async def facts_between(
    tx: Transaction, *, since: datetime, until: datetime
) -> AsyncIterator[Fact]:
    """Yield the facts of that time of the gifts and combos of a part."""
    catalogue = await catalogue_store.read(tx)
    async for fact in _gifts(tx, catalogue, since=since, until=until):
        yield fact
    after = None
    while page := await combo_store.ended(tx, since=since, until=until, after=after, limit=PAGE):
        for fact in combos_ended(page, catalogue):
            yield fact
        after = (page[-1].viewer, page[-1].id)
    async for fact in archive.facts_between(tx, since=since, until=until):
        yield fact


def reference_facts_between(
    tx: Transaction, *, since: datetime, until: datetime
) -> AsyncIterator[Fact]:
    """Yield the facts of that time that are of no single viewer: of the catalogue."""
    return archive.facts_between(tx, since=since, until=until)


async def _gifts(
    tx: Transaction, catalogue: Catalogue, *, since: datetime, until: datetime
) -> AsyncIterator[Fact]:
    """Yield requests and outcomes of that time."""
    async for history in store.histories(tx, since=since, until=until):
        for fact in _facts(history, catalogue):
            assert fact.occurred_at is not None
            if since <= fact.occurred_at < until:
                yield fact


def _facts(history: History, catalogue: Catalogue) -> Iterator[Fact]:
    gift, cause = history.gift, Cause(history.gift.correlation_id)
    yield requested_fact(replace(gift, attempt=1), gift.requested_at)
    if gift.attempt > 1:
        yield requested_fact(gift, history.last_requested_at)
    if gift.decided_at is None:
        return
    if gift.state is State.REFUSED:
        yield refused_fact(gift, str((gift.refusal or {}).get("reason")), cause, gift.decided_at)
        return
    slices = [Slice.model_validate(piece) for piece in history.slices]
    yield sent_fact(gift, slices, catalogue, cause, gift.decided_at)
