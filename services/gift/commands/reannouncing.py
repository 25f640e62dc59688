"""
Saying again what was said, from the rows themselves: for whoever needs more than the log keeps.

Each fact has the id it had, so whoever heard it before knows it. Of a gift's reversals the newest
revision is said, which is all a receiver keeps; a partial one that was last lowered is said as
reversed, though it had been announced as restored. Names are those of today's catalogue.
"""

from collections.abc import AsyncIterator
from datetime import datetime

from services.gift.commands.combos import combos_ended
from services.gift.commands.reversing import stands_reversed
from services.gift.commands.settling import refused, sent
from services.gift.domain.catalogue import Catalogue
from services.gift.domain.gifts import State
from services.gift.store import catalogue as catalogue_store
from services.gift.store import combos as combo_store
from services.gift.store import gifts as store
from services.gift.store import reversals
from shared.contracts.envelope import Cause
from shared.contracts.gift import GiftRestored, GiftReversed
from shared.contracts.wallet import Slice
from shared.database import Transaction
from shared.messaging.outbox import Fact

PAGE = 1_000


async def facts_between(
    tx: Transaction, *, since: datetime, until: datetime
) -> AsyncIterator[Fact]:
    """Yield what was announced of gifts and combos that came to an end in that time."""
    catalogue = await catalogue_store.read(tx)
    async for fact in _gifts(tx, catalogue, since=since, until=until):
        yield fact
    after = None
    while page := await combo_store.ended(tx, since=since, until=until, after=after, limit=PAGE):
        for fact in combos_ended(page, catalogue):
            yield fact
        after = (page[-1].viewer, page[-1].id)


async def _gifts(
    tx: Transaction, catalogue: Catalogue, *, since: datetime, until: datetime
) -> AsyncIterator[Fact]:
    after = None
    while page := await store.final_gifts(tx, since=since, until=until, after=after, limit=PAGE):
        told = await reversals.announced(tx, [gift for gift, _ in page])
        for gift, slices in page:
            assert gift.settled_at is not None
            cause = Cause(gift.correlation_id)
            if gift.state is State.REFUSED:
                reason = str((gift.refusal or {}).get("reason"))
                yield refused(gift, reason, cause, gift.settled_at)
                continue
            pieces = [Slice.model_validate(piece) for piece in slices]
            yield sent(gift, pieces, catalogue, cause, gift.settled_at)
            for reversal in told.get(gift.id, ()):
                contract = GiftReversed if reversal.reversed_coins else GiftRestored
                yield stands_reversed(gift, reversal, cause, contract)
        after = (page[-1][0].viewer, page[-1][0].id)
