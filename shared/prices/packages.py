"""
What is for sale, where, and who pays in which currency. Pure.

Prices are in minor units, tax included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from shared.identity.countries import COUNTRIES
from shared.money import Rounding, prorate, require_currencies

# For what reads these classes from a file: a word that is not known there is a mistake. Without
# this a misspelt `channel` would be left out, and a price meant for one app would count everywhere.
STRICT: dict[str, Any] = {"extra": "forbid"}


class Channel(StrEnum):
    """Where a purchase is made: a website, or the store of an app."""

    WEB = "web"
    IOS = "ios"
    ANDROID = "android"


@dataclass(frozen=True, slots=True)
class Package:
    """Coins at a price in each currency; only in some channels if `channels` names them."""

    __pydantic_config__ = STRICT

    sku: str
    coins: int
    prices: Mapping[str, int]
    bonus_coins: int = 0
    enabled: bool = True
    highlight: bool = False
    channels: tuple[Channel, ...] = ()

    def __post_init__(self) -> None:
        assert self.coins > 0
        assert self.bonus_coins >= 0
        require_prices(self.prices)

    def is_sold_in(self, channel: Channel) -> bool:
        return not self.channels or channel in self.channels

    def with_prices(self, prices: Mapping[str, int]) -> "Package":
        return replace(self, prices=prices)


@dataclass(frozen=True, slots=True)
class CustomPackage:
    """
    As many coins as the viewer likes, within limits, at one price a coin.

    Prices are of a thousand coins: a coin costs 1.6 yen, and there is no part of a yen.
    """

    __pydantic_config__ = STRICT

    sku: str
    coins_min: int
    coins_max: int
    minor_per_1000_coins: Mapping[str, int]
    # A card payment below the minimum costs more in fees than it brings.
    amount_minor_min: Mapping[str, int]
    enabled: bool = True
    channels: tuple[Channel, ...] = ()

    def __post_init__(self) -> None:
        assert 0 < self.coins_min <= self.coins_max
        require_prices(self.minor_per_1000_coins)
        require_currencies(self.amount_minor_min)

    @property
    def prices(self) -> Mapping[str, int]:
        return self.minor_per_1000_coins

    def is_sold_in(self, channel: Channel) -> bool:
        return not self.channels or channel in self.channels

    def with_prices(self, prices: Mapping[str, int]) -> "CustomPackage":
        return replace(self, minor_per_1000_coins=prices)

    def sells(self, coins: int) -> bool:
        return self.coins_min <= coins <= self.coins_max

    def amount_minor(self, coins: int, currency: str) -> int:
        """Return what so many coins cost, rounded up to what can be paid."""
        return self.amount_at(self.minor_per_1000_coins[currency], coins, currency)

    def amount_at(self, minor_per_1000_coins: int, coins: int, currency: str) -> int:
        """Return what so many coins cost at another price of a thousand."""
        amount_minor = prorate(minor_per_1000_coins, coins, 1_000, Rounding.UP)
        return max(amount_minor, self.amount_minor_min.get(currency, 0))


@dataclass(frozen=True, slots=True)
class Currencies:
    """
    Who pays in what: a price has to hold for the country it was made for, and for no other.

    `countries` has the countries of each currency; one that is in several lists may choose, and
    gets the first unasked. `default` is for all other countries, and where none is known.
    """

    __pydantic_config__ = STRICT

    default: tuple[str, ...]
    countries: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        assert self.default, "buyers of a country that is not listed could not pay"
        for currency, countries in self.countries.items():
            require_countries(countries, currency)

    @property
    def named(self) -> set[str]:
        return {*self.default, *self.countries}

    def of(self, country: str | None) -> tuple[str, ...]:
        """Return what the buyers of a country may pay in, the usual one first."""
        own = [currency for currency, where in self.countries.items() if country in where]
        return tuple(own) or self.default


def require_countries(countries: Sequence[str], what: str) -> None:
    """Stop a service whose settings name a country that does not exist."""
    unknown = set(countries) - COUNTRIES
    assert not unknown, f"{what}: {sorted(unknown)} are no countries"


def require_prices(prices: Mapping[str, int]) -> None:
    """Stop a service that would sell for nothing, or in a currency that does not exist."""
    require_currencies(prices)
    for currency, price in prices.items():
        assert price > 0, f"a price in {currency} is not one"
