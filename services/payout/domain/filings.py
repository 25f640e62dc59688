"""Yearly totals of creators, and which forms of tax authorities they belong on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Figure(StrEnum):
    """Which amount of a year a threshold is about."""

    GROSS = "gross"
    EARNED = "earned"
    PAID = "paid"


class Activity(StrEnum):
    """What is counted beside the amount."""

    GIFTS = "gifts"
    PAYOUTS = "payouts"


class Reach(StrEnum):
    """Whether a year reaches a threshold; unknown of an amount in another currency."""

    REACHED = "reached"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Filing:
    """A form, the countries and years it is for, and the threshold of creators named on it."""

    form: str
    countries: tuple[str, ...]
    from_year: int
    currency: str
    figure: Figure
    over_minor: int
    activity: Activity
    over_count: int
    until_year: int | None = None

    def __post_init__(self) -> None:
        assert self.over_minor >= 0
        assert self.over_count >= 0
        assert self.until_year is None or self.from_year <= self.until_year

    def is_for(self, country: str | None, year: int) -> bool:
        is_over = self.until_year is not None and year > self.until_year
        return country in self.countries and year >= self.from_year and not is_over


@dataclass(frozen=True, slots=True)
class YearTotals:
    """
    A creator's year in one currency, in minor units.

    `gross_minor` are gifts and bonuses, `taken_back_minor` (negative) what of them was taken back
    less what came back, `adjusted_minor` corrections. `paid_minor` arrived at the creator,
    `fees_minor` was kept and `withheld_minor` withheld for a tax authority. `first_minor` to
    `fourth_minor` is what was earned in each quarter, and `first_gifts` to `fourth_gifts` by how
    many gifts.
    """

    creator: str
    country: str | None
    currency: str
    gross_minor: int
    taken_back_minor: int
    adjusted_minor: int
    fees_minor: int
    withheld_minor: int
    paid_minor: int
    gifts: int
    payouts: int
    first_minor: int
    second_minor: int
    third_minor: int
    fourth_minor: int
    first_gifts: int
    second_gifts: int
    third_gifts: int
    fourth_gifts: int

    @property
    def earned_minor(self) -> int:
        return self.gross_minor + self.taken_back_minor + self.adjusted_minor

    def figure(self, figure: Figure) -> int:
        return {
            Figure.GROSS: self.gross_minor,
            Figure.EARNED: self.earned_minor,
            Figure.PAID: self.paid_minor,
        }[figure]

    def count(self, activity: Activity) -> int:
        return self.gifts if activity is Activity.GIFTS else self.payouts


def forms_of(
    totals: YearTotals, filings: Sequence[Filing], year: int
) -> Iterator[tuple[str, Reach]]:
    """Yield the forms that name a creator, and those of which it cannot be said."""
    for filing in filings:
        if not filing.is_for(totals.country, year):
            continue
        if totals.count(filing.activity) <= filing.over_count:
            continue
        amount = totals.figure(filing.figure)
        if amount <= 0:
            continue
        if filing.over_minor == 0:
            yield filing.form, Reach.REACHED
        elif filing.currency != totals.currency:
            yield filing.form, Reach.UNKNOWN
        elif amount > filing.over_minor:
            yield filing.form, Reach.REACHED
