"""Goals: coins that a creator hopes for, in one room, or anywhere within a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from services.live.domain.gift_totals import Gift
from shared.errors import Kind, Refusal

# A goal and a viewer.
ContributionKey: TypeAlias = tuple[UUID, str]

GOALS_MAX = 20
PAST_MAX = timedelta(days=90)
# Earlier gifts are counted by a backfill; those of so short a time are counted at once.
RECENT = timedelta(minutes=1)
PAST_GOALS_AN_HOUR_MAX = 5


class NoSuchGoal(Refusal):
    """There is no such goal."""

    kind = Kind.NOT_FOUND


class TooManyGoals(Refusal):
    """A creator can have so many goals at a time; remove one first."""

    kind = Kind.CONFLICT


class BeginsTooLongAgo(Refusal):
    """A goal can count what was given before, but only so many days of it."""

    kind = Kind.INVALID


class TooManyPastGoals(Refusal):
    """Goals that begin in the past can be set so many times an hour; wait, or begin one now."""

    kind = Kind.LIMITED


class EndsBeforeItBegins(Refusal):
    """A goal must end after it begins."""

    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class Goal:
    """
    So many coins, of gifts sent from `starts_at` until before `ends_at`.

    With a room it counts gifts there to its owner and guests; without one, gifts to its creator
    anywhere. `reached` and `revision` are what was published.
    """

    goal: UUID
    creator: str
    room: str | None
    title: str
    target_coins: int
    starts_at: datetime
    ends_at: datetime | None
    progress_coins: int = 0
    contributors: int = 0
    reached: bool = False
    revision: int = 0

    def counts(self, gift: Gift) -> bool:
        """Whether a gift brings this goal nearer."""
        where = self.creator == gift.creator if self.room is None else self.room == gift.room
        return (
            where
            and self.starts_at <= gift.sent_at
            and (self.ends_at is None or gift.sent_at < self.ends_at)
        )
