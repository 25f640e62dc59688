"""
A gifter's level: the sum of what they gave, on a curve that grows steeper.

Level n begins at 10 x n^2.6 coins, rounded down: 10, 60, 173, ... 261,256.
"""

from bisect import bisect_right
from dataclasses import dataclass

LEVEL_MAX = 50


def _fifth_root(number: int) -> int:
    """Return the largest integer whose fifth power is not above a number, without a float."""
    low, high = 0, 1 << (number.bit_length() // 5 + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**5 <= number else (low, middle - 1)
    return low


# 10 x n^(13/5) is the fifth root of 10^5 x n^13.
THRESHOLDS = tuple(_fifth_root(10**5 * level**13) for level in range(1, LEVEL_MAX + 1))


def level_at(coins: int) -> int:
    """Return the level that so many coins in all come to; 0 is none yet."""
    return bisect_right(THRESHOLDS, coins)


def coins_of_next(level: int) -> int | None:
    """Return the coins at which the next level begins; None after the last."""
    return THRESHOLDS[level] if level < LEVEL_MAX else None


@dataclass(frozen=True, slots=True)
class Gifter:
    """
    What a viewer gave in all, and of that openly.

    `level` and `revision` are those of the last `live.level_reached`; others see the level of
    `open_coins`.
    """

    viewer: str
    coins: int
    level: int
    revision: int
    open_coins: int = 0
