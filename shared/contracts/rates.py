"""Events of the payout service about what creators get: rates, and bonuses beside gifts."""

from typing import Annotated

from .base import (
    BonusId,
    CreatorId,
    Currency,
    Diamonds,
    DiamondsOrNone,
    Event,
    Moment,
    Name,
    like,
    number,
)


class BonusEarned(Event):
    """
    A creator got diamonds from a funder, and not for a gift; they mature as others do.

    No refund or dispute of a viewer takes them back.
    """

    name = "payout.bonus_earned"
    subject_field = "creator"
    partition_field = "creator"
    discriminator_fields = ("bonus",)

    creator: CreatorId
    """Whose diamonds they are: the `sub` of the creator's token."""
    bonus: BonusId
    """The bonus, as the operators' routes know it."""
    funder: Annotated[Name, like("platform", "spring-campaign")]
    """Who pays for it, in the operator's words."""
    reason: Annotated[Name, like("first hundred hours")]
    """What it is for, in the operator's words."""
    diamonds: Diamonds
    """How many, in diamonds."""
    matures_at: Annotated[Moment, like("2026-11-30T12:00:00Z")]
    """From when on the diamonds can be paid out. UTC."""
    balance_diamonds: Annotated[DiamondsOrNone, like(12_500, 2_250)]
    """What the creator can be paid out afterwards, in diamonds; pending ones are not counted."""


class RateEvent(Event):
    """Diamonds will be worth something else; what is earned until then is revalued, too."""

    plan: Annotated[Name, like("standard", "partner")]
    """The rate plan that counts from then on."""
    effective_from: Annotated[Moment, like("2027-01-01T00:00:00Z")]
    """From when on. UTC."""
    currency: Currency
    """The currency of the new value, ISO 4217."""
    value_minor_per_1000: Annotated[int, number("minor units of `currency`", 450, 600, gt=0)]
    """What 1,000 diamonds are worth from then on, in minor units of `currency`."""
    old_currency: Currency
    """The currency of the value until then, ISO 4217."""
    old_value_minor_per_1000: Annotated[int, number("minor units of `old_currency`", 500, gt=0)]
    """What 1,000 diamonds are worth until then, in minor units of `old_currency`."""


class RateAnnounced(RateEvent):
    """A rate plan changes for everybody on it; who was assigned no plan is on `standard`."""

    name = "payout.rate_announced"
    subject_field = "plan"
    partition_field = "plan"
    discriminator_fields = ("rate_version",)

    rate_version: Annotated[int, number("versions", 2, ge=1)]
    """The version of the rate, counted over all plans: quotes and payouts name it."""


class CreatorRateAnnounced(RateEvent):
    """An operator puts one creator on a rate plan."""

    name = "payout.creator_rate_announced"
    subject_field = "creator"
    partition_field = "creator"
    discriminator_fields = ("effective_from",)

    creator: CreatorId
    """Whose rate it is: the `sub` of the creator's token."""
