"""Money that goes back, and why."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field

from services.purchase.tables.base import DUE, ZERO, PurchaseTable


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
        Index("refunds_due", "next_check_at", postgresql_where=DUE),
        Index("refunds_to_look_at", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    )

    viewer: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    idempotency_key: str = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    requested_by: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    coins: int = Field(sa_type=BigInteger, sa_column_kwargs=ZERO)
    amount_minor: int = Field(sa_type=BigInteger, sa_column_kwargs=ZERO)
    tax_minor: int = Field(sa_type=BigInteger, sa_column_kwargs=ZERO)
    currency: str = Field(sa_type=Text)
    reason: str | None = Field(sa_type=Text)
    requested_at: datetime = Field(sa_type=DateTime(timezone=True))
    decided_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    voided_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    next_check_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    checks: int = Field(sa_column_kwargs=ZERO)
    submitted_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    provider_refund: str | None = Field(sa_type=Text)
    unresolved_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    look_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    looks: int = Field(sa_column_kwargs=ZERO)


class Withdrawal(PurchaseTable, table=True):
    """A viewer's statement that they withdraw from a purchase; never changed."""

    __tablename__ = "withdrawals"
    __table_args__ = (
        ForeignKeyConstraint(["viewer", "purchase"], ["purchases.viewer", "purchases.id"]),
        UniqueConstraint("viewer", "idempotency_key", name="one_withdrawal_a_key"),
    )

    viewer: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID = Field(primary_key=True)
    id: UUID
    idempotency_key: str = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    consumer_name: str = Field(sa_type=Text)
    reply_to: str | None = Field(sa_type=Text)
    received_at: datetime = Field(sa_type=DateTime(timezone=True))
    period_ends_at: datetime = Field(sa_type=DateTime(timezone=True))
    refund: UUID | None
    reason: str | None = Field(sa_type=Text)
