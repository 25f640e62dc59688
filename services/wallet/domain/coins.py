"""
Every coin belongs to a lot: the coins that came together, and the money they came for.

A lot's coins are never lost sight of: what is not left was spent, refunded, charged back,
used to settle a debt, adjusted away, expired or forfeited, and the sum is always the coins it
opened with.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from uuid import UUID

from shared.errors import Kind, Refusal
from shared.ledger.entries import LockedAccounts, Posting

COINS = "coins"
# The counterparts of a viewer's coins: where they come from, and where they go.
ISSUED = "@issued"
SPENT = "@spent"
REFUNDED = "@refunded"
DISPUTED = "@disputed"
ADJUSTED = "@adjusted"
EXPIRED = "@expired"
FORFEITED = "@forfeited"


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
    """
    Coins that came together, changing as a batch is decided.

    `owed` are spent coins whose money was taken back; the part of them that later purchases have
    paid is `repaid`. What is owed and not repaid is the viewer's debt. Of a lot that was given up
    (`is_forfeit`), all that could be spent is `forfeited`.
    """

    id: UUID
    purchase: UUID
    origin: Origin
    coins: int
    remaining: int
    diamond_rate_bp: int
    price_minor: int
    currency: str
    funded_at: datetime
    expires_at: datetime | None = None
    # How much of the price is tax: the books have the rest of it.
    tax_minor: int = 0
    held: int = 0
    spent: int = 0
    refunded: int = 0
    charged_back: int = 0
    paid_debts: int = 0
    adjusted: int = 0
    expired: int = 0
    forfeited: int = 0
    is_forfeit: bool = False
    owed: int = 0
    repaid: int = 0
    # Counts the changes of what stands reversed, for receivers to keep the newest.
    revision: int = 0

    @property
    def spendable(self) -> int:
        return self.remaining - self.held

    @property
    def debt(self) -> int:
        """What the viewer still owes for this lot."""
        return self.owed - self.repaid

    @property
    def reversed(self) -> int:
        """How many of the coins that paid for gifts have no money behind them now."""
        # Not all of a debt that was recorded before coins lent to debts were called back.
        return min(self.debt, self.spent)

    def value_of_next(self, coins: int) -> int:
        """
        Return what was paid for the next coins to be spent, in minor units.

        It is what the viewer spends of their limits, tax included. Each part is rounded down and
        counted from the first coin, so that all add up to the price.
        """
        price, spent = self.price_minor, self.spent
        return price * (spent + coins) // self.coins - price * spent // self.coins

    def check(self) -> None:
        """Fail if a coin of this lot appeared or vanished: only a bug can do that."""
        gone = self.spent + self.refunded + self.charged_back + self.paid_debts
        given_up = self.adjusted + self.expired + self.forfeited
        assert self.coins == self.remaining + gone + given_up, self
        assert 0 <= self.held <= self.remaining, self
        assert 0 <= self.repaid <= self.owed <= self.spent + self.paid_debts, self


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


@dataclass(slots=True)
class Legs:
    """The legs of an entry, added up as it is worked out."""

    amounts: dict[str, int] = field(default_factory=dict)

    def move(self, coins: int, source: str, target: str) -> None:
        assert coins >= 0
        self.amounts[source] = self.amounts.get(source, 0) - coins
        self.amounts[target] = self.amounts.get(target, 0) + coins

    def add(self, others: "Legs") -> None:
        for account, amount in others.amounts.items():
            self.amounts[account] = self.amounts.get(account, 0) + amount

    def postings(self) -> tuple[Posting, ...]:
        return tuple(
            Posting(account, COINS, amount) for account, amount in self.amounts.items() if amount
        )


def decide(
    accounts: LockedAccounts, legs: Legs, *, kind: str, reference: str, request_hash: bytes
) -> None:
    """Post what moves; if nothing does, that is decided too."""
    if postings := legs.postings():
        accounts.post(kind=kind, reference=reference, postings=postings, request_hash=request_hash)
    else:
        accounts.refuse(reference=reference, request_hash=request_hash)
