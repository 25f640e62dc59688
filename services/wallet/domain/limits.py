"""
What people may spend, in coins or in money, and how near to it they are.

Windows are calendar days, weeks (from Monday) and months of one operator time zone. Money counts
as what the coins had cost: bonus and promotional coins cost nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from services.wallet.domain.coins import COINS
from shared.errors import Kind, Refusal
from shared.identity.ages import ADULTS, AgeRule
from shared.money import Rounding, minor_units_in, prorate

REMIND_AT_PERCENT = (50, 80, 100)
# Exchange rates are parts per million, so that they are integers.
RATE_PARTS = 1_000_000
USER, OPERATOR = "user", "operator"
UTC_ZONE = ZoneInfo("UTC")
Rates = Mapping[tuple[str, str], int]


class LimitExceeded(Refusal):
    """This would be more than the spending limit allows."""

    kind = Kind.FORBIDDEN


class NoExchangeRate(Refusal):
    """The spending limit is in a currency these coins cannot be counted in."""

    kind = Kind.FORBIDDEN


class SelfExcluded(Refusal):
    """You have asked to be kept from spending until then."""

    kind = Kind.FORBIDDEN


class WalletFrozen(Refusal):
    """An operator has stopped this wallet; support can say why."""

    kind = Kind.FORBIDDEN


class Period(StrEnum):
    """What a limit counts: one gift, or all of a window."""

    GIFT = "gift"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


# To read a member through its class takes three times as long, and each gift compares some.
_GIFT, _DAY, _WEEK, _MONTH = Period


@dataclass(frozen=True, slots=True)
class Limit:
    """So much may be spent; `unit` is `coins` or a currency, whose minor units `amount` counts."""

    period: Period
    unit: str
    amount: int
    set_by: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of `seeds/rules.toml` that concern what viewers spend."""

    gift_coins_per_day: int
    raise_after_hours: int
    minor_coins_per_day: int
    time_zone: ZoneInfo
    rates: Rates = field(default_factory=dict)
    ages: AgeRule = ADULTS

    def __post_init__(self) -> None:
        assert self.gift_coins_per_day >= 0
        assert self.minor_coins_per_day >= 0

    def day_of(self, moment: datetime) -> date:
        """Return the day of the operator's calendar that a moment is in."""
        return moment.astimezone(self.time_zone).date()

    @property
    def defaults(self) -> tuple[Limit, ...]:
        """What holds for everyone for whom an operator has set nothing else."""
        return (Limit(_DAY, COINS, self.gift_coins_per_day, OPERATOR),)

    def for_age(self, age: int | None) -> tuple[Limit, ...]:
        """
        Return what holds for a viewer who is too young, or refuse their gifts.

        The gift service has asked the same; it is asked again where the coins move.
        """
        self.ages.require(age)
        if age is None or age >= self.ages.minimum_years:
            return ()
        return (Limit(_DAY, COINS, self.minor_coins_per_day, "age"),)


@dataclass(slots=True)
class Spent:
    """What was spent on one day, out of coins that were bought in one currency."""

    coins: int = 0
    amount_minor: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """A limit's threshold that this batch has reached."""

    limit: Limit
    # When its window began, in the operator's time zone.
    starts_at: datetime
    percent: int
    spent: int


@dataclass(slots=True)
class Budget:
    """
    What one viewer may still spend, counting down as a batch of gifts is decided.

    `days` is what was spent, by day and currency, `changed` what this batch has added to of it.
    """

    today: date
    limits: Sequence[Limit] = ()
    rates: Rates = field(default_factory=dict)
    time_zone: ZoneInfo = UTC_ZONE
    stopped: Refusal | None = None
    days: dict[tuple[date, str], Spent] = field(default_factory=dict)
    changed: set[tuple[date, str]] = field(default_factory=set)
    marks: list[Mark] = field(default_factory=list)

    def require_open(self) -> None:
        """Refuse if nothing may be spent at all."""
        if self.stopped is not None:
            raise self.stopped

    def spend(
        self, pieces: Sequence[tuple[str, int, int]], *, extra_limits: Sequence[Limit] = ()
    ) -> None:
        """
        Count (currency, coins, minor units) that one gift costs, or refuse all of it.

        `extra_limits` are limits of this gift alone, on top of the viewer's.
        """
        reached: list[Mark] = []
        for limit in (*self.limits, *extra_limits) if extra_limits else self.limits:
            reached += self._check(limit, pieces)
        self.marks += reached
        for currency, coins, amount_minor in pieces:
            key = self.today, currency
            self.changed.add(key)
            spent = self.days.get(key)
            if spent is None:
                self.days[key] = Spent(coins, amount_minor)
            else:
                spent.coins += coins
                spent.amount_minor += amount_minor

    def used(self, limit: Limit) -> int:
        """Return what was spent in the limit's present window, in its unit."""
        period, unit = limit.period, limit.unit
        if period is _GIFT:
            return 0
        first = self.today if period is _DAY else starts_on(period, self.today)
        if unit == COINS:
            return sum([spent.coins for (day, _), spent in self.days.items() if day >= first])
        return sum(
            [
                self._amount(unit, currency, spent.coins, spent.amount_minor)
                for (day, currency), spent in self.days.items()
                if day >= first
            ]
        )

    def _check(self, limit: Limit, pieces: Sequence[tuple[str, int, int]]) -> list[Mark]:
        unit = limit.unit
        if unit == COINS:
            cost = sum([coins for _, coins, _ in pieces])
        else:
            cost = sum([self._amount(unit, *piece) for piece in pieces])
        before = self.used(limit)
        after = before + cost
        if after > limit.amount:
            if limit.period is not _GIFT:
                self.marks.append(self._mark(limit, 100, before))
            raise LimitExceeded(
                period=limit.period.value,
                unit=limit.unit,
                limit=limit.amount,
                spent=before,
                remaining=max(0, limit.amount - before),
                set_by=limit.set_by,
            )
        if after * 100 < REMIND_AT_PERCENT[0] * limit.amount or limit.period is _GIFT:
            return []
        return [
            self._mark(limit, percent, after)
            for percent in REMIND_AT_PERCENT
            if before * 100 < percent * limit.amount <= after * 100
        ]

    def _mark(self, limit: Limit, percent: int, spent: int) -> Mark:
        first = starts_on(limit.period, self.today)
        return Mark(limit, datetime.combine(first, time.min, self.time_zone), percent, spent)

    def _amount(self, unit: str, currency: str, coins: int, amount_minor: int) -> int:
        if unit == COINS:
            return coins
        if unit == currency or not amount_minor:
            return amount_minor
        rate = self.rates.get((currency, unit))
        if rate is None:
            raise NoExchangeRate(currency=currency, unit=unit)
        # Rates are those of the newspaper, dollar to yen: the minor units may be of another size.
        scaled = rate * minor_units_in(unit)
        return prorate(amount_minor, scaled, RATE_PARTS * minor_units_in(currency), Rounding.DOWN)


def starts_on(period: Period, today: date) -> date:
    """Return the first day of the window that a day is in."""
    if period is _WEEK:
        return today - timedelta(days=today.weekday())
    if period is _MONTH:
        return today.replace(day=1)
    return today


@dataclass(frozen=True, slots=True)
class LimitRequest:
    """A limit as it was requested once; `amount` is None for a request to have no limit."""

    amount: int | None
    from_at: datetime


def limit_at(requests: Sequence[LimitRequest], moment: datetime) -> int | None:
    """
    Return the limit at a moment, out of all requests for it, oldest first; None without any.

    It is the newest request whose time has come, but never more than any later request: a smaller
    request replaces a larger one that waits. So a limit rises only to what was requested
    throughout the last day.
    """
    newest = max(
        (place for place, request in enumerate(requests) if request.from_at <= moment), default=None
    )
    if newest is None:
        return None
    return min(
        [request.amount for request in requests[newest:] if request.amount is not None],
        default=None,
    )


def is_set(requests: Sequence[LimitRequest], moment: datetime) -> bool:
    """Whether a request has taken effect by then, also one for no limit."""
    return any(request.from_at <= moment for request in requests)


def next_change(
    requests: Sequence[LimitRequest], moment: datetime
) -> tuple[datetime, int | None] | None:
    """Return when the limit changes without a further request, and to what."""
    current = limit_at(requests, moment)
    for at in sorted({request.from_at for request in requests if request.from_at > moment}):
        if (amount := limit_at(requests, at)) != current:
            return at, amount
    return None


def counts_from(
    current: int | None, wanted: int | None, *, now: datetime, delay: timedelta
) -> datetime:
    """
    Return when a new limit counts: a lower one at once, a higher one only after a night's sleep.

    None is no limit at all.
    """
    return now + delay if is_raised(current, wanted) else now


def is_raised(current: int | None, wanted: int | None) -> bool:
    """Whether more could be spent than before; None is no limit at all."""
    return current is not None and (wanted is None or wanted > current)
