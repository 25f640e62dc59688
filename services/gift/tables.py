"""The shape of what the gift service remembers. Only store.py reads this file."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.messaging.tables import (
    ChronicleColumns,
    InboxColumns,
    OutboxBlockedColumns,
    OutboxColumns,
)

_TIME = DateTime(timezone=True)
_ZERO = {"server_default": "0"}


class GiftTable(SQLModel, registry=registry()):
    """Keeps this service's tables out of every other service's metadata."""


class Gift(GiftTable, table=True):
    """One gift, from the asking to its outcome; its own idempotency record."""

    __tablename__ = "gifts"

    viewer: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    idempotency_key: str = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    gift_type: str = Field(sa_type=Text)
    price_coins: int = Field(sa_type=BigInteger)
    count: int = Field(sa_type=Integer)
    coins: int = Field(sa_type=BigInteger)
    creator: str = Field(sa_type=Text)
    room: str | None = Field(sa_type=Text)
    message: str | None = Field(sa_type=Text)
    anonymous: bool
    state: str = Field(sa_type=Text)
    attempt: int = Field(sa_type=Integer)
    asked_at: datetime = Field(sa_type=_TIME)
    requested_at: datetime = Field(sa_type=_TIME)
    expires_at: datetime = Field(sa_type=_TIME)
    settled_at: datetime | None = Field(sa_type=_TIME)
    correlation_id: str = Field(sa_type=Text)
    slices: list[Any] | None = Field(sa_type=JSONB)
    refusal: dict[str, Any] | None = Field(sa_type=JSONB)
    age_verified: int | None = Field(sa_type=SmallInteger)
    paid_at: datetime | None = Field(sa_type=_TIME)
    reversed_coins: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    reversal_facts: int = Field(default=0, sa_type=Integer, sa_column_kwargs=_ZERO)


class Reversal(GiftTable, table=True):
    """What the newest revision says of one lot of one gift."""

    __tablename__ = "reversals"

    viewer: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    lot: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger)
    reversed_coins: int = Field(sa_type=BigInteger)
    announced_coins: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)


class Outbox(OutboxColumns, GiftTable, table=True):
    __tablename__ = "outbox"


class OutboxBlocked(OutboxBlockedColumns, GiftTable, table=True):
    __tablename__ = "outbox_blocked"


class Inbox(InboxColumns, GiftTable, table=True):
    __tablename__ = "inbox"


class Chronicle(ChronicleColumns, GiftTable, table=True):
    __tablename__ = "chronicle"
