"""
What money of the books is worth in the currency that a creator is paid in.

The rates are the operator's own table: nobody is asked when a payout is quoted. A quote keeps the
amount, so a later rate changes no payout.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from shared.errors import Kind, Refusal
from shared.money import Rounding, minor_units_in, prorate

PARTS, BASIS_POINTS = 1_000_000, 10_000


class NoExchangeRate(Refusal):
    """We do not pay out in this currency."""

    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """
    What one unit of the books' currency is worth in another, as quoted on a day.

    Minor units play no part in `parts_per_million`: 1 USD = 150 JPY is 150,000,000. The operator
    keeps `markup_bp` of it.
    """

    source: str
    currency: str
    as_of: date
    parts_per_million: int
    markup_bp: int

    def convert(self, minor: int, rounding: Rounding) -> int:
        """What an amount of the books becomes, in minor units of the other currency."""
        return prorate(minor, self._part, self._whole, rounding)

    def cost_minor(self, minor: int) -> int:
        """The least amount of the books that becomes so much."""
        return prorate(minor, self._whole, self._part, Rounding.UP)

    @property
    def _part(self) -> int:
        kept = BASIS_POINTS - self.markup_bp
        return self.parts_per_million * kept * minor_units_in(self.currency)

    @property
    def _whole(self) -> int:
        return PARTS * BASIS_POINTS * minor_units_in(self.source)


@dataclass(frozen=True, slots=True)
class ExchangeRules:
    """The operator's rates by the day from which they count; the newest is the last."""

    base: str
    markup_bp: int
    versions: tuple[tuple[date, Mapping[str, int]], ...]

    def __post_init__(self) -> None:
        assert 0 <= self.markup_bp < BASIS_POINTS
        days = [day for day, _ in self.versions]
        assert days == sorted(set(days)), "exchange rates: one version a day, the newest last"
        assert all(rate > 0 for _, rates in self.versions for rate in rates.values())

    def rate(self, source: str, currency: str, today: date) -> ExchangeRate | None:
        """Return the rate in force; None if there is nothing to exchange."""
        if source == currency:
            return None
        for as_of, rates in reversed(self.versions):
            if as_of <= today and source == self.base and currency in rates:
                return ExchangeRate(source, currency, as_of, rates[currency], self.markup_bp)
        raise NoExchangeRate(currency=currency, currencies=self.currencies(source))

    def currencies(self, source: str) -> list[str]:
        """Return what creators can be paid in, when the books are in `source`."""
        known = {currency for _, rates in self.versions for currency in rates}
        return [source, *sorted(known - {source})] if source == self.base else [source]
