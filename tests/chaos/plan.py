"""
What is broken in a run, what people do meanwhile, and when: all of it data, made from a seed.

A plan goes by progress and not by the clock: a fault is due once so many gifts were answered. So
the same seed breaks the same things at the same places of the load, on any machine.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from shared.contracts.routes import QUEUES, SERVICES

Target = TypeVar("Target")

SERVERS = ("postgres", "rabbit")
# Faults lie in this part of the load, so that each has some before it and some after.
FIRST, LAST = 0.05, 0.9
SECONDS_MIN, SECONDS_MAX = 0.5, 5.0
GIFT_TYPES = {"g_pebble": 1, "g_clover": 1, "g_tea": 5}
COUNT_MAX = 3
CREATORS = 8
# Viewers who never bought a coin, so many that none comes to the end of their unpaid gifts, and how
# much of the load is theirs.
POOR, POOR_SHARE = 12, 0.03


class Kind(StrEnum):
    """What can happen to a system."""

    KILL_SERVICE = "kill-service"
    KILL_BROKER = "kill-broker"
    CLOSE_CONNECTIONS = "close-connections"
    KILL_DATABASE = "kill-database"
    STOP_DATABASE = "stop-database"
    BLACKHOLE = "blackhole"
    DELAY = "delay"
    DUPLICATE = "duplicate"
    REORDER = "reorder"


# How often each kind comes once every kind is there; the servers' own deaths stop everybody.
WEIGHTS = {
    Kind.KILL_SERVICE: 6,
    Kind.KILL_BROKER: 2,
    Kind.CLOSE_CONNECTIONS: 3,
    Kind.KILL_DATABASE: 2,
    Kind.STOP_DATABASE: 1,
    Kind.BLACKHOLE: 4,
    Kind.DELAY: 3,
    Kind.DUPLICATE: 4,
    Kind.REORDER: 4,
}


class Errand(StrEnum):
    """What people do besides giving."""

    BUY = "buy"
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute-won"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks once so many gifts were answered; `dice` decides its details."""

    at_answers: int
    kind: Kind
    # A service, a service and a server (`gift>rabbit`), or a queue; nothing where there is one.
    target: str
    seconds: float
    dice: int


@dataclass(frozen=True, slots=True)
class Doing:
    """An errand of one viewer, by number."""

    at_answers: int
    errand: Errand
    viewer: int


@dataclass(frozen=True, slots=True)
class Wish:
    """A gift somebody wants to send, under its key."""

    key: str
    viewer: int
    creator: int
    gift_type: str
    count: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A run: so many gifts of so many viewers, the last of whom have no coins."""

    seed: int
    gifts: int
    viewers: int
    faults: tuple[Fault, ...]
    errands: tuple[Doing, ...]

    @property
    def buyers(self) -> int:
        return self.viewers - POOR

    def wishes(self) -> Iterator[Wish]:
        """Yield the load, in the order in which it is asked for."""
        dice = random.Random(f"wishes {self.seed}")
        for number in range(self.gifts):
            poor = dice.random() < POOR_SHARE
            viewer = self.buyers + dice.randrange(POOR) if poor else dice.randrange(self.buyers)
            yield Wish(
                key=f"chaos-{self.seed}-{number}",
                viewer=viewer,
                creator=dice.randrange(CREATORS),
                gift_type=dice.choice(sorted(GIFT_TYPES)),
                count=dice.randint(1, COUNT_MAX),
            )


def make_plan(*, seed: int, gifts: int, faults: int) -> Plan:
    """Return the plan of a seed; every kind of fault is in it if there is room."""
    dice = random.Random(f"plan {seed}")
    viewers = max(12, gifts // 200) + POOR
    return Plan(
        seed=seed,
        gifts=gifts,
        viewers=viewers,
        faults=tuple(_faults(dice, gifts, faults)),
        errands=tuple(_errands(dice, gifts, viewers - POOR)),
    )


def _faults(dice: random.Random, gifts: int, count: int) -> Iterator[Fault]:
    kinds = [*Kind][:count]
    kinds += dice.choices([*WEIGHTS], weights=[*WEIGHTS.values()], k=count - len(kinds))
    dice.shuffle(kinds)
    targets = {kind: in_turn(dice, _targets(kind)) for kind in Kind}
    for kind, at_answers in zip(kinds, moments(dice, gifts, count), strict=True):
        seconds = round(dice.uniform(SECONDS_MIN, SECONDS_MAX), 2)
        yield Fault(at_answers, kind, next(targets[kind]), seconds, dice.randrange(1_000_000))


def _targets(kind: Kind) -> Sequence[str]:
    match kind:
        case Kind.KILL_SERVICE:
            return SERVICES
        case Kind.BLACKHOLE | Kind.DELAY:
            return [f"{service}>{server}" for service in SERVICES for server in SERVERS]
        case Kind.DUPLICATE | Kind.REORDER:
            return [*QUEUES]
        case _:
            return [""]


def in_turn(dice: random.Random, targets: Sequence[Target]) -> Iterator[Target]:
    """Take all of them before any comes again, so that nobody is spared by chance."""
    while True:
        yield from dice.sample(targets, len(targets))


def _errands(dice: random.Random, gifts: int, buyers: int) -> Iterator[Doing]:
    complaints = [Errand.DISPUTE, Errand.DISPUTE_WON, Errand.REFUND] * max(1, gifts // 6_000)
    # Each complains about a purchase of their own: two at once would be another story.
    complaining = dice.sample(range(buyers), len(complaints))
    buys = max(3, gifts // 200)
    # Who complains is sold nothing while the bank decides.
    peaceful = sorted(set(range(buyers)) - set(complaining))
    errands = [
        *zip(complaints, complaining, strict=True),
        *((Errand.BUY, dice.choice(peaceful)) for _ in range(buys)),
    ]
    dice.shuffle(errands)
    due = moments(dice, gifts, len(errands))
    for (errand, viewer), at_answers in zip(errands, due, strict=True):
        yield Doing(at_answers, errand, viewer)


def moments(dice: random.Random, load: int, count: int) -> list[int]:
    """Return after how much of a load things happen, in order."""
    return sorted(round(load * dice.uniform(FIRST, LAST)) for _ in range(count))
