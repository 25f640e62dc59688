"""
Backfills: which times of a provider's list of webhook events are read, and in which pieces.

A piece is short, so that its list ends, and what is done of a long downtime stays done.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

WINDOW_MAX = timedelta(hours=1)
# A new provider's list is read from here on: as long as providers repeat a webhook themselves.
FIRST_FOR = timedelta(days=3)

Window: TypeAlias = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Backfill:
    """Up to when the events of a provider's list are known to be stored."""

    provider: str
    covered_until: datetime


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """
    How often the lists are read, and how much of what was read before is read again.

    The `overlap` is for events that a provider lists late. What is younger than `grace` is left
    out: its webhook is still under way.
    """

    every: timedelta
    overlap: timedelta
    grace: timedelta = timedelta(minutes=2)

    def windows(
        self, backfill: Backfill, *, lists_for: timedelta, now: datetime
    ) -> Iterator[Window]:
        """Yield the times to read, the oldest first; `lists_for` is how old listed events get."""
        start = max(backfill.covered_until - self.overlap, now - lists_for)
        until = now - self.grace
        while start < until:
            end = min(start + WINDOW_MAX, until)
            yield start, end
            start = end


def has_gap(backfill: Backfill, *, lists_for: timedelta, now: datetime) -> bool:
    """Whether events may be missing that the provider does not list any more."""
    return backfill.covered_until < now - lists_for
