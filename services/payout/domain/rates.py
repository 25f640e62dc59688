"""The numbers of `seeds/rules.toml` and `seeds/rates.toml` that concern creators."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.payout.domain.exchange import ExchangeRules
from services.payout.domain.fees import FeeRules
from services.payout.domain.fraud_rules import NO_RULES, FraudRules
from services.payout.domain.methods import Methods
from services.payout.domain.payees import PayeeRules
from services.payout.domain.rate_plans import Rate, RatePlans
from services.payout.domain.review_rules import ReviewRules
from shared.identity.ages import ADULTS, AgeRule
from shared.quotas.rules import DAY, HOUR, Quota

DIAMONDS = "diamonds"
STANDARD, NEW_CREATOR, FUNDING_RISK = "standard", "new-creator", "funding-risk"
# Of diamonds that were taken back and came back.
RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class MaturityRules:
    """For how long diamonds wait: a stolen card is noticed within days, not minutes."""

    days: int
    new_creator_days: int
    new_creator_until_days: int
    new_creator_until_minor: int
    funding_risk_days: int
    # For installations that are for practice: everything waits so long, for no other reason.
    seconds: int | None = None

    def matures_at(
        self, sent_at: datetime, *, first_earned_at: datetime | None, lifetime_minor: int
    ) -> tuple[datetime, str]:
        """Return when a gift's diamonds may be used, and why not before."""
        if self.seconds is not None:
            return sent_at + timedelta(seconds=self.seconds), STANDARD
        age = sent_at - (first_earned_at or sent_at)
        is_new = (
            age < timedelta(days=self.new_creator_until_days)
            or lifetime_minor < self.new_creator_until_minor
        )
        if is_new:
            return sent_at + timedelta(days=self.new_creator_days), NEW_CREATOR
        return sent_at + timedelta(days=self.days), STANDARD

    def after_warning(self, flagged_at: datetime) -> datetime:
        """Return when diamonds mature whose payment has a fraud warning."""
        if self.seconds is not None:
            return flagged_at + timedelta(seconds=self.seconds)
        return flagged_at + timedelta(days=self.funding_risk_days)


@dataclass(frozen=True, slots=True)
class Rules:
    """What diamonds are worth, what may be paid out, and when; `rate` is that of one creator."""

    rates: RatePlans
    minimum_diamonds: int
    maximum_minor_per_day: int
    maximum_minor_per_7_days: int
    requests_per_day_max: int
    quote_seconds: int
    # Whether diamonds that may be paid out already are taken back when their money is.
    clawback_available: bool
    # Whose midnight ends a day of the daily maximum.
    time_zone: str
    # How long a payee that replaces another rests: a stolen token must not be money at once.
    payee_rest_hours: int
    # Whether a person looks at the first payout of every creator.
    first_payout_review: bool
    # What a creator may ask for before they are told to wait.
    quotes_per_hour: int
    payee_changes_per_day: int
    maturity: MaturityRules
    payees: PayeeRules
    reviews: ReviewRules
    fees: FeeRules
    exchange: ExchangeRules
    # Which provider sends whose money.
    methods: Methods
    # How old a creator has to be to turn diamonds into money.
    ages: AgeRule = ADULTS
    # What signs of fraud are looked for behind a payout; none, unless the operator says.
    fraud: FraudRules = NO_RULES
    # None where the rules are about everybody: see `at`.
    rate: Rate | None = None

    def __post_init__(self) -> None:
        assert self.minimum_diamonds > 0
        assert 0 < self.maximum_minor_per_day <= self.maximum_minor_per_7_days
        assert self.requests_per_day_max > 0
        assert self.payee_rest_hours >= 0
        assert self.quotes_per_hour > 0
        assert self.payee_changes_per_day > 0
        ZoneInfo(self.time_zone)

    @property
    def quotes(self) -> Quota:
        return Quota("quotes", self.quotes_per_hour, HOUR)

    @property
    def payee_changes(self) -> Quota:
        return Quota("payee-changes", self.payee_changes_per_day, DAY)

    @property
    def onboarding_links(self) -> Quota:
        return Quota("onboarding-links", self.payees.onboarding_links_per_hour, HOUR)

    @property
    def payee_rest(self) -> timedelta:
        """How long a payee that replaces another rests; for practice, as long as diamonds."""
        if self.maturity.seconds is not None:
            return timedelta(seconds=self.maturity.seconds)
        return timedelta(hours=self.payee_rest_hours)

    def at(self, rate: Rate) -> "Rules":
        """Return these rules for a creator who has this rate now."""
        return replace(self, rate=rate)

    @property
    def rate_in_force(self) -> Rate:
        assert self.rate is not None, "these rules are of no creator: use `at`"
        return self.rate

    @property
    def rate_version(self) -> int:
        return self.rate_in_force.version

    @property
    def currency(self) -> str:
        return self.rate_in_force.currency

    def value_minor(self, diamonds: int) -> int:
        """What diamonds are worth, rounded down to the cent."""
        return self.rate_in_force.value_minor(diamonds)

    def diamonds_for(self, value_minor: int) -> int:
        """The fewest diamonds that are worth so much."""
        return self.rate_in_force.diamonds_for(value_minor)
