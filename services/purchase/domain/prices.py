"""What coins cost."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import Kind, Refusal
from shared.money import require_currencies


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
    """Coins at a price, in minor units of each currency they are sold in."""

    sku: str
    coins: int
    prices: Mapping[str, int]
    bonus_coins: int = 0
    enabled: bool = True
    highlight: bool = False

    def __post_init__(self) -> None:
        assert self.coins > 0
        assert self.bonus_coins >= 0
        _require_prices(self.prices)


@dataclass(frozen=True, slots=True)
class CustomPackage:
    """
    As many coins as the viewer likes, within limits, at one price a coin.

    Prices are of a thousand coins: a coin costs 1.6 yen, and there is no part of a yen.
    """

    sku: str
    coins_min: int
    coins_max: int
    minor_per_1000_coins: Mapping[str, int]
    # A card payment below the minimum costs more in fees than it brings.
    amount_minor_min: Mapping[str, int]
    enabled: bool = True

    def __post_init__(self) -> None:
        assert 0 < self.coins_min <= self.coins_max
        _require_prices(self.minor_per_1000_coins)
        require_currencies(self.amount_minor_min)

    def sells(self, coins: int) -> bool:
        return self.coins_min <= coins <= self.coins_max

    def amount_minor(self, coins: int, currency: str) -> int:
        """Return what so many coins cost, rounded up to what can be paid."""
        exact = coins * self.minor_per_1000_coins[currency]
        return max(-(-exact // 1_000), self.amount_minor_min.get(currency, 0))


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

        `covering` keeps those that bring at least so many coins, cheapest first, and offers
        exactly so many, if so many are sold one by one: nobody has to buy what they do not need.
        If nothing brings enough, the largest package comes nearest.
        """
        offers = [
            _offer(package, currency)
            for package in self.packages
            if package.enabled and currency in package.prices
        ]
        if not offers:
            raise CurrencyNotOffered(currency=currency, currencies=self._currencies())
        if covering is None:
            return offers
        enough = [offer for offer in offers if offer.coins + offer.bonus_coins >= covering]
        if (custom := self.custom_in(currency)) is not None and custom.sells(covering):
            enough.append(_custom_offer(custom, currency, covering))
        if not enough:
            return [max(offers, key=lambda offer: offer.coins + offer.bonus_coins)]
        return sorted(enough, key=lambda offer: offer.amount_minor)

    def custom_in(self, currency: str) -> CustomPackage | None:
        """Return how coins are sold one by one in a currency, if they are."""
        custom = self.custom
        if custom is None or not custom.enabled or currency not in custom.minor_per_1000_coins:
            return None
        return custom

    def offer(self, sku: str, *, currency: str, coins: int | None = None) -> Offer:
        """Return the one thing asked for; only the custom package takes a number of coins."""
        if self.custom is not None and self.custom.enabled and sku == self.custom.sku:
            return _custom_offer(self.custom, currency, coins)
        for package in self.packages:
            if package.enabled and package.sku == sku:
                if coins is not None:
                    raise CoinsNotOffered(package=sku, coins=package.coins)
                return _offer(package, currency)
        raise UnknownPackage(package=sku)

    def _currencies(self) -> list[str]:
        sold = [package.prices for package in self.packages if package.enabled]
        return sorted({currency for prices in sold for currency in prices})


def _require_prices(prices: Mapping[str, int]) -> None:
    require_currencies(prices)
    for currency, price in prices.items():
        assert price > 0, f"a price in {currency} is not one"


def _offer(package: Package, currency: str) -> Offer:
    if currency not in package.prices:
        raise CurrencyNotOffered(currency=currency, currencies=sorted(package.prices))
    return Offer(
        sku=package.sku,
        coins=package.coins,
        bonus_coins=package.bonus_coins,
        amount_minor=package.prices[currency],
        currency=currency,
        highlight=package.highlight,
    )


def _custom_offer(custom: CustomPackage, currency: str, coins: int | None) -> Offer:
    if currency not in custom.minor_per_1000_coins:
        raise CurrencyNotOffered(currency=currency, currencies=sorted(custom.minor_per_1000_coins))
    if coins is None or not custom.sells(coins):
        raise CoinsNotOffered(
            package=custom.sku, coins_min=custom.coins_min, coins_max=custom.coins_max
        )
    return Offer(custom.sku, coins, 0, custom.amount_minor(coins, currency), currency)
