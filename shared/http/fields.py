"""
Fields that mean the same everywhere: what they are, in which unit, and what one looks like.

A request's field has its rules here as well. Where a model says more about a field, the docstring
below the field says it.
"""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, Field, StringConstraints

from shared.contracts.base import UNIT, in_unit
from shared.identity.claims import SUBJECT_CHARACTERS_MAX, can_be_person, is_addressable

# It reaches PostgreSQL, which keeps no NUL, and log lines, which must stay lines.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
# The same, as one part of a path. `?`, `#` and `%` are fine there: clients encode them.
ADDRESSABLE = r"^[^\x00-\x1f\x7f-\x9f/\\]+$"

# What a person writes to another: lines of it.
TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+$"
TEXT_CHARACTERS_MAX = 2_000


def _addressable(name: str) -> str:
    if not is_addressable(name):
        raise ValueError("no address can hold this name")
    return name


def _person(name: str) -> str:
    if not can_be_person(name):
        raise ValueError("no person can have this name")
    return name


def described(meaning: str, *examples: object, unit: str | None = None) -> Any:
    """Say what a field means, what is typical for it, and what it counts."""
    extra: dict[str, Any] = {} if unit is None else {UNIT: unit}
    return Field(description=meaning, examples=list(examples), json_schema_extra=extra)


Name = Annotated[
    str, StringConstraints(max_length=64, pattern=ADDRESSABLE), AfterValidator(_addressable)
]
# As long as the subject of a token may be, so that a route can name every caller ...
UserIdOrMe = Annotated[
    str,
    StringConstraints(max_length=SUBJECT_CHARACTERS_MAX, pattern=PRINTABLE),
    described("The user: the `sub` of their token. `me` is the caller.", "me", "mira"),
]
# ... and where `me` does not stand for the caller, it is not a user id.
UserId = Annotated[
    UserIdOrMe,
    AfterValidator(_person),
    described(
        "The user: the `sub` of their token. `me` does not stand for the caller here.",
        "mira",
        "jonas",
    ),
]
CreatorId = Annotated[UserId, described("The creator: the `sub` of their token.", "lea", "tomas")]
ViewerId = Annotated[UserId, described("The viewer: the `sub` of their token.", "mira", "jonas")]
GuestId = Annotated[
    UserId, described("The creator who is a guest: the `sub` of their token.", "tomas", "lea")
]
RoomId = Annotated[Name, described("The room, as the host application calls it.", "room-1")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_CHARACTERS_MAX, pattern=TEXT)]

# The same in answers, which have no rules.
UserName = Annotated[str, described("The user: the `sub` of their token.", "mira", "jonas")]
ViewerName = Annotated[str, described("The viewer: the `sub` of their token.", "mira", "jonas")]
CreatorName = Annotated[str, described("The creator: the `sub` of their token.", "lea", "tomas")]
TeamName = Annotated[
    str, described("The team that gets events: the `sub` of its token.", "analytics")
]
OperatorName = Annotated[str, described("The operator: the `sub` of their token.", "ann", "ben")]
RoomName = Annotated[str, described("The room, as the host application calls it.", "room-1")]
GiftTypeId = Annotated[
    str,
    described(
        "The gift type, as the catalogue calls it for ever: names and prices change.",
        "g_orchestra",
    ),
]
CurrencyCode = Annotated[
    str, described("The currency (ISO 4217) whose minor units the amounts beside it count.", "USD")
]
CountryCode = Annotated[str, described("A country (ISO 3166-1 alpha-2).", "US", "DE")]

# What numbers count. The docstring of a field says which of them.
Coins = Annotated[int, in_unit("coins", 100)]
Diamonds = Annotated[int, in_unit("diamonds", 200)]
MinorUnits = Annotated[int, in_unit("minor units of the currency beside it", 100)]
BasisPoints = Annotated[int, in_unit("basis points: 10,000 are the whole", 5_000)]
Count = Annotated[int, Field(examples=[1])]
Seconds = Annotated[int, in_unit("seconds", 60)]

Instant = Annotated[
    datetime,
    Field(examples=["2026-11-23T12:00:00Z"], json_schema_extra={UNIT: "RFC 3339, UTC"}),
]
Day = Annotated[date, Field(examples=["2026-11-23"])]

GiftId = Annotated[
    UUID,
    described("The gift, as `POST /v1/gifts` answered.", "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d101"),
]
# As many as one answer lists.
GIFTS_MAX = 100
GiftIds = Annotated[
    list[GiftId],
    Query(
        min_length=1,
        max_length=GIFTS_MAX,
        description="The gifts to look for: repeat the parameter for each.",
    ),
]
ComboId = Annotated[
    UUID, described("The combo; all of its gifts name it.", "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d102")
]
PurchaseId = Annotated[
    UUID,
    described(
        "The purchase, as `POST /v1/purchases` answered.", "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d103"
    ),
]
RefundId = Annotated[
    UUID,
    described("The refund, as its request was answered.", "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d104"),
]
WithdrawalId = Annotated[
    UUID,
    described(
        "The withdrawal, as its statement was answered.", "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d10e"
    ),
]
PayoutId = Annotated[
    UUID,
    described(
        "The payout, as `POST /v1/payouts` answered.", "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d105"
    ),
]
QuoteId = Annotated[
    UUID,
    described(
        "The quote, as `POST /v1/payouts/quotes` answered.", "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d113"
    ),
]
AdjustmentId = Annotated[
    UUID,
    described(
        "The correction of a ledger, as its proposal was answered.",
        "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d107",
    ),
]
ExclusionId = Annotated[
    UUID, described("The self-exclusion.", "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d108")
]
StreamId = Annotated[
    UUID,
    described(
        "The stream: one broadcast of a room, from open to close.",
        "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d109",
    ),
]
GoalId = Annotated[
    UUID, described("The goal, for as long as it exists.", "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d10a")
]
PerkId = Annotated[
    UUID, described("The perk, for as long as it exists.", "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d10b")
]
EntitlementId = Annotated[
    UUID,
    described(
        "What one viewer unlocked of one perk; they may use it.",
        "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d10c",
    ),
]
BonusId = Annotated[
    UUID,
    described("The bonus, as its proposal was answered.", "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d111"),
]
ErasureId = Annotated[
    UUID,
    described("The request of a person to be erased.", "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d112"),
]
EventId = Annotated[
    UUID,
    described(
        "The event: the `id` of its CloudEvents document, the same however often it is sent.",
        "5e0c8f57-3b1c-5a4e-9d7f-2c8f1a0b6d11",
    ),
]
EndpointId = Annotated[
    UUID,
    described("The endpoint, as adding it was answered.", "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d130"),
]
LotId = Annotated[
    UUID,
    described(
        "The lot: the coins that came together, with one purchase or one correction.",
        "7b1ae8c8-417d-5756-b41b-4a0c70334160",
    ),
]
