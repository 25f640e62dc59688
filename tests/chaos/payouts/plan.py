"""
What goes wrong in a run of payouts, and what receivers and banks do: all of it data, from a seed.

As in the other runs, a fault is due once so many payouts are done, and not at a time.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.plan import SECONDS_MAX, SECONDS_MIN, Fault, Kind, in_turn, moments
from tests.chaos.vendor_faults import VendorFault, plan_vendor_faults

PROVIDERS = ("sandbox", "stripe", "paypal")
# Payout runs twice.
INSTANCES = ("payout", "payout-2")
LINKS = ("payout>postgres", "payout>rabbit")
# What breaks: no queue is among it, for creators have their diamonds already.
KINDS = tuple(kind for kind in Kind if kind not in (Kind.DUPLICATE, Kind.REORDER))
PAYOUTS_A_CREATOR = 5


class Story(StrEnum):
    """What becomes of a payout's money."""

    ARRIVES = "arrives"
    LATER = "later"  # the provider takes its time
    REFUSED = "refused"  # the provider sends nothing there
    FAILS = "fails"  # on its way
    FAILS_LATE = "fails-late"  # once it was paid
    COMES_BACK = "comes-back"
    COMES_BACK_IN_PART = "comes-back-in-part"
    UNCLAIMED = "unclaimed"  # by its receiver, until the time for that is over
    UNFUNDED = "unfunded"  # our own account is short of money at first


WEIGHTS = {story: 12 if story is Story.ARRIVES else 1 for story in Story}


@dataclass(frozen=True, slots=True)
class Wish:
    """A payout that a creator wants, and what becomes of it."""

    key: str
    story: Story


@dataclass(frozen=True, slots=True)
class Creator:
    """Somebody who is paid by one provider, one payout after another."""

    name: str
    provider: str
    wishes: tuple[Wish, ...]

    @property
    def is_refused(self) -> bool:
        """Whether the provider sends no money where this creator is."""
        return any(wish.story is Story.REFUSED for wish in self.wishes)


@dataclass(frozen=True, slots=True)
class Plan:
    """A run: so many payouts, and what breaks meanwhile."""

    seed: int
    creators: tuple[Creator, ...]
    faults: tuple[Fault, ...]
    vendor_faults: tuple[VendorFault, ...]

    @property
    def payouts(self) -> int:
        return sum(len(creator.wishes) for creator in self.creators)

    @property
    def all_faults(self) -> tuple[Fault | VendorFault, ...]:
        return (*self.faults, *self.vendor_faults)


def make_plan(*, seed: int, payouts: int, faults: int) -> Plan:
    """Return the plan of a seed; half of its faults are the providers'."""
    dice = random.Random(f"plan {seed}")
    own = faults // 2
    return Plan(
        seed=seed,
        creators=tuple(_creators(dice, seed, payouts)),
        faults=tuple(_faults(dice, payouts, own)),
        vendor_faults=tuple(plan_vendor_faults(dice, payouts, faults - own, PROVIDERS)),
    )


def _creators(dice: random.Random, seed: int, payouts: int) -> Iterator[Creator]:
    """Yield creators; a name begins with its provider. Who is refused is so each time."""
    for first in range(0, payouts, PAYOUTS_A_CREATOR):
        number = first // PAYOUTS_A_CREATOR
        provider = PROVIDERS[number % len(PROVIDERS)]
        stories = dice.choices([*WEIGHTS], weights=[*WEIGHTS.values()], k=PAYOUTS_A_CREATOR)
        if Story.REFUSED in stories:
            stories = [Story.REFUSED] * PAYOUTS_A_CREATOR
        last = min(first + PAYOUTS_A_CREATOR, payouts)
        wishes = tuple(
            Wish(f"chaos-{seed}-{at}", story)
            for at, story in zip(range(first, last), stories, strict=False)
        )
        yield Creator(f"{provider}-{number}", provider, wishes)


def _faults(dice: random.Random, payouts: int, count: int) -> Iterator[Fault]:
    kinds = in_turn(dice, KINDS)
    targets = {kind: in_turn(dice, _targets(kind)) for kind in KINDS}
    for at_answers in moments(dice, payouts, count):
        kind = next(kinds)
        seconds = round(dice.uniform(SECONDS_MIN, SECONDS_MAX), 2)
        yield Fault(at_answers, kind, next(targets[kind]), seconds, dice.randrange(1_000_000))


def _targets(kind: Kind) -> tuple[str, ...]:
    match kind:
        case Kind.KILL_SERVICE:
            return INSTANCES
        case Kind.BLACKHOLE | Kind.DELAY:
            return LINKS
        case _:
            return ("",)
