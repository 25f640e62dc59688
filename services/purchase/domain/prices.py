"""What coins cost."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import Kind, Refusal


class UnknownPackage(Refusal):
    """There is no such package."""

    kind = Kind.NOT_FOUND


class CurrencyNotOffered(Refusal):
    """This is not sold in that currency."""

    kind = Kind.INVALID


class CoinsNotOffered(Refusal):
    """This package is not sold with that number of coins."""

    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class Package:
    """Coins at a price, in each currency they are sold in."""

    sku: str
    coins: int
    prices_minor: Mapping[str, int]
    bonus_coins: int = 0
    highlight: bool = False

    def __post_init__(self) -> None:
        assert self.coins > 0
        assert self.bonus_coins >= 0
        assert all(price > 0 for price in self.prices_minor.values())
        assert all(re.fullmatch(r"[A-Z]{3}", currency) for currency in self.prices_minor)


@dataclass(frozen=True, slots=True)
class CustomPackage:
    """As many coins as the viewer likes, within limits: in one currency, at one price a coin."""

    sku: str
    currency: str
    coins_min: int
    coins_max: int
    coin_minor: int
    amount_minor_min: int

    def __post_init__(self) -> None:
        assert 0 < self.coins_min <= self.coins_max
        assert self.coin_minor > 0


@dataclass(frozen=True, slots=True)
class Offer:
    """What exactly can be bought, and for how much."""

    sku: str
    coins: int
    bonus_coins: int
    amount_minor: int
    currency: str
    highlight: bool = False


@dataclass(frozen=True, slots=True)
class PriceList:
    """Everything that is sold, in the order in which it is shown."""

    packages: tuple[Package, ...]
    custom: CustomPackage | None = None

    def __post_init__(self) -> None:
        skus = [package.sku for package in self.packages]
        skus += [self.custom.sku] if self.custom is not None else []
        assert len(set(skus)) == len(skus), "two packages have the same sku"

    def offers(self, currency: str, *, covering: int | None = None) -> list[Offer]:
        """
        Return the packages sold in a currency.

        `covering` keeps those that bring at least so many coins, cheapest first; if none does,
        the largest, which comes nearest.
        """
        offers = [
            _offer(package, currency)
            for package in self.packages
            if currency in package.prices_minor
        ]
        if not offers:
            raise CurrencyNotOffered(currency=currency, currencies=self._currencies())
        if covering is None:
            return offers
        enough = [offer for offer in offers if offer.coins + offer.bonus_coins >= covering]
        if not enough:
            return [max(offers, key=lambda offer: offer.coins + offer.bonus_coins)]
        return sorted(enough, key=lambda offer: offer.amount_minor)

    def offer(self, sku: str, *, currency: str, coins: int | None = None) -> Offer:
        """Return the one thing asked for; only the custom package takes a number of coins."""
        if self.custom is not None and sku == self.custom.sku:
            return _custom_offer(self.custom, currency, coins)
        for package in self.packages:
            if package.sku == sku:
                if coins is not None:
                    raise CoinsNotOffered(package=sku, coins=package.coins)
                return _offer(package, currency)
        raise UnknownPackage(package=sku)

    def _currencies(self) -> list[str]:
        return sorted({currency for package in self.packages for currency in package.prices_minor})


def _offer(package: Package, currency: str) -> Offer:
    if currency not in package.prices_minor:
        raise CurrencyNotOffered(currency=currency, currencies=sorted(package.prices_minor))
    return Offer(
        sku=package.sku,
        coins=package.coins,
        bonus_coins=package.bonus_coins,
        amount_minor=package.prices_minor[currency],
        currency=currency,
        highlight=package.highlight,
    )


def _custom_offer(custom: CustomPackage, currency: str, coins: int | None) -> Offer:
    if currency != custom.currency:
        raise CurrencyNotOffered(currency=currency, currencies=[custom.currency])
    if coins is None or not custom.coins_min <= coins <= custom.coins_max:
        raise CoinsNotOffered(
            package=custom.sku, coins_min=custom.coins_min, coins_max=custom.coins_max
        )
    # A card payment below the minimum costs more in fees than it brings.
    amount_minor = max(coins * custom.coin_minor, custom.amount_minor_min)
    return Offer(custom.sku, coins, 0, amount_minor, currency)
