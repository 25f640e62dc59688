"""What is for sale to one buyer at one moment, and what a coin costs there. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TypeVar

from shared.errors import Kind, Refusal
from shared.money import Rounding, prorate
from shared.prices.packages import Currencies, CustomPackage, Package

# Where no currency is said to be the usual one.
USUAL_CURRENCY = "USD"
_Priced = TypeVar("_Priced", Package, CustomPackage)


class CurrencyNotOffered(Refusal):
    """This is not sold in that currency, or not to buyers in your country."""

    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class CoinPrice:
    """What a coin costs: so many minor units for so many coins, as one coin costs parts of one."""

    amount_minor: int
    coins: int
    currency: str

    def of(self, coins: int) -> int:
        """Return what so many coins are worth in minor units, rounded up: never too little."""
        return prorate(self.amount_minor, coins, self.coins, Rounding.UP)


@dataclass(frozen=True, slots=True)
class PriceList:
    """
    Everything that is sold in one channel at one moment, in the order in which it is shown.

    `reduced_from` has, by sku and currency, the price that a reduction is shown with: the lowest
    of the 30 days before it. Of coins sold one by one it is the price of a thousand.
    """

    packages: tuple[Package, ...]
    custom: CustomPackage | None = None
    # Without it every buyer may pay in every currency that something is sold in.
    currencies: Currencies | None = None
    reduced_from: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def sold(self) -> tuple[Package | CustomPackage, ...]:
        return self.packages if self.custom is None else (*self.packages, self.custom)

    @property
    def usual_currency(self) -> str:
        """The currency of a buyer who names none."""
        payable = self.payable()
        if self.currencies is None and (USUAL_CURRENCY in payable or not payable):
            return USUAL_CURRENCY
        return payable[0]

    def for_country(self, country: str | None) -> "PriceList":
        """Return what is sold to the buyers of a country, in what they pay in."""
        if self.currencies is None:
            return self
        own = self.currencies.of(country)
        return replace(
            self,
            packages=tuple([_only(package, own) for package in self.packages]),
            custom=_only(self.custom, own) if self.custom is not None else None,
            currencies=Currencies(default=own, countries={}),
        )

    def only(self, skus: Collection[str]) -> "PriceList":
        """Return what is left if nothing but these can be bought."""
        return replace(
            self,
            packages=tuple([package for package in self.packages if package.sku in skus]),
            custom=self.custom if self.custom is not None and self.custom.sku in skus else None,
        )

    def payable(self) -> list[str]:
        """Return the currencies that can be chosen, the usual one first."""
        return list(self.currencies.default) if self.currencies is not None else self._sold()

    def choose_currency(self, wanted: str | None) -> str:
        """Return the currency that was asked for, or the usual one; refuse one that is not sold."""
        if wanted is None:
            return self.usual_currency
        if wanted not in (payable := self.payable()):
            raise CurrencyNotOffered(currency=wanted, currencies=payable)
        return wanted

    def custom_in(self, currency: str) -> CustomPackage | None:
        """Return how coins are sold one by one in a currency, if they are."""
        custom = self.custom
        if custom is None or not custom.enabled or currency not in custom.prices:
            return None
        return custom

    def coin_price(self, currency: str) -> CoinPrice | None:
        """
        Return the price of a coin in the offer where it is dearest; None if nothing is sold.

        Whatever a viewer bought, their coins cost no more than this. Bonus coins count; the least
        amount of a payment does not, as it is no price of a coin.
        """
        offered = [
            CoinPrice(package.prices[currency], package.coins + package.bonus_coins, currency)
            for package in self.packages
            if package.enabled and currency in package.prices
        ]
        if (custom := self.custom_in(currency)) is not None:
            offered.append(CoinPrice(custom.prices[currency], 1_000, currency))
        return max(offered, key=lambda one: Fraction(one.amount_minor, one.coins), default=None)

    def _sold(self) -> list[str]:
        sold = [package.prices for package in self.packages if package.enabled]
        return sorted({currency for prices in sold for currency in prices})


def _only(package: _Priced, currencies: Sequence[str]) -> _Priced:
    prices = package.prices
    return package.with_prices({code: prices[code] for code in currencies if code in prices})
