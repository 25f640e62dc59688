"""Over which period a creator's earnings are summed up, and by what."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.errors import Kind, Refusal

PERIOD_DAYS = 30
PERIOD_DAYS_MAX = 366
_FIRST = datetime.min.replace(tzinfo=UTC)


class BadPeriod(Refusal):
    """A period begins before it ends, and has at most 366 days."""

    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class EarningTotals:
    """What gifts brought; `coins` is what they cost, also where it was taken back."""

    gifts: int
    pieces: int
    coins: int
    diamonds: int
    reversed_diamonds: int


@dataclass(frozen=True, slots=True)
class GiftEarnings:
    """What gifts of one type brought; None: it is not known of which."""

    gift_type: str | None
    totals: EarningTotals


@dataclass(frozen=True, slots=True)
class StreamEarnings:
    """What gifts in one stream brought."""

    stream: UUID
    room: str
    creator: str
    opened_at: datetime
    closed_at: datetime | None
    totals: EarningTotals


def period_of(
    since: datetime | None, until: datetime | None, *, now: datetime
) -> tuple[datetime, datetime]:
    """Return a period's bounds; without them it is the last 30 days."""
    end = until or now
    # Not all times have a time 30 days before them, and a difference always fits.
    is_first = end - _FIRST < timedelta(days=PERIOD_DAYS)
    begin = since or (_FIRST if is_first else end - timedelta(days=PERIOD_DAYS))
    if not timedelta(0) < end - begin <= timedelta(days=PERIOD_DAYS_MAX):
        raise BadPeriod(days_max=PERIOD_DAYS_MAX)
    return begin, end
