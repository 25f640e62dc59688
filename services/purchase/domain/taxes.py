"""
The tax that a price holds: which country's, at which rate, and who pays it to that country.

Coins are taxed when they are sold, not when they are spent. Prices include the tax. So a sale is
its net amount, which the buyer's coins are worth in the books, and the tax, which was never ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

from shared.identity.countries import COUNTRIES
from shared.money import Rounding, prorate

BASIS_POINTS = 10_000


class TaxPayer(StrEnum):
    """Who pays the tax of a sale to the country: the law's supplier of the buyer."""

    OPERATOR = "operator"
    STORE = "store"  # an app's store sells to the buyer, and pays the tax out of what it took


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A country's rate from a day on, in hundredths of a percent of the net amount."""

    country: str
    kind: str
    rate_bp: int
    effective_from: date

    def __post_init__(self) -> None:
        assert self.country in COUNTRIES, f"{self.country} is no country"
        assert 0 < self.rate_bp < BASIS_POINTS, f"{self.country}: {self.rate_bp} is no rate"


@dataclass(frozen=True, slots=True)
class Tax:
    """The tax that a price holds: `minor` of the price's minor units."""

    country: str
    kind: str
    rate_bp: int
    minor: int
    payer: TaxPayer


@dataclass(frozen=True, slots=True)
class TaxTable:
    """
    Rates by country and day, and who pays the tax of each channel's sales.

    A country without a rate taxes nothing here, and a channel that is not listed is the operator's.
    """

    rates: tuple[TaxRate, ...] = ()
    payers: Mapping[str, TaxPayer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keys = {(rate.country, rate.effective_from) for rate in self.rates}
        assert len(keys) == len(self.rates), "two rates of one country begin on the same day"

    def rate(self, country: str | None, at: datetime) -> TaxRate | None:
        """Return the rate in force; a day begins at midnight UTC, as the day of the payment."""
        day = at.astimezone(UTC).date()
        begun = [
            rate for rate in self.rates if rate.country == country and rate.effective_from <= day
        ]
        return max(begun, key=lambda rate: rate.effective_from, default=None)

    def tax_in(
        self, gross_minor: int, *, country: str | None, channel: str, at: datetime
    ) -> Tax | None:
        """Return the tax in what a buyer paid, or None if there is none."""
        rate = self.rate(country, at)
        if rate is None:
            return None
        payer = self.payers.get(channel, TaxPayer.OPERATOR)
        minor = contained_minor(gross_minor, rate.rate_bp)
        return Tax(rate.country, rate.kind, rate.rate_bp, minor, payer)


UNTAXED = TaxTable()


def contained_minor(gross_minor: int, rate_bp: int) -> int:
    """Return the tax in a gross amount: to the nearest minor unit, half of one goes up."""
    return prorate(gross_minor, rate_bp, BASIS_POINTS + rate_bp, Rounding.NEAREST)


def returned_minor(tax_minor: int, part_minor: int, gross_minor: int) -> int:
    """
    Return how much of a sale's tax the first `part_minor` of its price hold, rounded down.

    Counted from the first minor unit on, so that the parts of a price hold exactly its tax.
    """
    return prorate(tax_minor, min(part_minor, gross_minor), gross_minor, Rounding.DOWN)


def tax_of_next_part(
    tax_minor: int, gross_minor: int, *, part_minor: int, before: Sequence[tuple[int, int]]
) -> int:
    """
    Return how much tax goes back with the next part of a price.

    `before` are the parts that went back, each with its tax. What they are short of, because one
    of them failed in between, this one makes up; no part's tax is less than nothing.
    """
    gone_minor = sum(part for part, _ in before)
    gone_tax_minor = sum(tax for _, tax in before)
    due_minor = returned_minor(tax_minor, gone_minor + part_minor, gross_minor)
    return min(max(due_minor - gone_tax_minor, 0), part_minor)


def tax_of_loss(
    tax_minor: int, gross_minor: int, *, lost_minor: int, refunded_tax_minor: int
) -> int:
    """
    Return how much of a sale's tax is not owed because its money went back without us.

    Counted from the last minor unit of the price, as our own refunds are from the first: neither
    depends on which came before. If more went back than was paid, the tax is given back once.
    """
    kept_minor = returned_minor(tax_minor, max(gross_minor - lost_minor, 0), gross_minor)
    return max(min(tax_minor - kept_minor, tax_minor - refunded_tax_minor), 0)
