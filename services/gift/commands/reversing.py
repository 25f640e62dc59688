"""
Telling creators' books which gifts lost their money, or have it again.

The wallet says how many coins of a lot stand reversed; it may say so before it is known here that
the lot paid at all. What is heard is kept, and announced once the gift is known to be sent.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from services.gift.domain.gifts import Gift, ReversedUnsent, State
from services.gift.store import gifts as gift_store
from services.gift.store import reversals
from services.gift.store.reversals import Reversal
from shared.contracts.envelope import Cause, Envelope
from shared.contracts.gift import GiftRestored, GiftReversed
from shared.contracts.wallet import LotEvent
from shared.database import Transaction
from shared.messaging.outbox import Fact, announce


async def reverse_gifts(tx: Transaction, received: Sequence[Envelope[LotEvent]]) -> None:
    """Keep what each revision says of each gift, and announce what is new of it."""
    named = {
        (heard.data.viewer, gift.gift, heard.data.lot)
        for heard in received
        for gift in heard.data.gifts
    }
    if not named:
        return
    gifts = await gift_store.lock(tx, sorted({(viewer, gift) for viewer, gift, _ in named}))
    known = await reversals.known(tx, named)
    facts: list[Fact] = []
    for heard in received:
        for told in heard.data.gifts:
            key = (heard.data.viewer, told.gift, heard.data.lot)
            reversal = known.setdefault(key, Reversal(*key))
            if heard.data.revision <= reversal.revision:
                continue
            reversal.revision = heard.data.revision
            reversal.reversed_coins = told.reversed_coins
            facts += _announced(gifts, reversal, heard)
    changed = [gifts[gift] for gift in {gift for _, gift, _ in named} if gift in gifts]
    await reversals.save(tx, list(known.values()), changed)
    await announce(tx, facts)


def announce_waiting(
    gift: Gift, waiting: Sequence[Reversal], cause: Cause
) -> tuple[Gift, list[Fact]]:
    """Say of a gift that is just sent what was heard of it before."""
    facts = []
    for reversal in waiting:
        gift, fact = _fact(gift, reversal, cause)
        facts.append(fact)
    return gift, facts


def _announced(
    gifts: dict[UUID, Gift], reversal: Reversal, heard: Envelope[LotEvent]
) -> list[Fact]:
    gift = gifts.get(reversal.gift)
    if gift is None or gift.state is State.REQUESTED:
        return []
    if gift.state is State.REFUSED:
        raise ReversedUnsent(gift=gift.id)
    if reversal.reversed_coins == reversal.announced_coins:
        return []
    gifts[gift.id], fact = _fact(gift, reversal, heard.cause)
    return [fact]


def _fact(gift: Gift, reversal: Reversal, cause: Cause) -> tuple[Gift, Fact]:
    change = reversal.reversed_coins - reversal.announced_coins
    reversal.announced_coins = reversal.reversed_coins
    gift = replace(
        gift,
        reversed_coins=gift.reversed_coins + change,
        reversal_facts=gift.reversal_facts + 1,
    )
    contract = GiftReversed if change > 0 else GiftRestored
    return gift, stands_reversed(gift, reversal, cause, contract)


def stands_reversed(
    gift: Gift,
    reversal: Reversal,
    cause: Cause,
    contract: type[GiftReversed | GiftRestored],
) -> Fact:
    """Say how much of the gift, out of one lot, stands reversed now."""
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
        revision=reversal.revision,
        reversed_coins=reversal.reversed_coins,
    )
    return Fact(event, gift.attempt + 1 + gift.reversal_facts, cause)
