"""
Rate plans: what 1,000 diamonds are worth to whom, and from when on.

A plan has versions, each from its moment on. A creator is on the plan `standard`, or from some
moment on on another. A rate is never applied backwards, and a lower one needs notice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from shared.errors import Kind, Refusal
from shared.money import Rounding, prorate, require_currencies

STANDARD_PLAN = "standard"
PARTS = 1_000


class NoSuchRatePlan(Refusal):
    """There is no such rate plan."""

    kind = Kind.NOT_FOUND


class TermsInThePast(Refusal):
    """Terms are never applied backwards: choose a moment that is still to come."""

    kind = Kind.INVALID


class RateNoticeTooShort(Refusal):
    """The creator would get less before the days of notice are over."""

    kind = Kind.INVALID


class TermsExist(Refusal):
    """Other terms begin at this very moment already."""

    kind = Kind.CONFLICT


class TooManyTerms(Refusal):
    """These terms have been changed so often that they cannot be changed any more."""

    kind = Kind.LIMITED


class RatesRefused(Exception):
    """The file of rates breaks a promise; the message says which, and the service does not run."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What 1,000 diamonds are worth; books and payouts name it by `version`, of all plans."""

    version: int
    currency: str
    value_minor_per_1000: int

    def value_minor(self, diamonds: int) -> int:
        """What diamonds are worth, rounded down to the cent."""
        return prorate(diamonds, self.value_minor_per_1000, PARTS, Rounding.DOWN)

    def diamonds_for(self, value_minor: int) -> int:
        """The fewest diamonds that are worth so much."""
        return prorate(value_minor, PARTS, self.value_minor_per_1000, Rounding.UP)

    def is_lower_than(self, other: "Rate") -> bool:
        """Whether a creator may get less; nobody can say so of another currency, so it counts."""
        if self.currency != other.currency:
            return True
        return self.value_minor_per_1000 < other.value_minor_per_1000

    def is_worth_as_much_as(self, other: "Rate") -> bool:
        return self.currency == other.currency and (
            self.value_minor_per_1000 == other.value_minor_per_1000
        )


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """The rate of a plan from some moment on; the first one counts before it, too."""

    plan: str
    effective_from: datetime
    rate: Rate


@dataclass(frozen=True, slots=True)
class Assignment:
    """The plan of one creator from some moment on."""

    effective_from: datetime
    plan: str


@dataclass(frozen=True, slots=True)
class Change:
    """A rate that follows another at some moment."""

    effective_from: datetime
    old: Rate
    new: Rate


@dataclass(frozen=True, slots=True)
class RatePlans:
    """All plans, each with its versions in the order of time."""

    plans: Mapping[str, tuple[PlanVersion, ...]]
    # How long before it counts a lower rate has to be announced.
    notice: timedelta
    # How long before its first gift a split has to be known to every instance.
    split_notice: timedelta

    def __post_init__(self) -> None:
        assert STANDARD_PLAN in self.plans, f"there is no rate plan {STANDARD_PLAN}"
        assert self.notice >= timedelta(0)
        assert self.split_notice >= timedelta(hours=1), "instances may not know a split in time"
        numbers = [version.rate.version for version in self.versions()]
        assert len(set(numbers)) == len(numbers), f"rate versions are not unique: {numbers}"
        for name, versions in self.plans.items():
            assert versions, f"the rate plan {name} has no version"
            for earlier, later in pairwise(versions):
                assert earlier.effective_from < later.effective_from, f"{name} is not in order"
        for version in self.versions():
            require_currencies([version.rate.currency])
            assert version.rate.version > 0, "rate versions are counted from 1"
            assert version.rate.value_minor_per_1000 > 0
            # Limits and fees are amounts of one currency.
            at = version.effective_from
            for plan in self.plans:
                assert self.rate(plan, at).currency == self.currency(at), (
                    f"{plan} and {STANDARD_PLAN} have different currencies at {at}"
                )

    def versions(self) -> Iterator[PlanVersion]:
        for versions in self.plans.values():
            yield from versions

    def knows(self, plan: str, version: int) -> bool:
        """Whether this instance can value: a newer one may have other plans and versions."""
        return plan in self.plans and any(each.rate.version == version for each in self.versions())

    def require_plan(self, plan: str) -> None:
        if plan not in self.plans:
            raise NoSuchRatePlan(plans=sorted(self.plans))

    def rate(self, plan: str, at: datetime) -> Rate:
        """Return the rate of a plan at a moment."""
        first, *later = self.plans[plan]
        found = first
        for version in later:
            if version.effective_from <= at:
                found = version
        return found.rate

    def currency(self, at: datetime) -> str:
        """Return the currency in which all plans value diamonds at a moment."""
        return self.rate(STANDARD_PLAN, at).currency

    def rate_of(self, assignments: Sequence[Assignment], at: datetime) -> Rate:
        """Return the rate at a moment of a creator with these assignments."""
        return self.rate(plan_at(assignments, at), at)

    def changes(self, assignments: Sequence[Assignment], *, after: datetime) -> list[Change]:
        """Return the changes of a creator's rate that are still to come, the next one first."""
        found, old = [], self.rate_of(assignments, after)
        for moment in self._moments(assignments, after=after):
            new = self.rate_of(assignments, moment)
            if not new.is_worth_as_much_as(old):
                found.append(Change(moment, old, new))
            old = new
        return found

    def require_notice(
        self, before: Sequence[Assignment], after: Sequence[Assignment], *, now: datetime
    ) -> None:
        """Refuse assignments by which a creator gets less before the notice is over."""
        earliest = now + self.notice
        for moment in (now, *self._moments([*before, *after], after=now)):
            new, old = self.rate_of(after, moment), self.rate_of(before, moment)
            if moment < earliest and new.is_lower_than(old):
                raise RateNoticeTooShort(lower_from=moment, earliest=earliest)

    def _moments(self, assignments: Sequence[Assignment], *, after: datetime) -> list[datetime]:
        """Return the moments at which a rate may change, in order."""
        moments = {version.effective_from for version in self.versions()}
        moments.update(assignment.effective_from for assignment in assignments)
        return sorted(moment for moment in moments if moment > after)


def plan_at(assignments: Sequence[Assignment], at: datetime) -> str:
    """Return the plan of a creator at a moment."""
    begun = [each for each in assignments if each.effective_from <= at]
    return max(begun, key=lambda each: each.effective_from).plan if begun else STANDARD_PLAN


def new_versions(
    plans: RatePlans, announced: Sequence[PlanVersion], *, now: datetime
) -> list[tuple[PlanVersion, Change | None]]:
    """
    Return the versions of the file that were not announced yet, and what each of them changes.

    Of a plan that is new, what counts already changes nothing. Raise RatesRefused where an
    announced version is no longer as it was, or a new one begins too soon.
    """
    written = {version.rate.version: version for version in plans.versions()}
    for known in announced:
        if written.get(known.rate.version) != known:
            raise RatesRefused(f"{_shown(known)} was announced: it may not be changed or removed.")
    versions = {known.rate.version for known in announced}
    known_plans = {known.plan for known in announced}
    found = []
    for name, of_plan in plans.plans.items():
        for number, version in enumerate(of_plan):
            if version.rate.version in versions:
                continue
            change = None
            is_future = version.effective_from > now
            if number and (name in known_plans or is_future):
                old = of_plan[number - 1].rate
                change = Change(version.effective_from, old, version.rate)
                _require_in_time(plans, version, change, now)
            elif name in known_plans:
                raise RatesRefused(f"{_shown(version)} begins before what was announced.")
            found.append((version, change))
    return found


def _require_in_time(plans: RatePlans, version: PlanVersion, change: Change, now: datetime) -> None:
    if version.effective_from <= now:
        raise RatesRefused(f"{_shown(version)} begins in the past: it is now {now.isoformat()}.")
    earliest = now + plans.notice
    if change.new.is_lower_than(change.old) and version.effective_from < earliest:
        raise RatesRefused(
            f"{_shown(version)} is lower than before: it may begin on {earliest.isoformat()}."
        )


def _shown(version: PlanVersion) -> str:
    at = version.effective_from.isoformat()
    return f"Version {version.rate.version} of the rate plan {version.plan}, from {at} on,"


def parse_rate_plans(
    *, rate_notice_days: int, split_notice_hours: int, plans: Mapping[str, Any]
) -> RatePlans:
    """Return the plans of a file; what is missing or unknown in it stops the service."""
    return RatePlans(
        {
            name: tuple(_version(name, **version) for version in plan["versions"])
            for name, plan in plans.items()
        },
        notice=timedelta(days=rate_notice_days),
        split_notice=timedelta(hours=split_notice_hours),
    )


def _version(
    plan: str, *, version: int, effective_from: datetime, currency: str, value_minor_per_1000: int
) -> PlanVersion:
    assert effective_from.tzinfo, f"{plan}: {effective_from} needs an offset, such as Z"
    return PlanVersion(plan, effective_from, Rate(version, currency, value_minor_per_1000))
