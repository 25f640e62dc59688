"""
What everybody must end with, from the set of facts alone. Nothing of the services is used here.

Every coin is an object, and each fact says something about coins. There is no order in which
facts are heard, and nothing is ever undone: what is not true of a coin is simply not said of it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from tests.every_order.facts import (
    BONUS,
    PAID,
    PROMO,
    Decisions,
    Disputed,
    Fact,
    Gift,
    Known,
    Lot,
    known,
)


@dataclass(slots=True, eq=False)
class Coin:
    """One coin, and all that is true of it."""

    lot: Lot
    gift: Gift | None = None
    # The place of the gift among all gifts in the order of payment.
    paid_as: int = -1
    is_adjusted: bool = False
    is_refunded: bool = False
    is_claimed: bool = False
    is_kept: bool = False
    is_lent: bool = False
    is_settled: bool = False

    @property
    def is_unspent(self) -> bool:
        return self.gift is None and not self.is_adjusted

    @property
    def is_left(self) -> bool:
        """Whether the coin is physically there."""
        return self.is_unspent and not self.is_refunded and not self.is_claimed

    @property
    def is_owed(self) -> bool:
        return self.gift is not None and self.is_claimed

    @property
    def is_reversed(self) -> bool:
        return self.is_owed and not self.is_settled


@dataclass(frozen=True, slots=True)
class LotEnd:
    """The coins of one lot by what became of them."""

    spent: int
    refunded: int
    burned: int
    owed: int
    settled: int
    held: int
    lent: int
    # What can be spent, nothing else having a claim on it.
    free: int


@dataclass(frozen=True, slots=True)
class End:
    """What everybody ends with; `reversed_coins` names only what is not 0."""

    main: int
    held: int
    debt: int
    lots: dict[Lot, LotEnd]
    reversed_coins: dict[tuple[str, Lot], int]
    # By gift and lot, for each creator: the coins that have money behind them.
    standing: dict[str, dict[tuple[str, Lot], int]]


def end_of(facts: Iterable[Fact], decisions: Decisions, viewer: str = "v") -> End:
    """Say what one viewer, and the creators of their gifts, end with."""
    story = known(facts)
    lots = _coins_of(story, decisions, viewer)
    _say_decisions(lots, decisions, viewer)
    excess = _say_refunds(story, lots, decisions)
    _say_claims(story, lots, excess)
    _say_kept(story, lots, decisions)
    _say_debts(story, lots)
    return _told(lots)


def spending_order(story: Known, lots: Iterable[Lot]) -> list[Lot]:
    """Promo coins first, bonus before paid coins, and the oldest first."""
    kinds = (PROMO, BONUS, PAID)
    return sorted(lots, key=lambda lot: (kinds.index(lot[1]), _age(story, lot), lot[0]))


def _age(story: Known, lot: Lot) -> int:
    return story.paid[lot[0]].age if lot[0] in story.paid else 0


def payment_of(
    facts: Iterable[Fact], decisions: Decisions, gift: Gift
) -> tuple[tuple[Lot, int], ...] | None:
    """Say which coins pay a gift that is asked for now; None if it is refused."""
    facts = tuple(facts)
    end = end_of(facts, decisions, gift.viewer)
    if end.debt or end.main < gift.coins:
        return None
    left, slices = gift.coins, []
    for lot in spending_order(known(facts), end.lots):
        if coins := min(left, end.lots[lot].free):
            slices.append((lot, coins))
            left -= coins
    return tuple(slices)


def freezable(
    facts: Iterable[Fact], decisions: Decisions, purchase: str, viewer: str = "v"
) -> dict[Lot, tuple[int, int]]:
    """Say how many coins of each lot a refund that is asked for now freezes, at least and most."""
    lots = end_of(facts, decisions, viewer).lots
    # Coins that a warning keeps are unused, too. Lent ones are not at their owner's disposal.
    return {
        lot: (end.free + end.held, end.free + end.held + end.lent)
        for lot, end in lots.items()
        if lot[0] == purchase
    }


def _coins_of(story: Known, decisions: Decisions, viewer: str) -> dict[Lot, list[Coin]]:
    lots = {lot: [Coin(lot) for _ in range(coins)] for lot, coins in decisions.granted}
    for paid in story.paid.values():
        if paid.viewer == viewer:
            for kind, coins in ((PAID, paid.coins), (BONUS, paid.bonus_coins)):
                if coins:
                    lot = (paid.purchase, kind)
                    lots[lot] = [Coin(lot) for _ in range(coins)]
    return lots


def _say_decisions(lots: dict[Lot, list[Coin]], decisions: Decisions, viewer: str) -> None:
    for lot, coins in decisions.adjusted:
        for coin in _first(lots[lot], coins, lambda coin: coin.is_unspent):
            coin.is_adjusted = True
    for place, (gift, slices) in enumerate(decisions.gifts):
        for lot, coins in slices if gift.viewer == viewer else ():
            for coin in _first(lots[lot], coins, lambda coin: coin.is_unspent):
                coin.gift, coin.paid_as = gift, place


def _say_refunds(story: Known, lots: dict[Lot, list[Coin]], decisions: Decisions) -> dict[str, int]:
    """Coins whose money went back; return for how many spent coins it went, by purchase."""
    excess: Counter[str] = Counter()
    coins_of, frozen = dict(decisions.refunded), dict(decisions.frozen)
    for refund, purchase in sorted(story.refunded.items()):
        if refund in story.declined or purchase not in story.paid:
            continue
        left = coins_of[refund]
        of_purchase = _of_purchase(lots, purchase)
        asked = [(lot, coins) for lot, coins in frozen.get(refund, ()) if lot in lots]
        rest = [(lot, len(lots[lot])) for lot in of_purchase]
        for lot, coins in (*asked, *rest):
            for coin in _first(
                lots[lot], min(coins, left), lambda coin: coin.is_unspent and not coin.is_refunded
            ):
                coin.is_refunded = True
                left -= 1
        excess[purchase] += left
    return excess


def _say_claims(story: Known, lots: dict[Lot, list[Coin]], excess: dict[str, int]) -> None:
    """Coins whose money a bank took, or which were spent although their money went back."""
    for purchase, paid in story.paid.items():
        disputes = [each for (about, _), each in story.disputes.items() if about == purchase]
        claimed_minor = sum(_claim(each, paid.price_minor, paid.currency) for each in disputes)
        beyond = excess.get(purchase, 0)
        claimable: dict[Lot, list[Coin]] = {}
        shares: dict[Lot, int] = {}
        for lot in _of_purchase(lots, purchase):
            sold = [coin for coin in lots[lot] if not coin.is_adjusted]
            share = -(-len(lots[lot]) * claimed_minor // paid.price_minor)
            # Unspent coins go first; of the spent ones those of the latest gift.
            claimable[lot] = sorted(
                (coin for coin in sold if not coin.is_refunded),
                key=lambda coin: (coin.gift is not None, -coin.paid_as),
            )
            shares[lot] = min(share, len(claimable[lot]))
            # The bank took money for coins whose money had gone back: twice as much is gone.
            beyond += min(share, len(sold)) - shares[lot]
        for lot, coins in claimable.items():
            more = min(beyond, len(coins) - shares[lot])
            beyond -= more
            for coin in coins[: shares[lot] + more]:
                coin.is_claimed = True


def _claim(dispute: Disputed, price_minor: int, currency: str) -> int:
    if dispute.won:
        return 0
    # A sum in another currency says nothing: all is claimed until a person decides.
    return dispute.amount_minor if dispute.currency == currency else price_minor


def _say_kept(story: Known, lots: dict[Lot, list[Coin]], decisions: Decisions) -> None:
    """Coins that are kept for open refunds, and all the rest of what is warned of."""
    for refund, counts in decisions.frozen:
        if refund in story.refunded or refund in story.declined:
            continue
        for lot, coins in counts:
            for coin in _first(
                lots.get(lot, []), coins, lambda coin: coin.is_left and not coin.is_kept
            ):
                coin.is_kept = True
    for lot, of_lot in lots.items():
        for coin in of_lot if lot[0] in story.flagged else ():
            coin.is_kept = coin.is_kept or coin.is_left


def _say_debts(story: Known, lots: dict[Lot, list[Coin]]) -> None:
    """Coins that can be spent settle debts, always: the oldest debt and its oldest gift first."""
    oldest = sorted(lots, key=lambda lot: (_age(story, lot), lot[0], lot[1] != BONUS))
    owed = [
        coin
        for lot in oldest
        for coin in sorted(lots[lot], key=lambda coin: coin.paid_as)
        if coin.is_owed
    ]
    payers = (
        coin
        for lot in spending_order(story, lots)
        for coin in lots[lot]
        # Promo coins cost nobody anything: they pay no debts.
        if lot[1] != PROMO and coin.is_left and not coin.is_kept
    )
    for debt, payer in zip(owed, payers, strict=False):
        debt.is_settled = payer.is_lent = True


def _told(lots: dict[Lot, list[Coin]]) -> End:
    coins = list(chain.from_iterable(lots.values()))
    kept = sum(coin.is_left and coin.is_kept for coin in coins)
    reversed_coins: Counter[tuple[str, Lot]] = Counter()
    standing: dict[str, dict[tuple[str, Lot], int]] = {}
    for coin in coins:
        if coin.gift is not None:
            about = (coin.gift.gift, coin.lot)
            if coin.is_reversed:
                reversed_coins[about] += 1
            stands = standing.setdefault(coin.gift.creator, {})
            stands[about] = stands.get(about, 0) + (not coin.is_reversed)
    return End(
        main=sum(coin.is_left and not coin.is_kept and not coin.is_lent for coin in coins),
        held=kept,
        debt=sum(coin.is_reversed for coin in coins),
        lots={lot: _lot_end(of_lot) for lot, of_lot in lots.items()},
        reversed_coins=dict(reversed_coins),
        standing=standing,
    )


def _lot_end(coins: Sequence[Coin]) -> LotEnd:
    free = [coin for coin in coins if coin.is_left and not coin.is_kept]
    return LotEnd(
        spent=sum(coin.gift is not None for coin in coins),
        refunded=sum(coin.is_refunded for coin in coins),
        burned=sum(coin.is_claimed and coin.is_unspent for coin in coins),
        owed=sum(coin.is_owed for coin in coins),
        settled=sum(coin.is_settled for coin in coins),
        held=sum(coin.is_left and coin.is_kept for coin in coins),
        lent=sum(coin.is_lent for coin in coins),
        free=sum(not coin.is_lent for coin in free),
    )


def _of_purchase(lots: dict[Lot, list[Coin]], purchase: str) -> list[Lot]:
    """The paid coins come first: it is they whose money went."""
    return [lot for lot in ((purchase, PAID), (purchase, BONUS)) if lot in lots]


def _first(coins: Sequence[Coin], number: int, fits: Callable[[Coin], bool]) -> list[Coin]:
    return [coin for coin in coins if fits(coin)][:number]
