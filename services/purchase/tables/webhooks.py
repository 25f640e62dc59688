"""Webhooks, as they came and what they said."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    DateTime,
    Index,
    LargeBinary,
    Text,
    text,
)
from sqlmodel import Field

from services.purchase.tables.base import DUE, ZERO, PurchaseTable


class WebhookEvent(PurchaseTable, table=True):
    """What a provider posted: that something happened, not what."""

    __tablename__ = "webhook_events"
    __table_args__ = (Index("webhook_events_due", "next_check_at", postgresql_where=DUE),)

    provider: str = Field(primary_key=True, sa_type=Text)
    webhook_id: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    payload_hash: bytes = Field(sa_type=LargeBinary)
    payment: str | None = Field(sa_type=Text)
    reference: str | None = Field(sa_type=Text)
    viewer: str | None = Field(sa_type=Text)
    purchase: UUID | None
    received_at: datetime = Field(sa_type=DateTime(timezone=True))
    applied_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    next_check_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    checks: int


class ArchivedWebhook(PurchaseTable, table=True):
    """A webhook as it came, encrypted: its content is for operators."""

    __tablename__ = "webhook_archive"
    __table_args__ = (
        Index("webhook_archive_by_time", "received_at"),
        Index("webhook_archive_by_key", "key_id"),
        Index(
            "webhook_archive_to_replay",
            "replay_at",
            postgresql_where=text("replay_at IS NOT NULL"),
        ),
    )

    provider: str = Field(primary_key=True, sa_type=Text)
    webhook_id: str = Field(primary_key=True, sa_type=Text)
    received_at: datetime = Field(sa_type=DateTime(timezone=True))
    key_id: str = Field(sa_type=Text)
    encrypted: bytes = Field(sa_type=LargeBinary)
    replay_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    replays: int = Field(sa_column_kwargs=ZERO)


class Backfill(PurchaseTable, table=True):
    """Up to when the events that a provider lists are stored; null once it is not installed."""

    __tablename__ = "backfills"
    __table_args__ = (Index("backfills_due", "next_check_at", postgresql_where=DUE),)

    provider: str = Field(primary_key=True, sa_type=Text)
    covered_until: datetime = Field(sa_type=DateTime(timezone=True))
    next_check_at: datetime | None = Field(sa_type=DateTime(timezone=True))
