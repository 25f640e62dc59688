"""What coins cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.errors import Kind, Refusal
from shared.identity.countries import COUNTRIES
from shared.money import Rounding, prorate, require_currencies


class UnknownPackage(Refusal):
    """There is no such package."""

    kind = Kind.NOT_FOUND


class CurrencyNotOffered(Refusal):
    """This is not sold in that currency, or not to buyers in your country."""

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

    def only_in(self, currencies: Sequence[str]) -> "Package":
        return replace(self, prices=_only(self.prices, currencies))


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

    def only_in(self, currencies: Sequence[str]) -> "CustomPackage":
        return replace(self, minor_per_1000_coins=_only(self.minor_per_1000_coins, currencies))

    def sells(self, coins: int) -> bool:
        return self.coins_min <= coins <= self.coins_max

    def amount_minor(self, coins: int, currency: str) -> int:
        """Return what so many coins cost, rounded up to what can be paid."""
        amount_minor = prorate(self.minor_per_1000_coins[currency], coins, 1_000, Rounding.UP)
        return max(amount_minor, self.amount_minor_min.get(currency, 0))


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
class Currencies:
    """
    Who pays in what: a price has to hold for the country it was made for, and for no other.

    `countries` has the countries of each currency; one that is in several lists may choose, and
    gets the first unasked. `default` is for all other countries, and where none is known.
    """

    default: tuple[str, ...]
    countries: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        assert self.default, "buyers of a country that is not listed could not pay"
        for currency, countries in self.countries.items():
            unknown = set(countries) - COUNTRIES
            assert not unknown, f"{currency}: {sorted(unknown)} are no countries"

    @property
    def named(self) -> set[str]:
        return {*self.default, *self.countries}

    def of(self, country: str | None) -> tuple[str, ...]:
        """Return what the buyers of a country may pay in, the usual one first."""
        own = [currency for currency, where in self.countries.items() if country in where]
        return tuple(own) or self.default


@dataclass(frozen=True, slots=True)
class PriceList:
    """Everything that is sold, in the order in which it is shown."""

    packages: tuple[Package, ...]
    custom: CustomPackage | None = None
    # Without it every buyer may pay in every currency that something is sold in.
    currencies: Currencies | None = None

    def __post_init__(self) -> None:
        skus = [package.sku for package in self.packages]
        skus += [self.custom.sku] if self.custom is not None else []
        assert len(set(skus)) == len(skus), "two packages have the same sku"
        if self.currencies is not None:
            priced = {currency for package in self.packages for currency in package.prices}
            unsold = self.currencies.named - priced
            assert not unsold, f"no package is sold in {sorted(unsold)}"

    @property
    def usual_currency(self) -> str:
        """The currency of a buyer who names none."""
        return self.currencies.default[0] if self.currencies is not None else "USD"

    def for_country(self, country: str | None) -> "PriceList":
        """Return what is sold to the buyers of a country, in what they pay in."""
        if self.currencies is None:
            return self
        own = self.currencies.of(country)
        return PriceList(
            packages=tuple([package.only_in(own) for package in self.packages]),
            custom=self.custom.only_in(own) if self.custom is not None else None,
            currencies=Currencies(default=own, countries={}),
        )

    def offers(self, currency: str, *, covering: int | None = None) -> list[Offer]:
        """
        Return the packages sold in a currency.

        `covering` keeps those that bring at least so many coins, cheapest first, and offers
        exactly so many, if so many are sold one by one: no buyer has to take more than they need.
        If nothing brings enough, the largest package comes nearest.
        """
        offers = [
            _offer(package, currency)
            for package in self.packages
            if package.enabled and currency in package.prices
        ]
        if not offers:
            raise CurrencyNotOffered(currency=currency, currencies=self.payable())
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

    def payable(self) -> list[str]:
        """Return the currencies that can be chosen, the usual one first."""
        return list(self.currencies.default) if self.currencies is not None else self._sold()

    def _sold(self) -> list[str]:
        sold = [package.prices for package in self.packages if package.enabled]
        return sorted({currency for prices in sold for currency in prices})


def _require_prices(prices: Mapping[str, int]) -> None:
    require_currencies(prices)
    for currency, price in prices.items():
        assert price > 0, f"a price in {currency} is not one"


def _only(prices: Mapping[str, int], currencies: Sequence[str]) -> dict[str, int]:
    return {currency: prices[currency] for currency in currencies if currency in prices}


def _offer(package: Package, currency: str) -> Offer:
    if currency not in package.prices:
        raise CurrencyNotOffered(currency=currency, currencies=list(package.prices))
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
        raise CurrencyNotOffered(currency=currency, currencies=list(custom.minor_per_1000_coins))
    if coins is None or not custom.sells(coins):
        raise CoinsNotOffered(
            package=custom.sku, coins_min=custom.coins_min, coins_max=custom.coins_max
        )
    return Offer(custom.sku, coins, 0, custom.amount_minor(coins, currency), currency)
