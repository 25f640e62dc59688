"""
Which purchases are not sold: too much money in a time, too many, or signs of fraud.

Amounts are compared in one currency, by a table of amounts that count the same: no exchange rate
of the day decides who may buy. Each refusal names its rule and says when it ends, if time ends it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from uuid import UUID

from services.purchase.domain.purchases import State
from shared.errors import Kind, Refusal
from shared.identity.ages import AgeUnknown, TooYoung
from shared.identity.countries import COUNTRIES
from shared.money import Rounding, prorate, require_currencies
from shared.quotas.rules import TooOften

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NEW, ESTABLISHED = "new", "established"
# Nothing was paid for these, as far as the provider knows.
UNPAID = (State.FAILED, State.EXPIRED)


class Rule(StrEnum):
    """What a refusal names."""

    AGE = "age"
    COUNTRY = "country"
    PURCHASES_PER_MINUTE = "purchases-per-minute"
    PURCHASES_PER_DAY = "purchases-per-day"
    PROMO_CODES = "promo-codes"
    MONEY_PER_DAY = "money-per-day"
    MONEY_PER_7_DAYS = "money-per-7-days"
    MONEY_PER_30_DAYS = "money-per-30-days"
    SMALL_UNPAID = "small-unpaid-purchases"
    FAILED_PAYMENTS = "failed-payments"
    REPEAT_REFUNDS = "repeat-refunds"
    FRAUD_WARNING = "fraud-warning"
    OPEN_DISPUTE = "open-dispute"


class CountryNotServed(Refusal):
    """Coins are not sold in your country."""

    kind = Kind.FORBIDDEN


class PurchaseLimitReached(Refusal):
    """You have reached a limit of purchases: try again when it ends."""

    kind = Kind.LIMITED


class PurchaseTooLarge(Refusal):
    """This costs more than you may spend at once: buy less."""

    kind = Kind.FORBIDDEN


class PurchasesPaused(Refusal):
    """You cannot buy for now: too many of your payments failed, went back or may be fraud."""

    kind = Kind.FORBIDDEN


class PurchasesLocked(Refusal):
    """One of your payments is disputed: you cannot buy until your bank has decided."""

    kind = Kind.FORBIDDEN


@dataclass(frozen=True, slots=True)
class MoneyLimits:
    """
    How much money one viewer may spend, in minor units of the rules' currency.

    An account is new for so many days; one whose age the token does not say is `unknown_account`.
    """

    new_account_days: int
    new_minor_per_day: int
    minor_per_day: int
    minor_per_7_days: int
    minor_per_30_days: int
    unknown_account: str = NEW

    def __post_init__(self) -> None:
        assert self.unknown_account in (NEW, ESTABLISHED), "an unknown account is new, or not"
        assert self.new_account_days >= 0
        assert 0 < self.new_minor_per_day <= self.minor_per_day
        assert self.minor_per_day <= self.minor_per_7_days <= self.minor_per_30_days

    def is_new(self, account_created_at: float | None, now: datetime) -> bool:
        """Whether an account, created so many seconds after 1970, is new; in the future as well."""
        # 0 is what programs write for a time that they do not know.
        if not account_created_at:
            return self.unknown_account == NEW
        age_seconds = now.timestamp() - account_created_at
        return age_seconds < timedelta(days=self.new_account_days).total_seconds()

    def windows(self, *, is_new: bool) -> Iterator[tuple[Rule, timedelta, int]]:
        """Yield each limit: its rule, its time, its number."""
        per_day = self.new_minor_per_day if is_new else self.minor_per_day
        yield Rule.MONEY_PER_DAY, DAY, per_day
        yield Rule.MONEY_PER_7_DAYS, 7 * DAY, self.minor_per_7_days
        yield Rule.MONEY_PER_30_DAYS, 30 * DAY, self.minor_per_30_days


@dataclass(frozen=True, slots=True)
class CardTesting:
    """
    How many payments may come to nothing in so many hours: stolen cards are tried out like that.

    `unpaid_max` counts failed and abandoned purchases of at most `small_minor`, `failed_max` what
    the provider declined or the buyer cancelled, at any price.
    """

    hours: int
    small_minor: int
    unpaid_max: int
    failed_max: int

    def __post_init__(self) -> None:
        assert min(self.hours, self.small_minor, self.unpaid_max, self.failed_max) > 0


@dataclass(frozen=True, slots=True)
class RepeatRefunds:
    """How many purchases may be refunded or charged back in so many days."""

    days: int
    purchases_max: int

    def __post_init__(self) -> None:
        assert min(self.days, self.purchases_max) > 0


@dataclass(frozen=True, slots=True)
class PurchaseRules:
    """
    The numbers of `[purchase_rules]` in `seeds/rules.toml`; a rule that is not there refuses none.

    `equal_minor` are amounts that count the same, by their currency; `currency` is one of them.
    """

    currency: str = "USD"
    equal_minor: Mapping[str, int] = field(default_factory=dict)
    countries_allowed: frozenset[str] = frozenset()
    countries_denied: frozenset[str] = frozenset()
    purchases_per_minute_max: int | None = None
    fraud_warning_days: int = 0
    open_dispute_locks: bool = False
    money: MoneyLimits | None = None
    card_testing: CardTesting | None = None
    repeat_refunds: RepeatRefunds | None = None

    def __post_init__(self) -> None:
        require_currencies(self.equal_minor)
        assert all(amount > 0 for amount in self.equal_minor.values()), "equal_minor has no zeros"
        assert not self.equal_minor or self.currency in self.equal_minor
        assert self.equal_minor or not (self.money or self.card_testing), "equal_minor is missing"
        for countries in (self.countries_allowed, self.countries_denied):
            assert countries <= COUNTRIES, f"{sorted(countries - COUNTRIES)} are no countries"

    def require_counted(self, currencies: Iterable[str]) -> None:
        """Stop a service that sells in a currency which `equal_minor` does not have."""
        unknown = sorted(set(currencies) - self.equal_minor.keys()) if self.equal_minor else []
        assert not unknown, f"[purchase_rules.equal_minor] has no {', '.join(unknown)}"

    def counted_minor(self, amount_minor: int, currency: str) -> int:
        """Return what an amount counts as in the rules' currency, rounded up."""
        if not self.equal_minor:
            return amount_minor
        ours, theirs = self.equal_minor[self.currency], self.equal_minor[currency]
        return prorate(amount_minor, ours, theirs, Rounding.UP)

    def require_country(self, country: str | None) -> None:
        """Refuse buyers of other countries; once there is a list, an unknown country is one."""
        if not self.countries_allowed and not self.countries_denied:
            return
        is_allowed = not self.countries_allowed or country in self.countries_allowed
        if country is None or not is_allowed or country in self.countries_denied:
            raise CountryNotServed(rule=Rule.COUNTRY.value, country=country, ends_at=None)

    def is_new_account(self, account_created_at: float | None, now: datetime) -> bool:
        """Whether the limits of new accounts count; created at so many seconds after 1970."""
        return self.money is not None and self.money.is_new(account_created_at, now)

    @property
    def remembers(self) -> tuple[timedelta, timedelta, timedelta]:
        """How far back purchases, money that went back, and warnings count."""
        tested = timedelta(hours=self.card_testing.hours if self.card_testing else 0)
        bought = max(MINUTE, tested, 30 * DAY if self.money else MINUTE)
        refunded = timedelta(days=self.repeat_refunds.days) if self.repeat_refunds else timedelta()
        return bought, refunded, timedelta(days=self.fraud_warning_days)


@dataclass(frozen=True, slots=True)
class PastPurchase:
    """A purchase that was recorded, and what it counts as in the rules' currency."""

    at: datetime
    state: State
    counted_minor: int


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a viewer: `refunded` are the purchases whose money went back, or may."""

    purchases: tuple[PastPurchase, ...] = ()
    refunded: Mapping[UUID, datetime] = field(default_factory=dict)
    warnings: tuple[datetime, ...] = ()
    has_open_dispute: bool = False
    # A purchase was paid, or is to be the first one.
    bought_before: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is to be bought now: what it counts as, and by whom."""

    counted_minor: int
    is_new_account: bool
    now: datetime


def require_allowed(rules: PurchaseRules, history: History, attempt: Attempt) -> None:
    """Refuse a purchase that a rule forbids; the rule that lasts longest is named."""
    if rules.open_dispute_locks and history.has_open_dispute:
        raise PurchasesLocked(rule=Rule.OPEN_DISPUTE.value, ends_at=None)
    if paused := _latest(_pauses(rules, history, attempt.now)):
        rule, ends_at = paused
        raise PurchasesPaused(**_until(rule, ends_at, attempt.now))
    _require_size(rules, attempt)
    if reached := _latest(_limits_reached(rules, history, attempt)):
        rule, ends_at = reached
        raise PurchaseLimitReached(**_until(rule, ends_at, attempt.now))


def rule_of(refusal: Refusal) -> str | None:
    """Return which rule about buyers has refused; None if something else was wrong."""
    if isinstance(refusal, TooYoung | AgeUnknown):
        return Rule.AGE.value
    if isinstance(refusal, TooOften):
        is_code = refusal.facts.get("act") == Rule.PROMO_CODES.value
        return Rule.PROMO_CODES.value if is_code else Rule.PURCHASES_PER_DAY.value
    rule = refusal.facts.get("rule")
    return rule if isinstance(rule, str) else None


def _pauses(
    rules: PurchaseRules, history: History, now: datetime
) -> Iterator[tuple[Rule, datetime]]:
    """Yield each sign of fraud that is still fresh, and when it is not any more."""
    for at in history.warnings:
        yield Rule.FRAUD_WARNING, at + timedelta(days=rules.fraud_warning_days)
    if (refunds := rules.repeat_refunds) is not None:
        ends_at = _window_end(
            history.refunded.values(), refunds.purchases_max, timedelta(days=refunds.days), now
        )
        if ends_at:
            yield Rule.REPEAT_REFUNDS, ends_at
    if (testing := rules.card_testing) is not None:
        counts: tuple[tuple[Rule, Callable[[PastPurchase], bool], int], ...] = (
            (
                Rule.SMALL_UNPAID,
                lambda it: it.state in UNPAID and it.counted_minor <= testing.small_minor,
                testing.unpaid_max,
            ),
            (Rule.FAILED_PAYMENTS, lambda it: it.state is State.FAILED, testing.failed_max),
        )
        for rule, counts_for, count_max in counts:
            times = [each.at for each in history.purchases if counts_for(each)]
            ends_at = _window_end(times, count_max, timedelta(hours=testing.hours), now)
            if ends_at:
                yield rule, ends_at


def _require_size(rules: PurchaseRules, attempt: Attempt) -> None:
    """Refuse what no wait makes possible."""
    if rules.money is None:
        return
    for rule, _, limit_minor in rules.money.windows(is_new=attempt.is_new_account):
        if attempt.counted_minor > limit_minor:
            raise PurchaseTooLarge(
                rule=rule.value, limit_minor=limit_minor, currency=rules.currency, ends_at=None
            )


def _limits_reached(
    rules: PurchaseRules, history: History, attempt: Attempt
) -> Iterator[tuple[Rule, datetime]]:
    """Yield each limit that the purchase would exceed, and when it would not any more."""
    if rules.purchases_per_minute_max is not None:
        times = [each.at for each in history.purchases]
        ends_at = _window_end(times, rules.purchases_per_minute_max, MINUTE, attempt.now)
        if ends_at:
            yield Rule.PURCHASES_PER_MINUTE, ends_at
    if rules.money is None:
        return
    # Also what is not paid yet: parallel purchases would pass together otherwise.
    spent = [each for each in history.purchases if each.state not in UNPAID]
    spent.sort(key=lambda each: each.at, reverse=True)
    for rule, window, limit_minor in rules.money.windows(is_new=attempt.is_new_account):
        total_minor = attempt.counted_minor
        for each in spent:
            if each.at + window <= attempt.now:
                break
            total_minor += each.counted_minor
            if total_minor > limit_minor:
                yield rule, each.at + window
                break


def _window_end(
    times: Iterable[datetime], count_max: int, window: timedelta, now: datetime
) -> datetime | None:
    """Return when fewer than so many remain of a time, or None if there are fewer now."""
    recent = sorted((at for at in times if at + window > now), reverse=True)
    return recent[count_max - 1] + window if len(recent) >= count_max else None


def _latest(found: Iterable[tuple[Rule, datetime]]) -> tuple[Rule, datetime] | None:
    return max(found, key=lambda each: each[1], default=None)


def _until(rule: Rule, ends_at: datetime, now: datetime) -> dict[str, object]:
    return {
        "rule": rule.value,
        "ends_at": ends_at,
        "retry_after_seconds": max(1, ceil((ends_at - now).total_seconds())),
    }
