"""
All prices of an installation: those of the beginning, and each change since and to come. Pure.

Old changes stay: what a reduction is shown with follows from them (Directive 98/6/EC, Art. 6a).
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from shared.prices.history import BEGINNING, REDUCTION_PERIOD, PriceHistory, Scope, Step, scopes_of
from shared.prices.packages import (
    STRICT,
    Channel,
    Currencies,
    CustomPackage,
    Package,
    require_countries,
    require_prices,
)
from shared.prices.price_list import CoinPrice, PriceList

# One for each country, channel and turn is far less.
CACHED_LISTS = 1_024


@dataclass(frozen=True, slots=True)
class PriceChange:
    """
    New prices from a moment on, by sku and currency, until a later change for the same buyers.

    Those of the custom package are of a thousand coins. `countries` are where it holds; none named
    are all.
    """

    __pydantic_config__ = STRICT

    effective_from: datetime
    prices: Mapping[str, Mapping[str, int]]
    channel: Channel = Channel.WEB
    countries: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert self.effective_from.utcoffset() is not None, (
            f"effective_from {self.effective_from} has no offset, as in 2026-12-01T00:00:00+01:00:"
            " at whose midnight the price changes is not known"
        )
        assert self.prices, f"the change of {self.effective_from} names no price"
        require_countries(self.countries, f"the change of {self.effective_from}")
        for prices in self.prices.values():
            require_prices(prices)

    @property
    def scopes(self) -> list[Scope]:
        return [(self.channel, country) for country in self.countries or (None,)]


@dataclass(frozen=True, slots=True, eq=False)
class PriceBook:
    """
    What is sold, and what it costs whom at which moment.

    A buyer pays the price of their channel in their country, else that of their channel, else the
    web's in their country, else the web's; of each the newest that is in force. The prices of the
    packages themselves are the web's from the beginning.
    """

    __pydantic_config__ = STRICT

    packages: tuple[Package, ...]
    custom: CustomPackage | None = None
    currencies: Currencies | None = None
    price_changes: tuple[PriceChange, ...] = ()

    def __post_init__(self) -> None:
        skus = [each.sku for each in self.sold]
        assert len(set(skus)) == len(skus), "two packages have the same sku"
        for change in self.price_changes:
            unknown = set(change.prices) - set(skus)
            assert not unknown, f"{change.effective_from}: {sorted(unknown)} are no packages"
        named = _points(self.price_changes)
        assert len(set(named)) == len(named), "two changes of one moment name the same price"
        if self.currencies is not None:
            priced = {currency for package in self.packages for currency in package.prices}
            priced |= {currency for _, _, _, currency in named}
            unsold = self.currencies.named - priced
            assert not unsold, f"no package is sold in {sorted(unsold)}"

    @property
    def sold(self) -> tuple[Package | CustomPackage, ...]:
        return self.packages if self.custom is None else (*self.packages, self.custom)

    def at(
        self, moment: datetime, *, channel: Channel = Channel.WEB, country: str | None = None
    ) -> PriceList:
        """Return what is sold to the buyers of a country, in each currency that has a price."""
        return _price_list(self, self._turn_before(moment), channel, country)

    def offered(self, moment: datetime, *, channel: Channel, country: str | None) -> PriceList:
        """Return what is sold to the buyers of a country, in what they pay in."""
        return _offered(self, self._turn_before(moment), channel, country)

    def coin_price(
        self,
        moment: datetime,
        *,
        channel: Channel,
        country: str | None,
        currency: str | None = None,
    ) -> CoinPrice | None:
        """
        Return the price of a coin where it is dearest (`PriceList.coin_price`).

        Without a currency it is in the usual one; refuse one that is not sold to the buyer.
        """
        return _coin_price(self, self._turn_before(moment), channel, country, currency)

    def history(self, sku: str, currency: str) -> PriceHistory:
        """Return all prices of a package in a currency; none if it never had one."""
        return _histories(self).get((sku, currency), PriceHistory({}))

    @property
    def priced(self) -> Collection[tuple[str, str]]:
        """What has a price at any moment, as sku and currency."""
        return _histories(self).keys()

    @property
    def priced_countries(self) -> set[str]:
        """The countries that have prices of their own."""
        return {country for change in self.price_changes for country in change.countries}

    def _turn_before(self, moment: datetime) -> datetime:
        """Return when what holds at a moment began to hold: between two turns nothing changes."""
        turns = _turns(self)
        passed = bisect_right(turns, moment)
        return turns[passed - 1] if passed else BEGINNING


@lru_cache(maxsize=64)
def _histories(book: PriceBook) -> Mapping[tuple[str, str], PriceHistory]:
    """Return the history of each price, by sku and currency."""
    found: dict[tuple[str, str], dict[Scope, list[Step]]] = {}
    for package in book.sold:
        for currency, price in package.prices.items():
            found[package.sku, currency] = {(Channel.WEB, None): [(BEGINNING, price)]}
    for change in sorted(book.price_changes, key=lambda change: change.effective_from):
        for sku, prices in change.prices.items():
            for currency, price in prices.items():
                steps = found.setdefault((sku, currency), {})
                for scope in change.scopes:
                    steps.setdefault(scope, []).append((change.effective_from, price))
    return {key: PriceHistory(steps) for key, steps in found.items()}


@lru_cache(maxsize=64)
def _turns(book: PriceBook) -> Sequence[datetime]:
    """Return when a price changes, or is no longer shown as reduced, in the order of time."""
    changed = {change.effective_from for change in book.price_changes}
    return sorted(changed | {moment + REDUCTION_PERIOD for moment in changed})


@lru_cache(maxsize=CACHED_LISTS)
def _price_list(
    book: PriceBook, moment: datetime, channel: Channel, country: str | None
) -> PriceList:
    scopes = scopes_of(channel, country)
    prices: dict[str, dict[str, int]] = {package.sku: {} for package in book.sold}
    reduced: dict[str, dict[str, int]] = {}
    for (sku, currency), history in _histories(book).items():
        if (price := history.at(moment, scopes)) is not None:
            prices[sku][currency] = price
        if (before := history.reduced_from(moment, scopes)) is not None:
            reduced.setdefault(sku, {})[currency] = before
    custom = book.custom
    return PriceList(
        packages=tuple(
            [
                package.with_prices(prices[package.sku])
                for package in book.packages
                if package.is_sold_in(channel)
            ]
        ),
        custom=custom.with_prices(prices[custom.sku])
        if custom is not None and custom.is_sold_in(channel)
        else None,
        currencies=book.currencies,
        reduced_from=reduced,
    )


@lru_cache(maxsize=CACHED_LISTS)
def _offered(book: PriceBook, moment: datetime, channel: Channel, country: str | None) -> PriceList:
    return _price_list(book, moment, channel, country).for_country(country)


@lru_cache(maxsize=CACHED_LISTS)
def _coin_price(
    book: PriceBook, moment: datetime, channel: Channel, country: str | None, currency: str | None
) -> CoinPrice | None:
    prices = _offered(book, moment, channel, country)
    return prices.coin_price(prices.choose_currency(currency))


def _points(changes: Sequence[PriceChange]) -> list[tuple[datetime, Scope, str, str]]:
    """Return what each change says a price of: when, for whom, of what, in which currency."""
    return [
        (change.effective_from, scope, sku, currency)
        for change in changes
        for scope in change.scopes
        for sku, prices in change.prices.items()
        for currency in prices
    ]


# Of an installation that sells no coins: nothing has a price in money.
NOTHING_SOLD = PriceBook(packages=())
