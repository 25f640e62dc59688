"""The shape of what the gift service remembers. `make contracts` writes columns.py from it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.backoffice.tables import ERASURE_TABLES
from shared.ledger.tables import AuditColumns
from shared.messaging.tables import MAILBOX_TABLES, EventArchiveColumns
from shared.postgres.tables import add_tables
from shared.quotas.tables import QuotaColumns

_TIME = DateTime(timezone=True)
_ZERO = {"server_default": "0"}
_FALSE = {"server_default": "false"}
_TRUE = {"server_default": "true"}
_NOW = {"server_default": text("clock_timestamp()")}


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
    last_requested_at: datetime = Field(sa_type=_TIME)
    requested_at: datetime = Field(sa_type=_TIME)
    expires_at: datetime = Field(sa_type=_TIME)
    decided_at: datetime | None = Field(sa_type=_TIME)
    correlation_id: str = Field(sa_type=Text)
    slices: list[Any] | None = Field(sa_type=JSONB)
    refusal: dict[str, Any] | None = Field(sa_type=JSONB)
    age_verified: int | None = Field(sa_type=SmallInteger)
    paid_at: datetime | None = Field(sa_type=_TIME)
    reversed_coins: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    reversal_facts: int = Field(default=0, sa_type=Integer, sa_column_kwargs=_ZERO)
    mode: str | None = Field(sa_type=Text)
    combo: UUID | None = None
    repeat_count: int | None = Field(sa_type=BigInteger)
    combo_coins: int | None = Field(sa_type=BigInteger)
    target: str | None = Field(sa_type=Text)
    message_state: str | None = Field(sa_type=Text)
    message_revision: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)


class OpenGift(GiftTable, table=True):
    """A gift without an outcome yet."""

    __tablename__ = "open_gifts"

    viewer: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    requested_at: datetime = Field(sa_type=_TIME)
    last_requested_at: datetime = Field(sa_type=_TIME)


class Combo(GiftTable, table=True):
    """Gifts given in a row, and what they come to."""

    __tablename__ = "combos"

    viewer: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    room: str = Field(sa_type=Text)
    creator: str = Field(sa_type=Text)
    gift_type: str = Field(sa_type=Text)
    anonymous: bool
    started_at: datetime = Field(sa_type=_TIME)
    last_requested_at: datetime = Field(sa_type=_TIME)
    open_gifts: int = Field(sa_type=Integer)
    sent_gifts: int = Field(default=0, sa_type=Integer, sa_column_kwargs=_ZERO)
    repeat_count: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    coins: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    ended_at: datetime | None = Field(sa_type=_TIME)
    correlation_id: str = Field(sa_type=Text)
    target: str | None = Field(sa_type=Text)


class Reversal(GiftTable, table=True):
    """What the newest revision says of one lot of one gift."""

    __tablename__ = "reversals"

    viewer: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    lot: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger)
    reversed_coins: int = Field(sa_type=BigInteger)
    published_coins: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    known_revisions: list[int] | None = Field(sa_type=ARRAY(BigInteger))
    published_revision: int | None = Field(sa_type=BigInteger)


class CatalogueState(GiftTable, table=True):
    """One row: how often anything in the catalogue was changed."""

    __tablename__ = "catalogue"

    is_the_one: bool = Field(default=True, primary_key=True, sa_column_kwargs=_TRUE)
    revision: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)


class GiftType(GiftTable, table=True):
    """An entry of the catalogue; never deleted."""

    __tablename__ = "gift_types"

    id: str = Field(primary_key=True, sa_type=Text)
    revision: int = Field(sa_type=BigInteger)
    names: dict[str, Any] = Field(sa_type=JSONB)
    descriptions: dict[str, Any] = Field(sa_type=JSONB)
    price_version: int = Field(sa_type=Integer)
    mode: str = Field(sa_type=Text)
    category: str = Field(sa_type=Text)
    batch_counts: list[Any] = Field(sa_type=JSONB)
    count_max: int = Field(sa_type=Integer)
    sort: int = Field(sa_type=Integer)
    is_active: bool
    locks: dict[str, Any] = Field(sa_type=JSONB)
    icon_url: str | None = Field(sa_type=Text)
    animations: list[Any] = Field(sa_type=JSONB)
    extension: dict[str, Any] = Field(sa_type=JSONB)
    changed_at: datetime = Field(sa_type=_TIME)
    changed_by: str = Field(sa_type=Text)


class Price(GiftTable, table=True):
    """What a gift cost from a moment on; a line is never changed."""

    __tablename__ = "prices"

    gift_type: str = Field(primary_key=True, foreign_key="gift_types.id", sa_type=Text)
    version: int = Field(primary_key=True, sa_type=Integer)
    price_coins: int = Field(sa_type=BigInteger)
    operator: str = Field(sa_type=Text)
    valid_from: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)


class CatalogueFile(GiftTable, table=True):
    """A picture or film of gifts that operators uploaded, by the SHA-256 of its bytes."""

    __tablename__ = "catalogue_files"

    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    format: str = Field(sa_type=Text)
    is_moving: bool
    width: int | None = Field(sa_type=Integer)
    height: int | None = Field(sa_type=Integer)
    duration_ms: int | None = Field(sa_type=Integer)
    content: bytes = Field(sa_type=LargeBinary)
    uploaded_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)
    uploaded_by: str = Field(sa_type=Text)
    used_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)


class GifterLevel(GiftTable, table=True):
    """Which level a viewer has reached, as the newest revision says."""

    __tablename__ = "gifter_levels"

    viewer: str = Field(primary_key=True, sa_type=Text)
    revision: int = Field(sa_type=BigInteger)
    level: int = Field(sa_type=Integer)


class Room(GiftTable, table=True):
    """Whose a room is, who is a guest, and its stream, as the newest fact says."""

    __tablename__ = "rooms"

    room: str = Field(primary_key=True, sa_type=Text)
    revision: int = Field(sa_type=BigInteger)
    creator: str = Field(sa_type=Text)
    guests: list[str] = Field(sa_type=ARRAY(Text))
    stream: UUID | None
    is_open: bool
    opened_at: datetime | None = Field(sa_type=_TIME)


class CreatorRules(GiftTable, table=True):
    """What holds for all gifts to a creator."""

    __tablename__ = "creator_rules"

    creator: str = Field(primary_key=True, sa_type=Text)
    gifts_off: bool = Field(default=False, sa_column_kwargs=_FALSE)
    hold_messages: bool = Field(default=False, sa_column_kwargs=_FALSE)
    changed_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)
    changed_by: str = Field(sa_type=Text)


class StreamWithoutGifts(GiftTable, table=True):
    """A creator takes no gifts in a stream."""

    __tablename__ = "streams_without_gifts"

    creator: str = Field(primary_key=True, sa_type=Text)
    stream: UUID = Field(primary_key=True)
    made_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)
    made_by: str = Field(sa_type=Text)


class Block(GiftTable, table=True):
    """A creator takes no gifts from a viewer."""

    __tablename__ = "blocks"

    creator: str = Field(primary_key=True, sa_type=Text)
    viewer: str = Field(primary_key=True, sa_type=Text)
    until: datetime | None = Field(sa_type=_TIME)
    made_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)
    made_by: str = Field(sa_type=Text)


class Message(GiftTable, table=True):
    """Where the message of a creator's gift is, and whether it waits for approval."""

    __tablename__ = "messages"

    creator: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    viewer: str = Field(sa_type=Text)
    held_at: datetime | None = Field(sa_type=_TIME)
    decided_at: datetime | None = Field(sa_type=_TIME)
    decided_by: str | None = Field(sa_type=Text)


class Erasure(GiftTable, table=True):
    """A person asks to be erased, and what became of that."""

    __tablename__ = "erasures"
    __table_args__ = (
        Index(
            "one_open_erasure", "user_id", unique=True, postgresql_where=text("state <> 'refused'")
        ),
    )

    user_id: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    forfeit: bool
    state: str = Field(sa_type=Text)
    requested_at: datetime = Field(sa_type=_TIME)
    decided_at: datetime | None = Field(sa_type=_TIME)


class ErasureAnswer(GiftTable, table=True):
    """What one service says of an erasure: what keeps it from it, and what it erased."""

    __tablename__ = "erasure_answers"
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "erasure"], ["erasures.user_id", "erasures.id"]),
    )

    user_id: str = Field(primary_key=True, sa_type=Text)
    erasure: UUID = Field(primary_key=True)
    service: str = Field(primary_key=True, sa_type=Text)
    obstacles: list[str] | None = Field(sa_type=ARRAY(Text))
    erased: dict[str, Any] | None = Field(sa_type=JSONB)


class TencentSignature(GiftTable, table=True):
    """The digests of the bodies that one signature of Tencent's came with."""

    __tablename__ = "tencent_signatures"

    request_time: int = Field(primary_key=True, sa_type=BigInteger)
    bodies: list[bytes] = Field(sa_type=ARRAY(LargeBinary))


add_tables(
    GiftTable, AuditColumns, *MAILBOX_TABLES, EventArchiveColumns, QuotaColumns, *ERASURE_TABLES
)
