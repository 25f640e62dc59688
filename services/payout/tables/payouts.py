"""Quotes, payouts and their states."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, Integer, LargeBinary, Text
from sqlmodel import Field

from services.payout.tables.base import NOW, TIME, ZERO, PayoutTable


class Quote(PayoutTable, table=True):
    """An offer of money for diamonds."""

    __tablename__ = "quotes"

    creator: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    diamonds: int = Field(sa_type=BigInteger)
    value_minor: int = Field(sa_type=BigInteger)
    value_currency: str = Field(sa_type=Text)
    amount_minor: int = Field(sa_type=BigInteger)
    fee_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    exchange_ppm: int | None = Field(sa_type=BigInteger)
    exchanged_as_of: date | None = Field(sa_type=Date)
    rate_version: int = Field(sa_type=Integer)
    expires_at: datetime = Field(sa_type=TIME)
    payout: UUID | None


class Payout(PayoutTable, table=True):
    """One payout; its own idempotency record."""

    __tablename__ = "payouts"

    creator: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    idempotency_key: str = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    quote: UUID
    diamonds: int = Field(sa_type=BigInteger)
    value_minor: int = Field(sa_type=BigInteger)
    value_currency: str = Field(sa_type=Text)
    amount_minor: int = Field(sa_type=BigInteger)
    fee_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    rate_version: int = Field(sa_type=Integer)
    provider: str = Field(sa_type=Text)
    destination: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    version: int = Field(sa_type=Integer)
    requested_at: datetime = Field(sa_type=TIME)
    correlation_id: str = Field(sa_type=Text)
    returned_minor: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    country: str | None = Field(sa_type=Text)


class PayoutLoss(PayoutTable, table=True):
    """What a payout that was paid after it had failed cost the operator."""

    __tablename__ = "payout_losses"

    creator: str = Field(primary_key=True, sa_type=Text)
    payout: UUID = Field(primary_key=True)
    lost_diamonds: int = Field(sa_type=BigInteger)


class PayoutState(PayoutTable, table=True):
    """One step of one payout."""

    __tablename__ = "payout_states"

    creator: str = Field(primary_key=True, sa_type=Text)
    payout: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True, sa_type=Integer)
    state: str = Field(sa_type=Text)
    reason: str | None = Field(sa_type=Text)
    at: datetime = Field(sa_type=TIME, sa_column_kwargs=NOW)
