"""The shape of what the live service remembers. Only store.py reads this file."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.messaging.tables import InboxColumns, OutboxBlockedColumns, OutboxColumns

_TIME = DateTime(timezone=True)
_ZERO = {"server_default": "0"}


class LiveTable(SQLModel, registry=registry()):
    """Keeps this service's tables out of every other service's metadata."""


class Room(LiveTable, table=True):
    """What was given in a room."""

    __tablename__ = "rooms"

    room: str = Field(primary_key=True, sa_type=Text)
    sequence: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    gifts: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    coins: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)


class Feed(LiveTable, table=True):
    """Every gift of a room, numbered."""

    __tablename__ = "feed"

    room: str = Field(primary_key=True, sa_type=Text)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    gift: UUID
    shown: dict[str, Any] = Field(sa_type=JSONB)


class Score(LiveTable, table=True):
    """What a viewer gave in a room."""

    __tablename__ = "scores"

    room: str = Field(primary_key=True, sa_type=Text)
    viewer: str = Field(primary_key=True, sa_type=Text)
    gifts: int = Field(sa_type=BigInteger)
    coins: int = Field(sa_type=BigInteger)
    first_at: datetime = Field(sa_type=_TIME)


class Reversal(LiveTable, table=True):
    """How many coins of a gift stand reversed, by the lot that had paid."""

    __tablename__ = "reversals"

    room: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    lot: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger)
    reversed_coins: int = Field(sa_type=BigInteger)


class Outbox(OutboxColumns, LiveTable, table=True):
    __tablename__ = "outbox"


class OutboxBlocked(OutboxBlockedColumns, LiveTable, table=True):
    __tablename__ = "outbox_blocked"


class Inbox(InboxColumns, LiveTable, table=True):
    __tablename__ = "inbox"
