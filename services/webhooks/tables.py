"""The shape of what the webhooks service stores. `make contracts` writes columns.py from it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.backoffice.tables import ERASURE_TABLES
from shared.ledger.tables import AuditColumns
from shared.messaging.tables import MAILBOX_TABLES
from shared.postgres.tables import add_tables
from shared.quotas.tables import QuotaColumns

_NOW = {"server_default": text("clock_timestamp()")}
_ZERO = {"server_default": "0"}
_PENDING = text("state = 'pending'")


class WebhooksTable(SQLModel, registry=registry()):
    """Keeps this service's tables out of every other service's metadata."""


class Grant(WebhooksTable, table=True):
    """An event that a team may have."""

    __tablename__ = "grants"

    team: str = Field(primary_key=True, sa_type=Text)
    event: str = Field(primary_key=True, sa_type=Text)
    granted_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)


class Endpoint(WebhooksTable, table=True):
    """Where a team wants its events."""

    __tablename__ = "endpoints"
    __table_args__ = (
        UniqueConstraint("team", "key", name="one_endpoint_a_key"),
        Index(
            *("endpoints_of_team", "team", "created_at", "id"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    team: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    url: str = Field(sa_type=Text)
    description: str = Field(sa_type=Text)
    events: list[str] = Field(sa_type=ARRAY(Text))
    disabled: str | None = Field(sa_type=Text)
    failures: int = Field(sa_column_kwargs=_ZERO)
    paused_until: datetime | None = Field(sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)
    changed_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)
    deleted_at: datetime | None = Field(sa_type=DateTime(timezone=True))


class EndpointSecret(WebhooksTable, table=True):
    """What signs the deliveries of an endpoint, encrypted."""

    __tablename__ = "endpoint_secrets"
    __table_args__ = (
        ForeignKeyConstraint(["endpoint"], ["endpoints.id"], ondelete="CASCADE"),
        UniqueConstraint("endpoint", "key", name="one_secret_a_key"),
        Index(
            *("one_secret_in_use", "endpoint"),
            unique=True,
            postgresql_where=text("ends_at IS NULL"),
        ),
        Index("endpoint_secrets_by_key", "key_id"),
    )

    endpoint: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    key: str = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    key_id: str = Field(sa_type=Text)
    encrypted: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)
    ends_at: datetime | None = Field(sa_type=DateTime(timezone=True))


class Event(WebhooksTable, table=True):
    """An event that at least one endpoint gets."""

    __tablename__ = "events"
    __table_args__ = (
        Index(
            *("events_by_person", "people"),
            postgresql_using="gin",
            postgresql_where=text("body IS NOT NULL"),
        ),
        Index("events_by_time", "received_at"),
    )

    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    people: list[str] = Field(sa_type=ARRAY(Text))
    body: str | None = Field(sa_type=Text)
    occurred_at: datetime = Field(sa_type=DateTime(timezone=True))
    received_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)


class Delivery(WebhooksTable, table=True):
    """One event for one endpoint."""

    __tablename__ = "deliveries"
    __table_args__ = (
        ForeignKeyConstraint(["endpoint"], ["endpoints.id"]),
        ForeignKeyConstraint(["event"], ["events.id"]),
        Index("deliveries_due", "endpoint", "due_at", "position", postgresql_where=_PENDING),
        Index(
            *("deliveries_leased", "endpoint", "due_at"),
            postgresql_where=text("lease IS NOT NULL"),
        ),
        Index(
            *("deliveries_in_order", "endpoint", "source", "subject", "sequence", "position"),
            postgresql_where=_PENDING,
        ),
        Index("deliveries_to_expire", "expires_at", postgresql_where=_PENDING),
        Index("deliveries_listed", "endpoint", "position"),
        Index("deliveries_of_event", "event"),
        Index(
            *("deliveries_failed", "endpoint", "position"),
            postgresql_where=text("state = 'failed'"),
        ),
    )

    endpoint: UUID = Field(primary_key=True)
    event: UUID = Field(primary_key=True)
    position: int = Field(sa_type=BigInteger, sa_column_args=(Identity(always=True),))
    name: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    sequence: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text, sa_column_kwargs={"server_default": "pending"})
    attempts: int = Field(sa_column_kwargs=_ZERO)
    attempts_before: int = Field(sa_column_kwargs=_ZERO)
    due_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    is_behind: bool = Field(sa_type=Boolean, sa_column_kwargs={"server_default": text("false")})
    lease: UUID | None
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)
    finished_at: datetime | None = Field(sa_type=DateTime(timezone=True))


class Attempt(WebhooksTable, table=True):
    """What came of one request of a delivery."""

    __tablename__ = "attempts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["endpoint", "event"], ["deliveries.endpoint", "deliveries.event"], ondelete="CASCADE"
        ),
    )

    endpoint: UUID = Field(primary_key=True)
    event: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    began_at: datetime = Field(sa_type=DateTime(timezone=True))
    milliseconds: int
    status: int | None
    error: str | None = Field(sa_type=Text)
    answer: str | None = Field(sa_type=Text)


class Replay(WebhooksTable, table=True):
    """Requests to send deliveries again."""

    __tablename__ = "replays"
    __table_args__ = (ForeignKeyConstraint(["endpoint"], ["endpoints.id"], ondelete="CASCADE"),)

    endpoint: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    deliveries: int
    requested_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)


add_tables(WebhooksTable, *MAILBOX_TABLES, QuotaColumns, AuditColumns, *ERASURE_TABLES)
