"""How long gifts take from the request to the outcome, by the minute."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

USUAL, SLOW = 0.50, 0.95


@dataclass(frozen=True, slots=True)
class Decided:
    """A gift that was decided: in which minute, and how long after its request."""

    minute: datetime
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Minute:
    """What half of the gifts of a minute took at most, and what 95 of a hundred did."""

    minute: datetime
    gifts: int
    p50_ms: int
    p95_ms: int


def by_minute(found: Iterable[Decided]) -> list[Minute]:
    """Return each minute in which gifts were decided, the oldest first."""
    minutes = defaultdict[datetime, list[int]](list)
    for each in found:
        minutes[each.minute].append(each.milliseconds)
    return [
        Minute(minute, len(times), percentile(times, USUAL), percentile(times, SLOW))
        for minute, times in sorted((minute, sorted(times)) for minute, times in minutes.items())
    ]


def percentile(times: Sequence[int], share: float) -> int:
    """Return the smallest of sorted times that this share of them does not exceed."""
    return times[max(0, ceil(share * len(times)) - 1)]
