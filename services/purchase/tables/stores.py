"""What an app's store has to be told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Text,
)
from sqlmodel import Field

from services.purchase.tables.base import DUE, ZERO, PurchaseTable


class Acceptance(PurchaseTable, table=True):
    """A store has to be told that what it sold is delivered: until then it may take it back."""

    __tablename__ = "acceptances"
    __table_args__ = (
        ForeignKeyConstraint(["viewer", "purchase"], ["purchases.viewer", "purchases.id"]),
        Index("acceptances_due", "next_check_at", postgresql_where=DUE),
    )

    viewer: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID = Field(primary_key=True)
    paid_at: datetime = Field(sa_type=DateTime(timezone=True))
    next_check_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    checks: int = Field(sa_column_kwargs=ZERO)
    accepted_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    rejected: str | None = Field(sa_type=Text)


class StoreQuestion(PurchaseTable, table=True):
    """A store asked how much of a purchase was used; the buyer agreed that it is told."""

    __tablename__ = "store_questions"
    __table_args__ = (
        ForeignKeyConstraint(["viewer", "purchase"], ["purchases.viewer", "purchases.id"]),
        Index("store_questions_by_id", "id"),
        Index("store_questions_due", "next_check_at", postgresql_where=DUE),
    )

    viewer: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    question: str = Field(sa_type=Text)
    asked_at: datetime = Field(sa_type=DateTime(timezone=True))
    coins: int | None = Field(sa_type=BigInteger)
    used_coins: int | None = Field(sa_type=BigInteger)
    next_check_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    checks: int = Field(sa_column_kwargs=ZERO)
    answered_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    rejected: str | None = Field(sa_type=Text)
