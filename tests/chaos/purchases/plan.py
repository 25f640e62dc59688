"""
What goes wrong in a run of purchases, and what payers and banks do: all of it data, from a seed.

As in the run of gifts, a fault is due once so many purchases are done, and not at a time.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from tests.chaos.plan import SECONDS_MAX, SECONDS_MIN, Fault, Kind, in_turn, moments
from tests.chaos.vendor_faults import VendorFault, plan_vendor_faults

Choice = TypeVar("Choice", bound=StrEnum)

PROVIDERS = ("sandbox", "stripe", "paypal", "apple", "google")
# Purchase and wallet run twice.
INSTANCES = ("purchase", "wallet", "purchase-2", "wallet-2")
QUEUES = ("purchase.credits", "wallet.money")
LINKS = ("purchase>postgres", "purchase>rabbit", "wallet>postgres", "wallet>rabbit")
PACKAGES = ("coins_100", "coins_300", "coins_500", "coins_1000")
# Where viewers are, and what they pay in there; each viewer is in one country.
COUNTRIES = {"DE": "EUR", "US": "USD", "JP": "JPY"}
PURCHASES_A_VIEWER = 4


class Story(StrEnum):
    """How a viewer pays."""

    AT_ONCE = "at-once"
    LATER = "later"  # and the money comes
    NEVER = "never"  # the same, and the money does not come
    AT_SECOND_TRY = "at-second-try"
    NOT_AT_ALL = "not-at-all"


class Sequel(StrEnum):
    """What becomes of the money once the coins are there."""

    NOTHING = "nothing"
    REFUND = "refund"  # by us, of what is unused
    REFUND_FAILS = "refund-fails"
    DASHBOARD = "dashboard"
    DASHBOARD_PART = "dashboard-part"
    REVERSED = "reversed"
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute-won"
    DISPUTE_LOST = "dispute-lost"
    CHARGEBACK = "chargeback"
    QUESTION = "question"
    WARNING = "warning"


STORIES = {
    Story.AT_ONCE: 12,
    Story.LATER: 2,
    Story.NEVER: 1,
    Story.AT_SECOND_TRY: 1,
    Story.NOT_AT_ALL: 1,
}
# Of three purchases nothing more is heard of two.
SEQUELS = {sequel: 22 if sequel is Sequel.NOTHING else 1 for sequel in Sequel}


@dataclass(frozen=True, slots=True)
class Wish:
    """A purchase that somebody wants, and all that becomes of it; a viewer has one provider."""

    key: str
    viewer: str
    provider: str
    package: str
    country: str
    story: Story
    sequel: Sequel
    # An app that dies after it bought; it claims when it is started again.
    dies: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A run: so many purchases, and what breaks meanwhile."""

    seed: int
    purchases: int
    faults: tuple[Fault, ...]
    vendor_faults: tuple[VendorFault, ...]

    @property
    def all_faults(self) -> tuple[Fault | VendorFault, ...]:
        return (*self.faults, *self.vendor_faults)

    @property
    def viewers(self) -> list[str]:
        """Name the viewers; a name begins with its provider and its country."""
        count = max(len(PROVIDERS) * len(COUNTRIES), self.purchases // PURCHASES_A_VIEWER)
        places = [f"{name}-{country}" for country in COUNTRIES for name in PROVIDERS]
        return [f"{places[number % len(places)]}-{number}" for number in range(count)]

    def wishes(self) -> Iterator[Wish]:
        """Yield the purchases in the order in which they are wanted."""
        dice, viewers = random.Random(f"wishes {self.seed}"), self.viewers
        for number in range(self.purchases):
            viewer = dice.choice(viewers)
            yield Wish(
                key=f"chaos-{self.seed}-{number}",
                viewer=viewer,
                provider=viewer.partition("-")[0],
                package=dice.choice(PACKAGES),
                country=country_of(viewer),
                story=_one_of(dice, STORIES),
                sequel=_one_of(dice, SEQUELS),
                dies=dice.random() < 0.3,
            )


def country_of(viewer: str) -> str:
    """Return the country of a viewer, which is the second part of the name."""
    return viewer.split("-")[1]


def make_plan(*, seed: int, purchases: int, faults: int) -> Plan:
    """Return the plan of a seed; half of its faults are the providers'."""
    dice = random.Random(f"plan {seed}")
    own = faults // 2
    return Plan(
        seed=seed,
        purchases=purchases,
        faults=tuple(_faults(dice, purchases, own)),
        vendor_faults=tuple(plan_vendor_faults(dice, purchases, faults - own, PROVIDERS)),
    )


def _faults(dice: random.Random, purchases: int, count: int) -> Iterator[Fault]:
    kinds = in_turn(dice, [*Kind])
    targets = {kind: in_turn(dice, _targets(kind)) for kind in Kind}
    for at_answers in moments(dice, purchases, count):
        kind = next(kinds)
        seconds = round(dice.uniform(SECONDS_MIN, SECONDS_MAX), 2)
        yield Fault(at_answers, kind, next(targets[kind]), seconds, dice.randrange(1_000_000))


def _targets(kind: Kind) -> tuple[str, ...]:
    match kind:
        case Kind.KILL_SERVICE:
            return INSTANCES
        case Kind.BLACKHOLE | Kind.DELAY:
            return LINKS
        case Kind.DUPLICATE | Kind.REORDER:
            return QUEUES
        case _:
            return ("",)


def _one_of(dice: random.Random, weights: dict[Choice, int]) -> Choice:
    return dice.choices([*weights], weights=[*weights.values()])[0]
