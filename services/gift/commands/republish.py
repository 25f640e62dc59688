"""
Saying again what was said, from the rows themselves: for whoever needs more than the log keeps.

Each fact has the id and the contents it had, so whoever heard it before knows it.

From the gifts and combos: gift.requested, .sent, .refused, .combo_ended. From the chronicle:
.reversed, .restored, .catalogue_changed, .message_held, .message_shown, .message_removed. Of a
question that was asked more than twice the first and the last attempt are said; the ones between
left no trace, and the wallet answers a gift once. A gift's name is that of today's catalogue, and
a message that was removed is not said again.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime

from services.gift.commands.combos import combos_ended
from services.gift.commands.outcomes import refused, sent
from services.gift.commands.requests import question
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
    """Yield what was announced of gifts, combos and the catalogue in that time."""
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


async def _gifts(
    tx: Transaction, catalogue: Catalogue, *, since: datetime, until: datetime
) -> AsyncIterator[Fact]:
    """Yield what was announced of gifts in that time: questions and outcomes."""
    async for history in store.histories(tx, since=since, until=until):
        for fact in _facts(history, catalogue):
            assert fact.occurred_at is not None
            if since <= fact.occurred_at < until:
                yield fact


def _facts(history: History, catalogue: Catalogue) -> Iterator[Fact]:
    gift, cause = history.gift, Cause(history.gift.correlation_id)
    yield question(replace(gift, attempt=1), gift.requested_at)
    if gift.attempt > 1:
        yield question(gift, history.last_requested_at)
    if gift.settled_at is None:
        return
    if gift.state is State.REFUSED:
        yield refused(gift, str((gift.refusal or {}).get("reason")), cause, gift.settled_at)
        return
    slices = [Slice.model_validate(piece) for piece in history.slices]
    yield sent(gift, slices, catalogue, cause, gift.settled_at)
