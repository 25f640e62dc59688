"""
What is left of a sale: the price of coins less tax, the channel's fee and the creators' diamonds.

Everything is an exact fraction of a minor unit until it is shown. One coin of a package, bonus
included, is one diamond, as the wallet credits it by default. Disputes are not counted.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from services.payout.domain.rate_plans import STANDARD_PLAN, parse_rate_plans
from shared.money import Rounding, minor_units_in, prorate, require_currencies
from shared.prices.files import read_price_book
from shared.prices.price_list import PriceList

BASIS_POINTS = 10_000
RATE_PARTS = 1_000_000


class NoFigure(Exception):
    """The files do not have what is asked for; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to sell coins, and what it keeps; `seeds/economics.toml` says what each field means."""

    name: str
    fee_bp: int
    fee_base: Literal["price", "without_tax"]
    tax_bp: int
    fee_minor: int = 0
    fee_currency: str = "USD"
    custom: bool = False

    def __post_init__(self) -> None:
        assert 0 <= self.fee_bp <= BASIS_POINTS, f"{self.name}: fee_bp is not a share"
        assert self.tax_bp >= 0, f"{self.name}: tax_bp is negative"
        assert self.fee_minor >= 0, f"{self.name}: fee_minor is negative"
        require_currencies([self.fee_currency])


@dataclass(frozen=True, slots=True)
class Sale:
    """So many coins, bonus included, at a price in minor units."""

    sku: str
    coins: int
    price_minor: int
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """Currency rates as they are quoted: 920000 parts per million of EUR for one USD."""

    parts_per_million: Mapping[str, Mapping[str, int]]

    def convert(self, amount_minor: Fraction, currency: str, into: str) -> Fraction:
        """Return an amount in minor units of another currency, not rounded."""
        if currency == into:
            return amount_minor
        parts = self.parts_per_million.get(currency, {}).get(into)
        if parts is None:
            raise NoFigure(f"[exchange_rates] has no rate from {currency} to {into}.")
        scale = Fraction(minor_units_in(into), minor_units_in(currency))
        return amount_minor * Fraction(parts, RATE_PARTS) * scale


@dataclass(frozen=True, slots=True)
class Economics:
    """Everything that the margins follow from; `diamond_minor` is the value of one diamond."""

    currency: str
    sales: Sequence[Sale]
    channels: Sequence[Channel]
    diamond_minor: Fraction
    exchange: Exchange

    def income(self, sale: Sale, channel: Channel) -> Fraction:
        """Return what the channel pays out for a sale, in minor units."""
        without_tax = Fraction(sale.price_minor * BASIS_POINTS, BASIS_POINTS + channel.tax_bp)
        base = sale.price_minor if channel.fee_base == "price" else without_tax
        fixed = self._fixed_fee(channel)
        return without_tax - base * Fraction(channel.fee_bp, BASIS_POINTS) - fixed

    def margin(self, sale: Sale, channel: Channel) -> Fraction | None:
        """Return what is left after the creators' diamonds; None where it is not sold."""
        if sale.custom and not channel.custom:
            return None
        return self.income(sale, channel) - sale.coins * self.diamond_minor

    def break_even(self) -> tuple[Fraction, Sale, Channel]:
        """
        Return the highest value of a diamond at which no package loses money.

        With it comes the sale that decides it. Single coins do not count: their least amount
        is for the fixed fee of a card, not for the value of a diamond.
        """
        worst = [
            (self.income(sale, channel) / sale.coins, sale, channel)
            for sale in self.sales
            if not sale.custom
            for channel in self.channels
        ]
        return min(worst, key=lambda each: each[0])

    def _fixed_fee(self, channel: Channel) -> Fraction:
        if not channel.fee_minor:
            return Fraction(0)
        return self.exchange.convert(
            Fraction(channel.fee_minor), channel.fee_currency, self.currency
        )


def rounded(value: Fraction, rounding: Rounding = Rounding.NEAREST) -> int:
    """Return a fraction as a whole number; figures that are only shown go to the nearest."""
    return prorate(1, value.numerator, value.denominator, rounding)


def read_economics(
    packages: Path, rules: Path, rates: Path, channels: Path, currency: str
) -> Economics:
    """
    Read the files of an installation, with the web's prices and the standard rate of this moment.

    Raise `NoFigure` if nothing is sold in the currency.
    """
    now = datetime.now(UTC)
    prices = read_price_book(packages).at(now)
    settings, listed = _toml(rules), _toml(channels)
    rate = parse_rate_plans(**_toml(rates)).rate(STANDARD_PLAN, now)
    quoted = settings.get("exchange_rates", {}).get("parts_per_million", {})
    exchange = Exchange(TypeAdapter(dict[str, dict[str, int]]).validate_python(quoted))
    sales = _sales(prices, currency)
    if not any(not sale.custom for sale in sales):
        raise NoFigure(f"{packages} has no package that is sold in {currency}.")
    return Economics(
        currency=currency,
        sales=sales,
        channels=TypeAdapter(list[Channel]).validate_python(listed["channels"]),
        diamond_minor=exchange.convert(
            Fraction(rate.value_minor_per_1000, 1_000), rate.currency, currency
        ),
        exchange=exchange,
    )


def _sales(prices: PriceList, currency: str) -> list[Sale]:
    sold = [
        Sale(each.sku, each.coins + each.bonus_coins, each.prices[currency])
        for each in prices.packages
        if each.enabled and currency in each.prices
    ]
    custom = prices.custom
    if custom is None or not custom.enabled or currency not in custom.minor_per_1000_coins:
        return sold
    ends = (custom.coins_min, custom.coins_max)
    return sold + [
        Sale(custom.sku, coins, custom.amount_minor(coins, currency), custom=True) for coins in ends
    ]


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
