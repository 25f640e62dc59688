"""Which gifts have lost the money behind them: the latest that a lot has paid."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class GiftSlice:
    """Coins of a lot that paid for a gift; `entry` tells which gift came later."""

    gift: UUID
    coins: int
    entry: int


def reversed_gifts(slices: Iterable[GiftSlice], reversed_coins: int) -> dict[UUID, int]:
    """
    Return which gifts stand reversed, and how many coins of each: the latest first.

    The later a gift, the likelier its diamonds are still pending, and no money is lost.
    """
    found: dict[UUID, int] = {}
    for piece in sorted(slices, key=lambda piece: -piece.entry):
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
