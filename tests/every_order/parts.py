"""
With whom creators share their gifts, and what of some coins each party has: by fractions.

Y shares with two others, X with nobody.
"""

from collections.abc import Mapping
from fractions import Fraction

SHARED: Mapping[str, tuple[tuple[str, int], ...]] = {"Y": (("P", 3_000), ("Q", 2_500))}


def parts(creator: str, coins: int) -> dict[str, int]:
    """Say whose how many coins of a slice are: each share of what is left, the creator the rest."""
    found, left = {}, Fraction(1)
    for party, share_bp in SHARED.get(creator, ()):
        share = Fraction(share_bp, 10_000)
        found[party] = int(coins * share / left)
        coins -= found[party]
        left -= share
    return {**found, creator: coins}


def receiver_of(party: str) -> str:
    """Say whose gifts somebody has a part of."""
    for creator, shares in SHARED.items():
        if party in dict(shares):
            return creator
    return party
