"""Events of the wallet about spending controls: limits, reminders, self-exclusion."""

from typing import Annotated

from pydantic import Field

from .base import ExclusionId, MinorUnits, Moment, Name, Part, WalletEvent, in_unit, like, number

OF_LIMIT = "coins, or minor units of the currency in `unit`"
Limit = Annotated[MinorUnits, in_unit(OF_LIMIT, 5_000, 10_000)]
Spent = Annotated[MinorUnits, in_unit(OF_LIMIT, 4_800, 2_500)]
LimitPeriod = Annotated[Name, like("day", "week", "month")]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), like("2026-11-23", "2026-11-01")]
LimitUnit = Annotated[Name, like("coins", "EUR", "USD")]


class LimitHit(Part):
    """The spending limit that a gift would have exceeded."""

    period: Annotated[Name, like("day", "gift", "week")]
    """What the limit counts: one gift, or all of a calendar day, week or month."""
    unit: LimitUnit
    """What the limit is in: `coins`, or a currency (ISO 4217)."""
    limit: Limit
    """How much may be spent, in coins or in minor units of the currency in `unit`."""
    spent: Spent
    """How much of it was spent before this gift, in the same unit."""
    remaining: Annotated[MinorUnits, in_unit(OF_LIMIT, 200, 7_500)]
    """How much of it is left, in the same unit."""


class LimitEvent(WalletEvent):
    """How far a viewer has come within a spending limit; once for each window and threshold."""

    # The instant, and not the day, tells windows apart: a period may be shorter than a day.
    discriminator_fields = ("period", "unit", "set_by", "limit", "starts_at", "percent")

    period: LimitPeriod
    """What the limit counts: all of a calendar day, week or month."""
    unit: LimitUnit
    """What the limit is in: `coins`, or a currency (ISO 4217)."""
    set_by: Annotated[Name, like("user", "operator", "age")]
    """Whose limit it is: the viewer's own (`user`), an operator's, or that of an age (`age`)."""
    starts_on: Day
    """The first day of the window, a date in the operator's time zone."""
    starts_at: Annotated[Moment, like("2026-11-23T00:00:00Z", "2026-11-01T00:00:00Z")]
    """When the window began. UTC."""
    percent: Annotated[int, number("percent", 80, 50, 100, ge=1, le=100)]
    """The threshold that was passed, in percent of the limit."""
    limit: Limit
    """How much may be spent, in coins or in minor units of the currency in `unit`."""
    spent: Spent
    """How much of it is spent, in the same unit."""


class LimitReminder(LimitEvent):
    """Half or most of a limit is spent."""

    name = "wallet.limit_reminder"


class LimitReached(LimitEvent):
    """All of a limit is spent."""

    name = "wallet.limit_reached"


class ExclusionEvent(WalletEvent):
    """A viewer's own wish to be kept from spending."""

    discriminator_fields = ("exclusion",)

    exclusion: ExclusionId
    """The wish, as `POST /v1/wallets/me/exclusions` answered."""
    until: Annotated[Moment, like("2026-11-30T12:00:00Z")]
    """When it ends, or ended. UTC."""


class ExclusionStarted(ExclusionEvent):
    """Until then the viewer neither buys nor gives."""

    name = "wallet.exclusion_started"


class ExclusionEnded(ExclusionEvent):
    """The viewer may spend again."""

    name = "wallet.exclusion_ended"
