"""The shape of what the purchase service remembers. Only store.py reads this file."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.ledger.tables import LEDGER_TABLES
from shared.messaging.tables import MAILBOX_TABLES, EventArchiveColumns
from shared.postgres.tables import add_tables
from shared.quotas.tables import QuotaColumns

_NOW = {"server_default": text("clock_timestamp()")}
_ZERO = {"server_default": "0"}
_DUE = text("next_check_at IS NOT NULL")


class PurchaseTable(SQLModel, registry=registry()):
    """Keeps this service's tables out of every other service's metadata."""


class Purchase(PurchaseTable, table=True):
    """A viewer's order for coins, and what has become of it."""

    __tablename__ = "purchases"
    __table_args__ = (
        UniqueConstraint("viewer", "idempotency_key", name="one_purchase_a_key"),
        Index("purchases_by_id", "id"),
        Index("purchases_by_time", "viewer", "created_at", "id"),
        Index("purchases_due", "next_check_at", postgresql_where=_DUE),
    )

    viewer: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    idempotency_key: str = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    package: str = Field(sa_type=Text)
    coins: int = Field(sa_type=BigInteger)
    bonus_coins: int = Field(sa_type=BigInteger)
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    country: str | None = Field(sa_type=Text)
    provider: str = Field(sa_type=Text)
    correlation_id: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    payment: str | None = Field(sa_type=Text)
    next_action_url: str | None = Field(sa_type=Text)
    late: bool
    version: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    paid_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    credited_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    next_check_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    checks: int


class Payment(PurchaseTable, table=True):
    """Money that came, and what it led to."""

    __tablename__ = "payments"
    __table_args__ = (
        ForeignKeyConstraint(["viewer", "purchase"], ["purchases.viewer", "purchases.id"]),
        Index(
            "one_applied_payment_a_purchase",
            "viewer",
            "purchase",
            unique=True,
            postgresql_where=text("allocation = 'applied'"),
        ),
    )

    viewer: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID = Field(primary_key=True)
    payment: str = Field(primary_key=True, sa_type=Text)
    allocation: str = Field(sa_type=Text)
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    paid_at: datetime = Field(sa_type=DateTime(timezone=True))
    recorded_at: datetime = Field(
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": text("clock_timestamp()")},
    )


class Dispute(PurchaseTable, table=True):
    """A cardholder's bank asks for the money of a payment back."""

    __tablename__ = "disputes"
    __table_args__ = (
        ForeignKeyConstraint(["viewer", "purchase"], ["purchases.viewer", "purchases.id"]),
    )

    viewer: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID = Field(primary_key=True)
    dispute: str = Field(primary_key=True, sa_type=Text)
    payment: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    revision: int = Field(sa_type=SmallInteger)
    recorded_at: datetime = Field(
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": text("clock_timestamp()")},
    )


class WebhookEvent(PurchaseTable, table=True):
    """What a provider posted: that something happened, not what."""

    __tablename__ = "webhook_events"
    __table_args__ = (Index("webhook_events_due", "next_check_at", postgresql_where=_DUE),)

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


class Refund(PurchaseTable, table=True):
    """A request to turn unused coins back into money; its own idempotency record."""

    __tablename__ = "refunds"
    __table_args__ = (
        UniqueConstraint("viewer", "idempotency_key", name="one_refund_a_key"),
        ForeignKeyConstraint(["viewer", "purchase"], ["purchases.viewer", "purchases.id"]),
        Index(
            "one_open_refund_a_purchase",
            "viewer",
            "purchase",
            unique=True,
            postgresql_where=text("state IN ('requested', 'frozen')"),
        ),
        Index("refunds_by_id", "id"),
        Index("refunds_due", "next_check_at", postgresql_where=_DUE),
        Index("refunds_to_look_at", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    )

    viewer: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    idempotency_key: str = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    requested_by: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    coins: int = Field(sa_type=BigInteger, sa_column_kwargs=_ZERO)
    amount_minor: int = Field(sa_type=BigInteger, sa_column_kwargs=_ZERO)
    currency: str = Field(sa_type=Text)
    reason: str | None = Field(sa_type=Text)
    requested_at: datetime = Field(sa_type=DateTime(timezone=True))
    decided_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    voided_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    next_check_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    checks: int = Field(sa_column_kwargs=_ZERO)
    submitted_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    provider_refund: str | None = Field(sa_type=Text)
    unresolved_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    look_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    looks: int = Field(sa_column_kwargs=_ZERO)


class ProviderAnswer(PurchaseTable, table=True):
    """The newest answer about a payment that was applied, and what the books say because of it."""

    __tablename__ = "provider_answers"
    __table_args__ = (
        ForeignKeyConstraint(["viewer", "purchase"], ["purchases.viewer", "purchases.id"]),
    )

    viewer: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID = Field(primary_key=True)
    payment: str = Field(primary_key=True, sa_type=Text)
    sequence: int | None = Field(sa_type=BigInteger)
    asked_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    answered_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    ignored_before: datetime | None = Field(sa_type=DateTime(timezone=True))
    fee_minor: int | None = Field(sa_type=BigInteger)
    given_back_minor: int = Field(sa_type=BigInteger)
    entries: int


class Warning(PurchaseTable, table=True):  # noqa: A001 - the field's own word; no module imports it
    """An early fraud warning of a provider, which was published."""

    __tablename__ = "warnings"
    __table_args__ = (
        ForeignKeyConstraint(["viewer", "purchase"], ["purchases.viewer", "purchases.id"]),
    )

    viewer: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID = Field(primary_key=True)
    warning: str = Field(primary_key=True, sa_type=Text)
    reason: str = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)


class Exclusion(PurchaseTable, table=True):
    """A viewer's self-exclusion from buying."""

    __tablename__ = "exclusions"

    viewer: str = Field(primary_key=True, sa_type=Text)
    exclusion: UUID = Field(primary_key=True)
    until: datetime = Field(sa_type=DateTime(timezone=True))
    ended: bool


add_tables(PurchaseTable, *LEDGER_TABLES, *MAILBOX_TABLES, EventArchiveColumns, QuotaColumns)
