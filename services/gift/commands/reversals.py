"""
Telling creators' books which gifts lost their money, or have it again.

The wallet says how many coins of a lot stand reversed; it may say so before it is known here that
the lot paid at all. What is heard is kept, and announced once the gift is known to be sent.

A revision that is heard after a newer one changes nothing here. If more was reversed then than now,
it is announced all the same, and the newest after it: diamonds that came back wait, and creators'
books know so only if they hear that the coins were gone.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from services.gift.domain.gifts import Gift, ReversedUnsent, State
from services.gift.store import gifts as gift_store
from services.gift.store import reversals
from services.gift.store.reversals import Reversal
from shared.contracts.envelope import Cause, Envelope
from shared.contracts.gift import GiftRestored, GiftReversed, ReversalEvent
from shared.contracts.wallet import LotEvent
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction


async def reverse_gifts(tx: Transaction, received: Sequence[Envelope[LotEvent]]) -> set[UUID]:
    """Keep what each revision says of each gift, announce what is new; return what was old news."""
    named = {
        (heard.data.viewer, gift.gift, heard.data.lot)
        for heard in received
        for gift in heard.data.gifts
    }
    if not named:
        return set()
    gifts = await gift_store.lock(tx, sorted({(viewer, gift) for viewer, gift, _ in named}))
    known = await reversals.known(tx, named)
    facts: list[Fact] = []
    now = datetime.now(UTC)
    stale = {heard.id for heard in received if heard.data.gifts}
    for heard in received:
        for told in heard.data.gifts:
            key = (heard.data.viewer, told.gift, heard.data.lot)
            reversal = known.setdefault(key, Reversal(*key))
            said = _Said(heard.data.revision, told.reversed_coins)
            if not reversal.hear(said.revision):
                continue
            if said.revision > reversal.revision:
                stale.discard(heard.id)
                reversal.revision, reversal.reversed_coins = said
                facts += _announced(gifts, reversal, heard.cause, now)
            elif said.reversed_coins > reversal.reversed_coins:
                facts += _announced(gifts, reversal, heard.cause, now, late=said)
    changed = [gifts[gift] for gift in {gift for _, gift, _ in named} if gift in gifts]
    await reversals.save(tx, list(known.values()), changed)
    await publish(tx, facts, archive=True)
    return stale


class _Said(NamedTuple):
    """What one revision says of one lot of one gift."""

    revision: int
    reversed_coins: int


def apply_pending_reversals(
    gift: Gift, waiting: Sequence[Reversal], cause: Cause, at: datetime
) -> tuple[Gift, list[Fact]]:
    """Say of a gift that is just sent what was heard of it before."""
    facts = []
    for reversal in waiting:
        gift, fact = _newest(gift, reversal, cause, at)
        facts.append(fact)
    return gift, facts


def _announced(
    gifts: dict[UUID, Gift],
    reversal: Reversal,
    cause: Cause,
    at: datetime,
    *,
    late: _Said | None = None,
) -> list[Fact]:
    """Say what stood reversed as of a late revision, and what does now, if others do not know."""
    gift = gifts.get(reversal.gift)
    if gift is None or gift.state is State.REQUESTED:
        return []
    if gift.state is State.REFUSED:
        raise ReversedUnsent(gift=gift.id)
    facts = []
    is_news = reversal.reversed_coins != reversal.published_coins
    if late is not None:
        gift, fact = _fact(gift, reversal, late, GiftReversed, cause, at)
        facts.append(fact)
        # Without a newer one they would take the late revision for the newest.
        is_news = late.revision > (reversal.published_revision or 0)
    if is_news:
        gift, fact = _newest(gift, reversal, cause, at)
        facts.append(fact)
    gifts[gift.id] = gift
    return facts


def _newest(gift: Gift, reversal: Reversal, cause: Cause, at: datetime) -> tuple[Gift, Fact]:
    """Say how much of the gift, out of one lot, stands reversed now."""
    change = reversal.reversed_coins - reversal.published_coins
    reversal.published_coins = reversal.reversed_coins
    reversal.published_revision = reversal.revision
    gift = replace(gift, reversed_coins=gift.reversed_coins + change)
    said = _Said(reversal.revision, reversal.reversed_coins)
    return _fact(gift, reversal, said, GiftReversed if change > 0 else GiftRestored, cause, at)


def _fact(
    gift: Gift,
    reversal: Reversal,
    said: _Said,
    contract: type[ReversalEvent],
    cause: Cause,
    at: datetime,
) -> tuple[Gift, Fact]:
    gift = replace(gift, reversal_facts=gift.reversal_facts + 1)
    event = contract(
        gift=gift.id,
        viewer=gift.viewer,
        creator=gift.creator,
        room=gift.room,
        gift_type=gift.gift_type,
        count=gift.count,
        coins=gift.coins,
        anonymous=gift.anonymous,
        combo=gift.combo,
        lot=reversal.lot,
        revision=said.revision,
        reversed_coins=said.reversed_coins,
    )
    return gift, Fact(event, gift.version, cause, at)
