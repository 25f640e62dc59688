"""What viewers are owed for coins that they have not used."""

from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from operator import add
from typing import TypeVar

from shared.errors import Kind, Refusal


class LiabilityUnknown(Refusal):
    """The liability of this day was not summed up: no day before the installation has one."""

    kind = Kind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class LiabilityLine:
    """
    Coins of one currency, by the country of their buyers and the age of their lots.

    Deferred, released, refunded and disputed are net of tax and add up to the price without it;
    `deferred_gross_minor` is what is unused with its tax.
    """

    country: str
    currency: str
    age: str
    lots: int
    unspent_coins: int
    price_minor: int
    tax_minor: int
    deferred_gross_minor: int
    deferred_minor: int
    released_minor: int
    refunded_minor: int
    disputed_minor: int


@dataclass(frozen=True, slots=True)
class BreakageLine:
    """
    Unused coins of one currency, by the age of their lots and by how long their wallets lie still.

    Of `lots`, `untouched` are those of which no coin was ever used.
    """

    currency: str
    age: str
    idle: str
    lots: int
    untouched: int
    wallets: int
    unspent_coins: int
    deferred_gross_minor: int
    deferred_minor: int


Line = TypeVar("Line", LiabilityLine, BreakageLine)


def add_lines(lines: Iterable[Line]) -> list[Line]:
    """Add lines with the same names up, those of several parts or countries; sort them by name."""
    sums: dict[tuple[str, ...], Line] = {}
    for line in lines:
        values = astuple(line)
        names = tuple(value for value in values if isinstance(value, str))
        if (known := sums.get(names)) is None:
            sums[names] = line
        else:
            at = len(names)
            line_of: Callable[..., Line] = type(line)
            sums[names] = line_of(*names, *map(add, astuple(known)[at:], values[at:]))
    return [sums[names] for names in sorted(sums)]
