"""What creators get: announced rates, their plans, and with whom they share gifts."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.payout.tables.base import NOW, TIME, PayoutTable


class RateAnnouncement(PayoutTable, table=True):
    """A version of a rate plan that was announced: it may not be changed any more."""

    __tablename__ = "rate_announcements"

    version: int = Field(primary_key=True, sa_type=Integer)
    plan: str = Field(sa_type=Text)
    effective_from: datetime = Field(sa_type=TIME)
    currency: str = Field(sa_type=Text)
    value_minor_per_1000: int = Field(sa_type=BigInteger)
    published_at: datetime = Field(sa_type=TIME, sa_column_kwargs=NOW)


class RateAssignment(PayoutTable, table=True):
    """The rate plan of one creator from some moment on."""

    __tablename__ = "rate_assignments"

    creator: str = Field(primary_key=True, sa_type=Text)
    effective_from: datetime = Field(primary_key=True, sa_type=TIME)
    plan: str = Field(sa_type=Text)
    assigned_at: datetime = Field(sa_type=TIME, sa_column_kwargs=NOW)


class Split(PayoutTable, table=True):
    """Whom the diamonds of a creator's gifts are shared with from some moment on."""

    __tablename__ = "splits"

    creator: str = Field(primary_key=True, sa_type=Text)
    effective_from: datetime = Field(primary_key=True, sa_type=TIME)
    parties: list[str] = Field(sa_type=ARRAY(Text))
    shares_bp: list[int] = Field(sa_type=ARRAY(Integer))
    recorded_at: datetime = Field(sa_type=TIME, sa_column_kwargs=NOW)
