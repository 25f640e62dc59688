"""The tables of the live service. `make contracts` writes columns.py from them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.backoffice.tables import ERASURE_TABLES
from shared.ledger.tables import AuditColumns
from shared.messaging.tables import MAILBOX_TABLES
from shared.postgres.tables import add_tables
from shared.quotas.tables import QuotaColumns

_TIME = DateTime(timezone=True)
_ZERO = {"server_default": "0"}
_FALSE = {"server_default": "false"}
_NOW = {"server_default": "now()"}


class LiveTable(SQLModel, registry=registry()):
    """Keeps this service's tables out of every other service's metadata."""


class Room(LiveTable, table=True):
    """What was given in a room, and how far its feed is."""

    __tablename__ = "rooms"

    room: str = Field(primary_key=True, sa_type=Text)
    sequence: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    gifts: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    coins: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    last_sent_at: datetime | None = Field(default=None, sa_type=_TIME)


class Feed(LiveTable, table=True):
    """The entries of rooms' feeds, numbered."""

    __tablename__ = "feed"

    room: str = Field(primary_key=True, sa_type=Text)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(sa_type=Text)
    subject: UUID
    shown: dict[str, Any] = Field(sa_type=JSON)


class Gift(LiveTable, table=True):
    """A gift that was counted."""

    __tablename__ = "gifts"

    gift: UUID = Field(primary_key=True)
    room: str | None = Field(default=None, sa_type=Text)
    viewer: str = Field(sa_type=Text)
    creator: str = Field(sa_type=Text)
    coins: int = Field(sa_type=BigInteger)
    anonymous: bool
    sent_at: datetime = Field(sa_type=_TIME)
    stream: UUID | None = None
    first_generation: int = Field(sa_type=Integer)
    generation: int = Field(sa_type=Integer)
    belongs: bool = Field(default=True, sa_column_kwargs={"server_default": "true"})


class Score(LiveTable, table=True):
    """What a viewer gave in a room and period."""

    __tablename__ = "scores"

    room: str = Field(primary_key=True, sa_type=Text)
    period: str = Field(primary_key=True, sa_type=Text)
    viewer: str = Field(primary_key=True, sa_type=Text)
    gifts: int = Field(sa_type=BigInteger)
    coins: int = Field(sa_type=BigInteger)
    first_at: datetime = Field(sa_type=_TIME)


class Total(LiveTable, table=True):
    """What all gave in a room and period."""

    __tablename__ = "totals"

    room: str = Field(primary_key=True, sa_type=Text)
    period: str = Field(primary_key=True, sa_type=Text)
    gifts: int = Field(sa_type=BigInteger)
    coins: int = Field(sa_type=BigInteger)
    gifters: int = Field(sa_type=BigInteger)


class Supporter(LiveTable, table=True):
    """What a viewer gave to a creator, openly."""

    __tablename__ = "supporters"

    creator: str = Field(primary_key=True, sa_type=Text)
    viewer: str = Field(primary_key=True, sa_type=Text)
    gifts: int = Field(sa_type=BigInteger)
    coins: int = Field(sa_type=BigInteger)
    first_at: datetime = Field(sa_type=_TIME)


class Gifter(LiveTable, table=True):
    """What a viewer gave, in all and openly, the published level, and whether they are hidden."""

    __tablename__ = "gifters"

    viewer: str = Field(primary_key=True, sa_type=Text)
    gifts: int = Field(sa_type=BigInteger)
    coins: int = Field(sa_type=BigInteger)
    level: int = Field(default=0, sa_type=SmallInteger, sa_column_kwargs=_ZERO)
    revision: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    hidden: bool = Field(default=False, sa_column_kwargs=_FALSE)
    open_coins: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)


class Reversal(LiveTable, table=True):
    """How many coins of a gift stand reversed, by the lot that had paid."""

    __tablename__ = "reversals"

    gift: UUID = Field(primary_key=True)
    lot: UUID = Field(primary_key=True)
    room: str | None = Field(default=None, sa_type=Text)
    revision: int = Field(sa_type=BigInteger)
    reversed_coins: int = Field(sa_type=BigInteger)


class RoomOwner(LiveTable, table=True):
    """A room that a creator owns, or did."""

    __tablename__ = "room_owners"

    room: str = Field(primary_key=True, sa_type=Text)
    creator: str | None = Field(sa_type=Text)
    guests: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": "{}"})
    openings: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    revision: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    owned_since: datetime | None = Field(default=None, sa_type=_TIME)


class GuestStay(LiveTable, table=True):
    """A guest was in a room from one moment to another."""

    __tablename__ = "guest_stays"

    room: str = Field(primary_key=True, sa_type=Text)
    guest: str = Field(primary_key=True, sa_type=Text)
    joined_at: datetime = Field(primary_key=True, sa_type=_TIME)
    left_at: datetime | None = Field(default=None, sa_type=_TIME)


class Message(LiveTable, table=True):
    """The newest decision about a gift's message; without a text it is removed."""

    __tablename__ = "messages"

    gift: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger)
    message: str | None = Field(default=None, sa_type=Text)


class Stream(LiveTable, table=True):
    """A room from an opening to its closing."""

    __tablename__ = "streams"

    stream: UUID = Field(primary_key=True)
    room: str = Field(sa_type=Text)
    number: int = Field(sa_type=BigInteger)
    creator: str = Field(sa_type=Text)
    title: str | None = Field(default=None, sa_type=Text)
    opened_at: datetime = Field(sa_type=_TIME)
    closed_at: datetime | None = Field(default=None, sa_type=_TIME)


class Goal(LiveTable, table=True):
    """Coins that a creator hopes for, how many there are, and what was published of it."""

    __tablename__ = "goals"

    goal: UUID = Field(primary_key=True)
    creator: str = Field(sa_type=Text)
    room: str | None = Field(default=None, sa_type=Text)
    title: str = Field(sa_type=Text)
    target_coins: int = Field(sa_type=BigInteger)
    starts_at: datetime = Field(sa_type=_TIME)
    ends_at: datetime | None = Field(default=None, sa_type=_TIME)
    created_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)
    removed_at: datetime | None = Field(default=None, sa_type=_TIME)
    progress_coins: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    contributors: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    reached: bool = Field(default=False, sa_column_kwargs=_FALSE)
    revision: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    backfill_attempt: int = Field(default=0, sa_type=Integer, sa_column_kwargs=_ZERO)


class GoalGifter(LiveTable, table=True):
    """What a viewer contributed to a goal, openly."""

    __tablename__ = "goal_gifters"

    goal: UUID = Field(primary_key=True)
    viewer: str = Field(primary_key=True, sa_type=Text)
    coins: int = Field(sa_type=BigInteger)


class Perk(LiveTable, table=True):
    """What a creator offers to viewers who gave them enough."""

    __tablename__ = "perks"

    perk: UUID = Field(primary_key=True)
    creator: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    title: str = Field(sa_type=Text)
    description: str | None = Field(default=None, sa_type=Text)
    threshold_coins: int = Field(sa_type=BigInteger)
    uses: int | None = Field(default=None, sa_type=Integer)
    created_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)
    removed_at: datetime | None = Field(default=None, sa_type=_TIME)
    backfill_after: str | None = Field(default=None, sa_type=Text)


class Entitlement(LiveTable, table=True):
    """A viewer's claim to a perk."""

    __tablename__ = "entitlements"

    entitlement: UUID = Field(primary_key=True)
    perk: UUID = Field(foreign_key="perks.perk")
    creator: str = Field(sa_type=Text)
    viewer: str = Field(sa_type=Text)
    threshold_coins: int = Field(sa_type=BigInteger)
    uses: int | None = Field(default=None, sa_type=Integer)
    used: int = Field(default=0, sa_type=Integer, sa_column_kwargs=_ZERO)
    withdrawn: bool = Field(default=False, sa_column_kwargs=_FALSE)
    revision: int = Field(default=1, sa_type=BigInteger, sa_column_kwargs={"server_default": "1"})
    unlocked_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)


class Use(LiveTable, table=True):
    """An entitlement was used once, under a key."""

    __tablename__ = "uses"

    entitlement: UUID = Field(primary_key=True, foreign_key="entitlements.entitlement")
    idempotency_key: str = Field(primary_key=True, sa_type=Text)
    used_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)


class Thanks(LiveTable, table=True):
    """What a creator said for a gift."""

    __tablename__ = "thanks"

    gift: UUID = Field(primary_key=True)
    room: str = Field(sa_type=Text)
    creator: str = Field(sa_type=Text)
    viewer: str = Field(sa_type=Text)
    message: str | None = Field(default=None, sa_type=Text)
    thanked_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)


class Person(LiveTable, table=True):
    """How a person is shown, as their token says."""

    __tablename__ = "people"

    user_id: str = Field(primary_key=True, sa_type=Text)
    name: str | None = Field(default=None, sa_type=Text)
    picture: str | None = Field(default=None, sa_type=Text)
    noted_at: datetime = Field(sa_type=_TIME)


class Rebuild(LiveTable, table=True):
    """When live was last rebuilt, and how far that is."""

    __tablename__ = "rebuilds"

    only_one: bool = Field(
        default=True, primary_key=True, sa_column_kwargs={"server_default": "true"}
    )
    began_at: datetime = Field(sa_type=_TIME)
    filled_at: datetime | None = Field(default=None, sa_type=_TIME)
    last_received_at: datetime = Field(sa_type=_TIME)
    generation: int = Field(default=1, sa_type=Integer, sa_column_kwargs={"server_default": "1"})
    phase: str = Field(sa_type=Text)


add_tables(LiveTable, *MAILBOX_TABLES, QuotaColumns, AuditColumns, *ERASURE_TABLES)
