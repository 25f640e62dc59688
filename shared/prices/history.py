"""
What one package costs in one currency over time, and what a reduction of it is shown with. Pure.

A reduction is announced with the lowest price of at least the 30 days before it: Directive
98/6/EC, Art. 6a.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from shared.prices.packages import Channel

# How far back the lowest price is looked for, and for how long a lower price is a reduction: after
# that it is simply the price. 30 times 24 hours.
REDUCTION_PERIOD = timedelta(days=30)
BEGINNING = datetime.min.replace(tzinfo=UTC)

# Which buyers a price is for: those of a channel, in one country or in all of them.
Scope: TypeAlias = tuple[Channel, str | None]
# Since when, and how much in minor units.
Step: TypeAlias = tuple[datetime, int]


def scopes_of(channel: Channel, country: str | None) -> list[Scope]:
    """Return whose prices a buyer may have, the first that has one counts."""
    channels = [channel] if channel is Channel.WEB else [channel, Channel.WEB]
    countries = [None] if country is None else [country, None]
    return [(each, where) for each in channels for where in countries]


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """The prices of one package in one currency: by scope, in the order of time."""

    steps: Mapping[Scope, Sequence[Step]]

    def at(self, moment: datetime, scopes: Sequence[Scope]) -> int | None:
        """Return the price at a moment, or None if it had none yet."""
        for scope in scopes:
            steps = self.steps.get(scope, ())
            passed = bisect_right(steps, moment, key=lambda step: step[0])
            if passed:
                return steps[passed - 1][1]
        return None

    def reduced_from(self, moment: datetime, scopes: Sequence[Scope]) -> int | None:
        """Return the price that the price at a moment is reduced from, if it is."""
        price = self.at(moment, scopes)
        began = self._began(moment, scopes)
        if price is None or began == BEGINNING or moment - began >= REDUCTION_PERIOD:
            return None
        first = began - REDUCTION_PERIOD
        turns = [first, *(turn for turn in self._turns(scopes) if first < turn < began)]
        before = [paid for turn in turns if (paid := self.at(turn, scopes)) is not None]
        lowest = min(before, default=price)
        return lowest if lowest > price else None

    def next_step(self, moment: datetime, scopes: Sequence[Scope]) -> Step | None:
        """Return the next other price after a moment, and when it begins, if one is known."""
        price = self.at(moment, scopes)
        for turn in self._turns(scopes):
            following = self.at(turn, scopes)
            if turn > moment and following is not None and following != price:
                return turn, following
        return None

    def _began(self, moment: datetime, scopes: Sequence[Scope]) -> datetime:
        """Return since when the price at a moment has been the price without a break."""
        began, price = moment, self.at(moment, scopes)
        for turn in reversed(self._turns(scopes)):
            if turn > moment:
                continue
            if self.at(turn, scopes) != price:
                break
            began = turn
        return began

    def _turns(self, scopes: Sequence[Scope]) -> list[datetime]:
        return sorted({since for scope in scopes for since, _ in self.steps.get(scope, ())})
