"""
Reversals of gifts: chargebacks take their coins back, reinstatements return them.

The wallet publishes how many coins of a lot stand reversed; the message may arrive before the
gift's outcome. The row is kept then, and published once the gift is sent.

A revision that arrives after a newer one changes nothing here. If it had more coins reversed than
the newest has, it is published all the same, and the newest after it: diamonds that come back have
to wait, and payout knows so only from the reversal.
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
    """Store each revision, publish what is new; return the ids of stale messages."""
    named = {
        (message.data.viewer, gift.gift, message.data.lot)
        for message in received
        for gift in message.data.gifts
    }
    if not named:
        return set()
    gifts = await gift_store.lock(tx, sorted({(viewer, gift) for viewer, gift, _ in named}))
    known = await reversals.known(tx, named)
    facts: list[Fact] = []
    now = datetime.now(UTC)
    stale = {message.id for message in received if message.data.gifts}
    for message in received:
        for stated in message.data.gifts:
            key = (message.data.viewer, stated.gift, message.data.lot)
            reversal = known.setdefault(key, Reversal(*key))
            statement = _Statement(message.data.revision, stated.reversed_coins)
            if not reversal.record_revision(statement.revision):
                continue
            if statement.revision > reversal.revision:
                stale.discard(message.id)
                reversal.revision, reversal.reversed_coins = statement
                facts += _reversal_facts(gifts, reversal, message.cause, now)
            elif statement.reversed_coins > reversal.reversed_coins:
                facts += _reversal_facts(gifts, reversal, message.cause, now, late=statement)
    changed = [gifts[gift] for gift in {gift for _, gift, _ in named} if gift in gifts]
    await reversals.save(tx, list(known.values()), changed)
    await publish(tx, facts, archive=True)
    return stale


class _Statement(NamedTuple):
    """The reversed coins of one lot of one gift, as of a revision."""

    revision: int
    reversed_coins: int


def apply_pending_reversals(
    gift: Gift, waiting: Sequence[Reversal], cause: Cause, at: datetime
) -> tuple[Gift, list[Fact]]:
    """Return a gift that is just sent with the reversals that arrived before, and their facts."""
    facts = []
    for reversal in waiting:
        gift, fact = _newest(gift, reversal, cause, at)
        facts.append(fact)
    return gift, facts


def _reversal_facts(
    gifts: dict[UUID, Gift],
    reversal: Reversal,
    cause: Cause,
    at: datetime,
    *,
    late: _Statement | None = None,
) -> list[Fact]:
    """Return the facts of a late revision and of the newest one that are not published."""
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
    """Return the fact of how many coins of one lot stand reversed now."""
    change = reversal.reversed_coins - reversal.published_coins
    reversal.published_coins = reversal.reversed_coins
    reversal.published_revision = reversal.revision
    gift = replace(gift, reversed_coins=gift.reversed_coins + change)
    statement = _Statement(reversal.revision, reversal.reversed_coins)
    return _fact(gift, reversal, statement, GiftReversed if change > 0 else GiftRestored, cause, at)


def _fact(
    gift: Gift,
    reversal: Reversal,
    statement: _Statement,
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
        revision=statement.revision,
        reversed_coins=statement.reversed_coins,
    )
    return gift, Fact(event, gift.version, cause, at)
