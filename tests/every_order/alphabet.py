"""
Which sets of facts there are, and in which orders they can be heard.

Two purchases, the first with a bonus, the second without; two creators; one payout. None of them
can be exchanged for another: A is the older purchase, X gets two gifts and can cash out. So there
are no symmetric sets to leave out.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from typing import TypeAlias

from tests.every_order.facts import (
    CashedOut,
    Disputed,
    Fact,
    Flagged,
    Gift,
    Paid,
    RefundDeclined,
    Refunded,
    RefundRequested,
    TimePasses,
)

Set: TypeAlias = tuple[Fact, ...]
Order: TypeAlias = tuple[Fact, ...]

PURCHASES = (
    Paid("A", coins=8, price_minor=7, bonus_coins=2, age=0),
    Paid("B", coins=10, price_minor=9, age=1),
)
GIFTS = (Gift("x4", "X", 4), Gift("x10", "X", 10), Gift("y6", "Y", 6))


def _of(paid: Paid) -> tuple[Fact, ...]:
    """All that may happen to one purchase."""
    name, whole = paid.purchase, paid.price_minor
    part, other_part = whole // 2, whole // 2 + 1
    refund = f"re_{name}"
    return (
        paid,
        Disputed(name, "dp_1", 1, whole),
        Disputed(name, "dp_1", 1, part),
        Disputed(name, "dp_1", 2, whole, won=True),
        Disputed(name, "dp_1", 2, whole, won=False),
        Disputed(name, "dp_1", 2, part, won=False),
        Disputed(name, "dp_2", 1, other_part),
        Flagged(name),
        RefundRequested(name, refund),
        Refunded(name, refund),
        RefundDeclined(name, refund),
    )


FACTS: Set = (*_of(PURCHASES[0]), *_of(PURCHASES[1]), *GIFTS, TimePasses(), CashedOut("X"))


def sets_of(size: int) -> Iterator[Set]:
    """All sets of so many facts that can be true together."""
    return (facts for facts in combinations(FACTS, size) if makes_sense(facts))


def orders_of(facts: Set) -> Iterator[Order]:
    return permutations(facts)


def makes_sense(facts: Sequence[Fact]) -> bool:
    """
    Whether facts can be true together, and each can matter.

    Left out: what happens to a purchase that is not in the set, the end of a dispute or a refund
    without its beginning, two sums of one dispute revision, a dispute both won and lost, time
    without gifts, a payout without time. Each of them is the beginning of an order of a larger
    set, where its fact is heard before what it belongs to.
    """
    paid = {fact.purchase for fact in facts if isinstance(fact, Paid)}
    others = [fact for fact in facts if not isinstance(fact, Paid)]
    gifts = [fact for fact in others if isinstance(fact, Gift)]
    times = any(isinstance(fact, TimePasses) for fact in others)
    disputes = [fact for fact in others if isinstance(fact, Disputed)]
    requested = {fact.refund for fact in others if isinstance(fact, RefundRequested)}
    ended = [fact for fact in others if isinstance(fact, Refunded | RefundDeclined)]
    for fact in others:
        if isinstance(fact, CashedOut):
            if not times or all(gift.creator != fact.creator for gift in gifts):
                return False
        elif isinstance(fact, TimePasses):
            if not gifts:
                return False
        elif not isinstance(fact, Gift) and fact.purchase not in paid:
            return False
    opened = {(fact.purchase, fact.dispute): fact for fact in disputes if fact.revision == 1}
    heard = {(fact.purchase, fact.dispute, fact.revision) for fact in disputes}
    return (
        bool(paid)
        and len(heard) == len(disputes)
        and all(fact.refund in requested for fact in ended)
        and all(_ends(fact, opened) for fact in disputes if fact.revision > 1)
    )


def _ends(closed: Disputed, opened: dict[tuple[str, str], Disputed]) -> bool:
    """Whether a dispute was opened, and over the same sum unless it was won."""
    first = opened.get((closed.purchase, closed.dispute))
    return first is not None and (closed.won is True or first.amount_minor == closed.amount_minor)
