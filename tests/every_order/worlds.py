"""One viewer, the creators of their gifts, and one order of facts: what was said and what came."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from shared.contracts.wallet import LotKind, lot_id
from shared.messaging.delivery import Delivery
from tests.deliveries import a_delivery
from tests.every_order import oracle
from tests.every_order.facts import (
    BONUS,
    PAID,
    Decisions,
    Fact,
    Gift,
    Lot,
    OfPurchase,
    Paid,
    RefundDeclined,
    Refunded,
    RefundRequested,
)
from tests.every_order.messages import event_of, id_of


@lru_cache(maxsize=100_000)
def expected_end(facts: frozenset[Fact], decisions: Decisions) -> oracle.End:
    """Orders of one set end alike unless the services decided otherwise: most are known."""
    return oracle.end_of(facts, decisions)


@lru_cache(maxsize=100_000)
def expected_payment(facts: frozenset[Fact], decisions: Decisions, gift: Gift) -> Any:
    return oracle.payment_of(facts, decisions, gift)


@lru_cache(maxsize=100_000)
def expected_freeze(facts: frozenset[Fact], decisions: Decisions, purchase: str) -> Any:
    return oracle.freezable(facts, decisions, purchase)


@dataclass(slots=True)
class World:
    """Feeds one order of facts, remembers every answer, and says what is wrong with it."""

    name: str
    order: tuple[Fact, ...]
    seen: tuple[Fact, ...] = ()
    decisions: Decisions = field(default_factory=Decisions)
    refused: set[str] = field(default_factory=set)
    # The newest revision of what stands reversed, by gift and lot, as the wallet announced it.
    newest: dict[tuple[str, Lot], tuple[int, int]] = field(default_factory=dict)
    # The most coins that stood reversed since time passed, and ever.
    since: dict[tuple[str, Lot], int] | None = None
    ever: dict[tuple[str, Lot], int] = field(default_factory=dict)
    # The gifts that were paid before time passed.
    waited: frozenset[str] = frozenset()
    is_late: bool = False
    # When a fact occurred is part of it, whenever it is heard.
    now: datetime = field(default_factory=partial(datetime.now, UTC))
    wrong: list[str] = field(default_factory=list)
    # What is on its way, where messages arrive late.
    to_gift: list[Delivery] = field(default_factory=list)
    to_payout: list[Delivery] = field(default_factory=list)
    questions: dict[str, Delivery] = field(default_factory=dict)
    gifts: dict[UUID, Gift] = field(default_factory=dict)
    lots: dict[UUID, Lot] = field(default_factory=dict)
    refunds: dict[UUID, RefundRequested] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for fact in self.order:
            if isinstance(fact, Paid):
                for kind in (PAID, BONUS):
                    lot = lot_id(id_of(self.name, fact.purchase), LotKind(kind))
                    self.lots[lot] = (fact.purchase, kind)
            elif isinstance(fact, RefundRequested):
                self.refunds[id_of(self.name, fact.refund)] = fact

    def creator(self, name: str) -> str:
        return f"{self.name}-{name}"

    def told(self, fact: OfPurchase) -> Delivery:
        """Write a fact of money as the purchase service announces it."""
        if isinstance(fact, Refunded) and fact.refund not in dict(self.decisions.refunded):
            decided = (*self.decisions.refunded, (fact.refund, self._refunded_coins(fact)))
            self.decisions = replace(self.decisions, refunded=decided)
        event = event_of(fact, self.name, self.decisions, self.now)
        delivery: Delivery = a_delivery(event, at=self.now)
        return delivery

    def answered(self, delivery: Delivery) -> None:
        """Take down what the wallet decided, and compare it with what it should have."""
        data = json.loads(delivery.body)["data"]
        name = delivery.type.split(".", 2)[2].rpartition(".")[0]
        if name in ("wallet.gift_paid", "wallet.gift_refused"):
            self._decided(self.gifts[UUID(data["gift"])], data.get("slices"))
        elif name == "wallet.coins_frozen":
            self._frozen(data)
        elif name in ("wallet.lot_reversed", "wallet.lot_restored"):
            lot = self.lots[UUID(data["lot"])]
            for told in data["gifts"]:
                about = (self.gifts[UUID(told["gift"])].gift, lot)
                self._reversed(about, data["revision"], told["reversed_coins"])

    def time_passes(self) -> None:
        self.since = {about: coins for about, (_, coins) in self.newest.items()}
        self.waited = frozenset(gift.gift for gift, _ in self.decisions.gifts)

    def expected(self) -> oracle.End:
        return expected_end(frozenset(self.seen), self.decisions)

    def _decided(self, gift: Gift, slices: list[Mapping[str, Any]] | None) -> None:
        paid = slices and tuple((self.lots[UUID(each["lot"])], each["coins"]) for each in slices)
        known = dict(self.decisions.gifts).get(gift)
        if known is not None or gift.gift in self.refused:
            if paid != known:
                self.wrong.append(f"{gift.gift} was decided twice: {known}, {paid}")
            return
        due = expected_payment(frozenset(self.seen[:-1]), self.decisions, gift)
        if paid != due:
            self.wrong.append(f"{gift.gift} is paid by {paid}, not by {due}")
        if paid:
            self.decisions = replace(self.decisions, gifts=(*self.decisions.gifts, (gift, paid)))
        else:
            self.refused.add(gift.gift)

    def _frozen(self, data: Mapping[str, Any]) -> None:
        try:
            asked = self.refunds[UUID(data["freeze"])]
        except (KeyError, ValueError):
            return
        frozen = {self.lots[UUID(each["lot"])]: each["coins"] for each in data["lots"]}
        if asked.refund in dict(self.decisions.frozen):
            return
        due = expected_freeze(frozenset(self.seen), self.decisions, asked.purchase)
        ended = any(
            isinstance(fact, Refunded | RefundDeclined) and fact.refund == asked.refund
            for fact in self.seen
        )
        for lot, (least, most) in due.items():
            # A refund that has ended before it was heard of needs nothing.
            if not (0 if ended else least) <= frozen.get(lot, 0) <= most:
                self.wrong.append(f"of {lot} {frozen.get(lot, 0)} coins are frozen, not {least}")
        answer = tuple(sorted(frozen.items()))
        frozen_by = (*self.decisions.frozen, (asked.refund, answer))
        self.decisions = replace(self.decisions, frozen=frozen_by)

    def _reversed(self, about: tuple[str, Lot], revision: int, coins: int) -> None:
        if revision > self.newest.get(about, (0, 0))[0]:
            self.newest[about] = (revision, coins)
        self.ever[about] = max(coins, self.ever.get(about, 0))
        if self.since is not None:
            self.since[about] = max(coins, self.since.get(about, 0))

    def _refunded_coins(self, fact: Refunded) -> int:
        """The coins that the wallet froze; without its answer, all that were bought."""
        frozen = sum(coins for _, coins in dict(self.decisions.frozen).get(fact.refund, ()))
        (paid,) = (
            each for each in self.order if isinstance(each, Paid) and each.purchase == fact.purchase
        )
        return frozen or paid.coins + paid.bonus_coins
