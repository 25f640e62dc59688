"""Attempts to send payouts, and what providers say of them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Integer, LargeBinary, Text
from sqlmodel import Field

from services.payout.tables.base import NOW, TIME, ZERO, PayoutTable


class Attempt(PayoutTable, table=True):
    """One try to send one payout."""

    __tablename__ = "attempts"

    creator: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    payout: UUID
    number: int = Field(sa_type=Integer)
    transfer: str | None = Field(sa_type=Text)
    closed: bool
    checks: int = Field(default=0, sa_type=Integer, sa_column_kwargs=ZERO)
    next_check_at: datetime | None = Field(sa_type=TIME)
    first_submitted_at: datetime | None = Field(sa_type=TIME)
    unresolved_at: datetime | None = Field(sa_type=TIME)
    answered_check: int = Field(default=0, sa_type=Integer, sa_column_kwargs=ZERO)


class Contradiction(PayoutTable, table=True):
    """What a provider says of an attempt although it contradicts our state."""

    __tablename__ = "contradictions"

    creator: str = Field(primary_key=True, sa_type=Text)
    payout: UUID = Field(primary_key=True)
    attempt: UUID = Field(primary_key=True)
    state: str = Field(primary_key=True, sa_type=Text)
    status: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=TIME, sa_column_kwargs=NOW)


class WebhookEvent(PayoutTable, table=True):
    """A webhook of a provider, kept so that its repetition is known."""

    __tablename__ = "webhook_events"

    id: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger,
        sa_column_args=(Identity(always=True),),
    )
    provider: str = Field(sa_type=Text)
    webhook_id: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    attempt: UUID | None
    payload_hash: bytes = Field(sa_type=LargeBinary)
    received_at: datetime = Field(sa_type=TIME, sa_column_kwargs=NOW)
