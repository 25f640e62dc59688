"""
Shares of gifts: which parties are booked here, and what the parts of the others are told.

A transaction is of one part. The part of the creator who received a gift decides the split by the
gift's own time, books the parties that it has, and sends each other party's share as a message
through its outbox; reversals follow in the same way. A share is known by its gift and its party:
it is sent in the transaction that books the gift, and the party's part books it under a reference
of its own. So a process that dies has either booked nothing, or the relay finds what it sent. As
with gifts, the diamonds of a share and of its reversals end the same for every order of arrival.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from services.payout.domain.splits import Part, Splits, parts_of, possible_parties
from shared.contracts.envelope import Envelope
from shared.contracts.gift import GiftEvent, GiftRestored, GiftSent, ReversalEvent
from shared.contracts.shares import (
    GiftShared,
    ShareEvent,
    ShareRestored,
    ShareReversalEvent,
    ShareReversed,
)
from shared.messaging.facts import Fact

# What brings diamonds, and what takes or returns them: of a gift, or of a share of one.
Followed: TypeAlias = GiftEvent | ShareEvent
Earned: TypeAlias = GiftSent | GiftShared
Reversed: TypeAlias = ReversalEvent | ShareReversalEvent
RESTORED = (GiftRestored, ShareRestored)
# Whether a user is in the part of the transaction.
IsHere: TypeAlias = Callable[[str], bool]


def everybody(_: str) -> bool:
    """Say of every user that they are here: there is one part."""
    return True


@dataclass(frozen=True, slots=True)
class Sharing:
    """Who earns of the gifts of a batch, by the splits of their creators."""

    splits: Splits
    is_here: IsHere = everybody

    def shares_of(self, gift: Earned, sent_at: datetime) -> list[Part]:
        """Return the shares of a gift that are booked here; the creator comes last."""
        if isinstance(gift, GiftShared):
            return [(gift.creator, gift.shares_bp)]
        shares = parts_of(self.splits, gift.creator, sent_at)
        return [share for share in shares if self.is_here(share[0])]

    def shares_elsewhere(self, gift: Earned, sent_at: datetime) -> list[Part]:
        """Return the shares of a gift that other parts book."""
        if isinstance(gift, GiftShared):
            return []
        shares = parts_of(self.splits, gift.creator, sent_at)
        return [share for share in shares if not self.is_here(share[0])]

    def parties_of(self, event: Reversed) -> list[str]:
        """Return who may have earned of a gift here, whenever it was sent."""
        if isinstance(event, ShareReversalEvent):
            return [event.creator]
        return [each for each in possible_parties(self.splits, event.creator) if self.is_here(each)]

    def reversals_elsewhere(self, event: Reversed, sent: Envelope[Followed]) -> Iterator[Fact]:
        """Yield what the parts of other parties are told of a reversal."""
        if isinstance(event, ShareReversalEvent):
            return
        contract = ShareRestored if isinstance(event, GiftRestored) else ShareReversed
        for party in possible_parties(self.splits, event.creator):
            if not self.is_here(party):
                share = contract(
                    creator=party,
                    shared_by=event.creator,
                    gift=event.gift,
                    lot=event.lot,
                    revision=event.revision,
                    reversed_coins=event.reversed_coins,
                )
                yield Fact(share, int(sent.sequence), sent.cause, sent.time)


def share_fact(gift: Earned, share: Part, sent: Envelope[Followed]) -> Fact:
    """Return what the part of a party is told of its share."""
    party, shares_bp = share
    assert shares_bp is not None
    event = GiftShared(
        creator=party,
        shared_by=gift.creator,
        gift=gift.gift,
        viewer=gift.viewer,
        coins=gift.coins,
        slices=gift.slices,
        shares_bp=shares_bp,
        anonymous=gift.anonymous,
        gift_type=gift.gift_type,
        count=gift.count,
        room=gift.room,
        combo=gift.combo,
    )
    return Fact(event, int(sent.sequence), sent.cause, sent.time)


def shared_by(gift: Earned, party: str) -> str | None:
    """Return who received a gift that a party earns of; None: the party did."""
    if isinstance(gift, GiftShared):
        return gift.shared_by
    return None if party == gift.creator else gift.creator
