"""
How coins follow money that is taken back, or may be.

Facts about one purchase come in any order and more than once. So nothing here adds or subtracts
what a fact says: each function works out what should be, and moves the difference.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.wallet.domain.coins import DISPUTED, REFUNDED, Legs, Lot, spending_order
from shared.ledger.rules import DEBT, HELD, MAIN

# How many coins are kept in which lot, by what they are kept for: a refund, a warning.
Frozen = dict[str, dict[UUID, int]]
# How many coins of which lot have paid the debt of which lot: (debt's lot, payer's lot).
Settlements = dict[tuple[UUID, UUID], int]


@dataclass(frozen=True, slots=True)
class GiftSlice:
    """Coins of a lot that paid for a gift; `movement` tells which gift came later."""

    gift: UUID
    coins: int
    movement: int


def claimed_coins(lot: Lot, *, claimed_minor: int, price_minor: int) -> int:
    """
    Return how many of a lot's coins lost their money, of all it ever had.

    A part of the price takes the same part of every lot of the purchase, rounded up. What was
    refunded, adjusted away or has expired cannot be claimed again.
    """
    share = lot.coins
    if claimed_minor < price_minor:
        share = -(-lot.coins * claimed_minor // price_minor)
    return min(share, lot.coins - lot.refunded - lot.adjusted - lot.expired)


def follow_claim(
    lot: Lot, claimed: int, *, lots: Mapping[UUID, Lot], frozen: Frozen, settlements: Settlements
) -> Legs:
    """Take or give back coins of a lot until so many of them are taken; return what moved."""
    legs = Legs()
    change = claimed - lot.burned - lot.owed
    if change > 0:
        _take(lot, change, legs, frozen)
    elif change < 0:
        _give_back(lot, -change, legs, lots, settlements)
    lot.check()
    return legs


def freeze(lots: Iterable[Lot], key: str, frozen: Frozen) -> Legs:
    """Keep all that can be spent of these lots; return what moved."""
    legs, kept = Legs(), frozen.setdefault(key, {})
    for lot in lots:
        coins = lot.spendable
        if coins:
            kept[lot.id] = kept.get(lot.id, 0) + coins
            lot.frozen += coins
            legs.move(coins, MAIN, HELD)
    return legs


def release(lots: Mapping[UUID, Lot], key: str, frozen: Frozen) -> Legs:
    """Let what was kept be spent again."""
    legs = Legs()
    for lot_id, coins in frozen.get(key, {}).items():
        lots[lot_id].frozen -= coins
        legs.move(coins, HELD, MAIN)
    frozen[key] = dict.fromkeys(frozen.get(key, {}), 0)
    return legs


def burn(lots: Mapping[UUID, Lot], key: str, frozen: Frozen) -> Legs:
    """Let what was kept be gone: its money went back."""
    legs = Legs()
    for lot_id, coins in frozen.get(key, {}).items():
        lot = lots[lot_id]
        lot.frozen -= coins
        lot.remaining -= coins
        lot.refunded += coins
        legs.move(coins, HELD, REFUNDED)
        lot.check()
    frozen[key] = dict.fromkeys(frozen.get(key, {}), 0)
    return legs


def settle_debts(
    debtors: Sequence[Lot], payers: Iterable[Lot], settlements: Settlements
) -> tuple[Legs, dict[UUID, int]]:
    """
    Pay what is owed, the oldest first, with coins that just came; return what each lot got.

    Bonus coins go before paid ones, as in spending.
    """
    legs, paid = Legs(), dict[UUID, int]()
    purses = spending_order(payers)
    for debtor in sorted(debtors, key=lambda lot: (lot.funded_at, lot.id)):
        for payer in purses:
            coins = min(debtor.debt, payer.spendable)
            if coins <= 0 or payer.id == debtor.id:
                continue
            payer.remaining -= coins
            payer.paid_debts += coins
            debtor.settled += coins
            key = (debtor.id, payer.id)
            settlements[key] = settlements.get(key, 0) + coins
            paid[debtor.id] = paid.get(debtor.id, 0) + coins
            legs.move(coins, MAIN, DEBT)
    return legs, paid


def reversed_gifts(slices: Iterable[GiftSlice], reversed_coins: int) -> dict[UUID, int]:
    """
    Return which gifts stand reversed, and how many coins of each: the latest first.

    The later a gift, the likelier its diamonds are still pending, and nobody is out of pocket.
    """
    found: dict[UUID, int] = {}
    for piece in sorted(slices, key=lambda piece: -piece.movement):
        coins = min(piece.coins, reversed_coins)
        if not coins:
            break
        found[piece.gift] = coins
        reversed_coins -= coins
    return found


def changed_gifts(
    slices: Sequence[GiftSlice], *, before: int, after: int
) -> list[tuple[UUID, int]]:
    """Return the gifts whose reversal changes, with the coins that stand reversed from now on."""
    was, now = reversed_gifts(slices, before), reversed_gifts(slices, after)
    return [
        (piece.gift, now.get(piece.gift, 0))
        for piece in slices
        if was.get(piece.gift, 0) != now.get(piece.gift, 0)
    ]


def _take(lot: Lot, coins: int, legs: Legs, frozen: Frozen) -> None:
    """Burn what is unspent, then what is frozen; what is spent already becomes a debt."""
    unspent = min(coins, lot.spendable)
    kept = min(coins - unspent, lot.frozen)
    owed = coins - unspent - kept
    legs.move(unspent, MAIN, DISPUTED)
    legs.move(kept, HELD, DISPUTED)
    legs.move(owed, DEBT, DISPUTED)
    lot.frozen -= kept
    lot.remaining -= unspent + kept
    lot.burned += unspent + kept
    lot.owed += owed
    for by_lot in frozen.values():
        taken = min(kept, by_lot.get(lot.id, 0))
        if taken:
            by_lot[lot.id] -= taken
            kept -= taken


def _give_back(
    lot: Lot, coins: int, legs: Legs, lots: Mapping[UUID, Lot], settlements: Settlements
) -> None:
    """Forgive what is owed, give back what was paid for it, then what was burnt."""
    coins -= _forgive(lot, coins, legs, lots, settlements)
    legs.move(coins, DISPUTED, MAIN)
    lot.burned -= coins
    lot.remaining += coins


def _forgive(
    lot: Lot, coins: int, legs: Legs, lots: Mapping[UUID, Lot], settlements: Settlements
) -> int:
    forgiven = min(coins, lot.debt)
    lot.owed -= forgiven
    legs.move(forgiven, DISPUTED, DEBT)
    for (debtor, payer), paid in settlements.items():
        back = min(coins - forgiven, paid) if debtor == lot.id else 0
        if back:
            settlements[debtor, payer] -= back
            lot.settled -= back
            lot.owed -= back
            forgiven += back
            _repay(lots[payer], back, legs, lots, settlements)
    return forgiven


def _repay(
    payer: Lot, coins: int, legs: Legs, lots: Mapping[UUID, Lot], settlements: Settlements
) -> None:
    """Let coins return to the lot that had paid; its own dispute may be waiting for them."""
    payer.paid_debts -= coins
    payer.remaining += coins
    legs.move(coins, DISPUTED, MAIN)
    claimed = max(0, payer.owed - payer.spent - payer.paid_debts)
    if claimed:
        payer.remaining -= claimed
        payer.burned += claimed
        legs.move(claimed, MAIN, DISPUTED)
        _forgive(payer, claimed, legs, lots, settlements)
