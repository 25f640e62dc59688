"""Receipts and credit notes, and their numbers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.purchase.tables.base import PurchaseTable


class ReceiptNumber(PurchaseTable, table=True):
    """The last number of a seller's year: all sales of a moment wait for it."""

    __tablename__ = "receipt_numbers"

    seller: str = Field(primary_key=True, sa_type=Text)
    year: int = Field(primary_key=True)
    last: int = Field(sa_type=BigInteger)


class Receipt(PurchaseTable, table=True):
    """A receipt or a credit note, as it was issued."""

    __tablename__ = "receipts"
    __table_args__ = (
        ForeignKeyConstraint(["viewer", "purchase"], ["purchases.viewer", "purchases.id"]),
        UniqueConstraint(
            *("viewer", "purchase", "kind", "refund"),
            name="one_receipt_a_step",
            postgresql_nulls_not_distinct=True,
        ),
    )

    seller: str = Field(primary_key=True, sa_type=Text)
    year: int = Field(primary_key=True)
    series: int | None = Field(sa_type=SmallInteger)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    viewer: str = Field(sa_type=Text)
    purchase: UUID
    kind: str = Field(sa_type=Text)
    refund: UUID | None
    issued_at: datetime = Field(sa_type=DateTime(timezone=True))
    coins: int = Field(sa_type=BigInteger)
    amount_minor: int = Field(sa_type=BigInteger)
    tax_minor: int = Field(sa_type=BigInteger)
    seller_details: dict[str, Any] = Field(sa_type=JSONB)
