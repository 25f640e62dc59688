"""What the oracle of every order says about a story: its facts, and what was decided in it."""

from dataclasses import dataclass, field
from typing import Any

from tests.every_order.facts import (
    PROMO,
    Decisions,
    Disputed,
    Flagged,
    Gift,
    Paid,
    RefundDeclined,
    Refunded,
    RefundRequested,
)
from tests.every_order.oracle import end_of


@dataclass(slots=True)
class Told:
    """What was announced in a story about one viewer's purchases."""

    paid: list[Paid] = field(default_factory=list)
    # By purchase and dispute: the newest revision, and what it claims.
    disputes: dict[Any, Any] = field(default_factory=dict)
    warned: set[str] = field(default_factory=set)
    # By refund: its purchase, and how it ended: in coins, or None if it was declined.
    requested: dict[Any, Any] = field(default_factory=dict)
    ended: dict[Any, Any] = field(default_factory=dict)

    def facts(self):
        yield from self.paid
        for (purchase, dispute), (revision, minor) in self.disputes.items():
            yield Disputed(purchase, dispute, revision, minor, won=not minor)
        yield from (Flagged(purchase) for purchase in self.warned)
        for refund, purchase in self.requested.items():
            yield RefundRequested(purchase, refund)
            if refund in self.ended:
                contract = Refunded if self.ended[refund] else RefundDeclined
                yield contract(purchase, refund)

    def buy(self, purchase, coins, bonus, price):
        self.paid.append(Paid(purchase, coins, price, bonus, age=len(self.paid)))


def expected_end(world, viewer, told):
    """Say what a viewer ends with; what was decided is read from where it is kept."""
    lots = world.rows("wallet", "SELECT * FROM lots WHERE user_id = :who ORDER BY id", who=viewer)
    named = {row["id"]: (str(row["purchase"]), row["kind"]) for row in lots}
    decisions = Decisions(
        gifts=_gifts(world, viewer, named),
        frozen=tuple(
            (refund, tuple((named[lot], coins) for lot, coins in world.held_lots[refund].items()))
            for refund in told.requested
            if refund in world.held_lots
        ),
        refunded=tuple((refund, coins) for refund, coins in told.ended.items() if coins),
        adjusted=tuple((named[row["id"]], row["adjusted"]) for row in lots if row["adjusted"]),
        granted=tuple((named[row["id"]], row["coins"]) for row in lots if row["kind"] == PROMO),
    )
    return end_of(told.facts(), decisions), named


def _gifts(world, viewer, named):
    """Paid gifts in the order of payment, with their slices."""
    gifts = {
        row["id"]: Gift(str(row["id"]), row["creator"], row["coins"])
        for row in world.rows(
            "gift", "SELECT id, creator, coins FROM gifts WHERE viewer = :who", who=viewer
        )
    }
    slices = {}
    for row in world.rows(
        "wallet", "SELECT * FROM slices WHERE user_id = :who ORDER BY entry, lot", who=viewer
    ):
        slices.setdefault(gifts[row["gift"]], []).append((named[row["lot"]], row["coins"]))
    return tuple((gift, tuple(pieces)) for gift, pieces in slices.items())
