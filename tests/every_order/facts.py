"""
What may happen to a viewer's money, as plain values; nothing here knows the services.

A fact is true whenever it is heard. A decision is what a service answered at its own moment: which
coins paid a gift, how many coins a refund's request froze.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

# The kinds of lots, in the order in which they are spent; a promo lot comes from no purchase.
PROMO, BONUS, PAID = "promo", "bonus", "paid"
CURRENCY = "USD"

# A purchase and the kind of its coins.
Lot: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Paid:
    """A viewer paid; of two purchases the one with the lower `age` was paid first."""

    purchase: str
    coins: int
    price_minor: int
    bonus_coins: int = 0
    age: int = 0
    viewer: str = "v"
    currency: str = CURRENCY


@dataclass(frozen=True, slots=True)
class Disputed:
    """What a bank says of one dispute; `won` is None while it is open."""

    purchase: str
    dispute: str
    revision: int
    amount_minor: int
    won: bool | None = None
    currency: str = CURRENCY


@dataclass(frozen=True, slots=True)
class Flagged:
    """A provider warns that the payment may be fraud."""

    purchase: str
    warning: str = "efw"


@dataclass(frozen=True, slots=True)
class RefundRequested:
    """Somebody wants the unused coins of a purchase turned back into money."""

    purchase: str
    refund: str = "re"


@dataclass(frozen=True, slots=True)
class Refunded:
    """The provider gave the money of so many coins back."""

    purchase: str
    refund: str = "re"


@dataclass(frozen=True, slots=True)
class RefundDeclined:
    """The money of a refund stays, even if it was said before that it went."""

    purchase: str
    refund: str = "re"


@dataclass(frozen=True, slots=True)
class Gift:
    """A viewer asks to give so many coins to a creator."""

    gift: str
    creator: str
    coins: int
    viewer: str = "v"


@dataclass(frozen=True, slots=True)
class TimePasses:
    """More time than any hold lasts."""


@dataclass(frozen=True, slots=True)
class CashedOut:
    """A creator takes out all that is available, and the provider pays it."""

    creator: str


OfPurchase: TypeAlias = Paid | Disputed | Flagged | RefundRequested | Refunded | RefundDeclined
Fact: TypeAlias = OfPurchase | Gift | TimePasses | CashedOut


@dataclass(frozen=True, slots=True)
class Decisions:
    """
    What the services decided, at their own moments and for ever.

    `gifts` are the paid gifts in the order of payment, each with the coins by lot that paid it.
    `frozen` says by refund how many coins its request froze, `refunded` for how many coins its
    money went back. `adjusted` are coins that operators took, `granted` those they gave.
    """

    gifts: tuple[tuple[Gift, tuple[tuple[Lot, int], ...]], ...] = ()
    frozen: tuple[tuple[str, tuple[tuple[Lot, int], ...]], ...] = ()
    refunded: tuple[tuple[str, int], ...] = ()
    adjusted: tuple[tuple[Lot, int], ...] = ()
    granted: tuple[tuple[Lot, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """The facts of a story sorted by what they are; each counts once."""

    paid: dict[str, Paid] = field(default_factory=dict)
    disputes: dict[tuple[str, str], Disputed] = field(default_factory=dict)
    flagged: set[str] = field(default_factory=set)
    requested: dict[str, str] = field(default_factory=dict)
    refunded: dict[str, str] = field(default_factory=dict)
    declined: dict[str, str] = field(default_factory=dict)


def known(facts: Iterable[Fact]) -> Known:
    """Sort facts; of a dispute the newest revision counts."""
    found = Known()
    for fact in facts:
        if isinstance(fact, Paid):
            found.paid[fact.purchase] = fact
        elif isinstance(fact, Disputed):
            about = (fact.purchase, fact.dispute)
            before = found.disputes.get(about)
            if before is None or before.revision < fact.revision:
                found.disputes[about] = fact
        elif isinstance(fact, Flagged):
            found.flagged.add(fact.purchase)
        elif isinstance(fact, RefundRequested):
            found.requested[fact.refund] = fact.purchase
        elif isinstance(fact, Refunded):
            found.refunded[fact.refund] = fact.purchase
        elif isinstance(fact, RefundDeclined):
            found.declined[fact.refund] = fact.purchase
    return found
