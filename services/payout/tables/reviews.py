"""Payouts that people decide about, and those that nobody has to ask for."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.payout.tables.base import TIME, PayoutTable


class PayoutReview(PayoutTable, table=True):
    """Why a payout went under review, and by when a person decides."""

    __tablename__ = "payout_reviews"

    creator: str = Field(primary_key=True, sa_type=Text)
    payout: UUID = Field(primary_key=True)
    revision: int = Field(primary_key=True, sa_type=Integer)
    reasons: list[str] = Field(sa_type=ARRAY(Text))
    opened_at: datetime = Field(sa_type=TIME)
    decide_by: datetime = Field(sa_type=TIME)
    promised_by: datetime = Field(sa_type=TIME)


class PayoutDecision(PayoutTable, table=True):
    """What one operator decided about one payout: never twice the same person."""

    __tablename__ = "payout_decisions"

    creator: str = Field(primary_key=True, sa_type=Text)
    payout: UUID = Field(primary_key=True)
    operator: str = Field(primary_key=True, sa_type=Text)
    revision: int = Field(sa_type=Integer)
    decision: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    ground: str | None = Field(sa_type=Text)
    clause: str | None = Field(sa_type=Text)
    facts: str | None = Field(sa_type=Text)
    at: datetime = Field(sa_type=TIME)


class PayoutAppeal(PayoutTable, table=True):
    """A creator's appeal against a rejected payout, and what became of it."""

    __tablename__ = "payout_appeals"

    creator: str = Field(primary_key=True, sa_type=Text)
    payout: UUID = Field(primary_key=True)
    text: str = Field(sa_type=Text)
    appealed_at: datetime = Field(sa_type=TIME)
    decide_by: datetime = Field(sa_type=TIME)
    decision: str | None = Field(sa_type=Text)
    decided_at: datetime | None = Field(sa_type=TIME)


class PayoutSchedule(PayoutTable, table=True):
    """When a creator's payouts are requested automatically, and what became of the last."""

    __tablename__ = "payout_schedules"

    creator: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    threshold_diamonds: int | None = Field(sa_type=BigInteger)
    currency: str | None = Field(sa_type=Text)
    age_years: int | None = Field(sa_type=Integer)
    country: str | None = Field(sa_type=Text)
    next_at: datetime | None = Field(sa_type=TIME)
    last_tried_at: datetime | None = Field(sa_type=TIME)
    last_refusal: str | None = Field(sa_type=Text)
