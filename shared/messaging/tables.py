"""The mailbox tables as columns, for each service to register as its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, DateTime, Identity, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from shared.postgres.tables import SharedTable

_NOW = {"server_default": text("now()")}


class OutboxColumns(SharedTable):
    """A message that has to leave."""

    table_name = "outbox"

    id: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger,
        sa_column_args=(Identity(always=True),),
    )
    share: int = Field(sa_type=SmallInteger)
    key: str = Field(sa_type=Text)
    message_id: UUID
    exchange: str = Field(sa_type=Text)
    routing_key: str = Field(sa_type=Text)
    headers: dict[str, Any] | None = Field(sa_type=JSON)
    body: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class OutboxBlockedColumns(SharedTable):
    """A key whose messages wait, and why."""

    table_name = "outbox_blocked"

    share: int = Field(primary_key=True, sa_type=SmallInteger)
    key: str = Field(primary_key=True, sa_type=Text)
    message_id: UUID
    reason: str = Field(sa_type=Text)
    blocked_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)
    retry_at: datetime | None = Field(sa_type=DateTime(timezone=True))


class InboxColumns(SharedTable):
    """A message that has arrived."""

    table_name = "inbox"

    queue: str = Field(primary_key=True, sa_type=Text)
    message_id: UUID = Field(primary_key=True)
    received_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)


class RedriveColumns(SharedTable):
    """A dead letter that an operator sent to its queue again."""

    table_name = "redrives"

    dead_letter: UUID = Field(primary_key=True)
    operator: str = Field(sa_type=Text)
    idempotency_key: str = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    queue: str = Field(sa_type=Text)
    message: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    redriven_at: datetime = Field(
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": text("clock_timestamp()")},
    )


class EventArchiveColumns(SharedTable):
    """A fact as it was published, where no other row remembers it."""

    table_name = "event_archive"

    key: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    type: str = Field(sa_type=Text)
    sequence: int = Field(sa_type=BigInteger)
    correlation_id: str = Field(sa_type=Text)
    causation_id: str | None = Field(sa_type=Text)
    event: dict[str, Any] = Field(sa_type=JSONB)
    occurred_at: datetime = Field(sa_type=DateTime(timezone=True))


MAILBOX_TABLES = (OutboxColumns, OutboxBlockedColumns, InboxColumns, RedriveColumns)
