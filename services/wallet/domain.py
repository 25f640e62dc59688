"""
What coins may do. Pure: no database, no broker, no clock.

Every coin belongs to a lot: the purchase it came with. Spending takes lots in a fixed order and
remembers which coins went, so a gift can be traced to the card that paid it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from shared.errors import Kind, Refusal
from shared.ledger.rules import MAIN, Holder, Posting

COINS = "coins"
# The counterparts of a viewer's coins: where they come from, and where a gift takes them.
ISSUED = "@issued"
SPENT = "@spent"


class InsufficientCoins(Refusal):
    """The wallet holds fewer coins than the gift costs."""

    kind = Kind.PAYMENT


class TooLate(Refusal):
    """The gift was asked for too long ago; the viewer has stopped waiting for it."""

    kind = Kind.CONFLICT


class CauseReused(Refusal):
    """The same gift or purchase came again with other contents."""

    kind = Kind.CONFLICT


class NoSuchWallet(Refusal):
    """There is no wallet for this user yet."""

    kind = Kind.NOT_FOUND


class Origin(Enum):
    """Where the coins of a lot came from; spending takes them in this order."""

    PROMO = "promo"
    BONUS = "bonus"
    PAID = "paid"


_SPENDING_ORDER = {origin: place for place, origin in enumerate(Origin)}


@dataclass(slots=True)
class Lot:
    """Coins that came together; `remaining` goes down as a batch of gifts is decided."""

    id: UUID
    origin: Origin
    remaining: int
    frozen: int
    diamond_rate_bp: int
    funded_at: datetime
    expires_at: datetime | None

    @property
    def spendable(self) -> int:
        return self.remaining - self.frozen


@dataclass(frozen=True, slots=True)
class Slice:
    """Coins of one lot that paid for one gift."""

    lot: Lot
    coins: int


def spending_order(lots: Iterable[Lot]) -> list[Lot]:
    """
    Promotional coins go first, the soonest to expire before others, then bonus, then paid.

    The oldest go first within a kind. So the coins a viewer could still be refunded are kept
    longest.
    """
    return sorted(
        lots,
        key=lambda lot: (
            _SPENDING_ORDER[lot.origin],
            lot.expires_at.timestamp() if lot.expires_at else float("inf"),
            lot.funded_at,
            lot.id,
        ),
    )


def credit(holder: Holder, *, cause: str, coins: int, request_hash: bytes) -> int:
    """Let newly issued coins arrive; return the number of the decision."""
    postings = (Posting(MAIN, COINS, coins), Posting(ISSUED, COINS, -coins))
    return holder.post(kind="credit", cause=cause, postings=postings, request_hash=request_hash)


def pay_for_gift(
    holder: Holder,
    lots: Sequence[Lot],
    *,
    cause: str,
    coins: int,
    request_hash: bytes,
    expires_at: datetime,
    now: datetime,
) -> tuple[Slice, ...]:
    """
    Move the price of a gift out of the viewer's coins, or raise why they will not move.

    `lots` are the viewer's, in spending order; what is taken from each is returned.
    """
    assert coins > 0
    if now > expires_at:
        raise TooLate
    # This lock-holder's balance is the truth; the lots say which coins it is made of.
    spendable = sum(lot.spendable for lot in lots)
    if spendable < coins:
        raise InsufficientCoins(needed_coins=coins, shortfall_coins=coins - spendable)

    slices = _take(lots, coins)
    postings = (Posting(MAIN, COINS, -coins), Posting(SPENT, COINS, coins))
    holder.post(kind="gift", cause=cause, postings=postings, request_hash=request_hash)
    return slices


def _take(lots: Sequence[Lot], coins: int) -> tuple[Slice, ...]:
    slices = []
    for lot in lots:
        taken = min(lot.spendable, coins)
        if taken:
            lot.remaining -= taken
            coins -= taken
            slices.append(Slice(lot, taken))
        if not coins:
            break
    assert not coins
    return tuple(slices)
