"""Payments, what their providers said of them, and what banks did."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.purchase.tables.base import NOW, PurchaseTable


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
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=NOW)


class PaymentName(PurchaseTable, table=True):
    """What else a provider calls a payment: a later webhook event may say no more than that."""

    __tablename__ = "payment_names"

    provider: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(primary_key=True, sa_type=Text)
    viewer: str = Field(sa_type=Text)
    purchase: UUID
    payment: str = Field(sa_type=Text)


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
    settlements: list[dict[str, Any]] = Field(sa_type=JSONB)
    exchanged_minor: int = Field(sa_type=BigInteger)
    given_back_tax_minor: int = Field(sa_type=BigInteger)


class CountryEvidence(PurchaseTable, table=True):
    """What one kind of evidence says of the country that the buyer of a paid purchase is in."""

    __tablename__ = "country_evidence"
    __table_args__ = (
        ForeignKeyConstraint(["viewer", "purchase"], ["purchases.viewer", "purchases.id"]),
    )

    viewer: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True, sa_type=Text)
    country: str = Field(primary_key=True, sa_type=Text)
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=NOW)


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
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=NOW)
    evidence_due_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    evidence_submitted: bool


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
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=NOW)
