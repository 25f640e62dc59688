"""Statements of creators, and what maturings were made of."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, ForeignKeyConstraint, Integer, SmallInteger, Text, text
from sqlmodel import Field

from services.payout.tables.base import TIME, PayoutTable


class Statement(PayoutTable, table=True):
    """A closed month of a creator."""

    __tablename__ = "statements"

    creator: str = Field(primary_key=True, sa_type=Text)
    month: date = Field(primary_key=True, sa_type=Date)
    year: int = Field(sa_type=Integer)
    number: int | None = Field(sa_type=Integer)
    last_entry: int = Field(sa_type=BigInteger)
    available_in: int = Field(sa_type=BigInteger)
    available_out: int = Field(sa_type=BigInteger)
    closed_at: datetime = Field(
        sa_type=TIME, sa_column_kwargs={"server_default": text("clock_timestamp()")}
    )


class StatementLine(PayoutTable, table=True):
    """What changed in a closed month, by line and asset."""

    __tablename__ = "statement_lines"
    __table_args__ = (
        ForeignKeyConstraint(["creator", "month"], ["statements.creator", "statements.month"]),
    )

    creator: str = Field(primary_key=True, sa_type=Text)
    month: date = Field(primary_key=True, sa_type=Date)
    asset: str = Field(primary_key=True, sa_type=Text)
    line: str = Field(primary_key=True, sa_type=Text)
    amount: int = Field(sa_type=BigInteger)
    entries: int = Field(sa_type=BigInteger)


class MaturedSlice(PayoutTable, table=True):
    """Diamonds of an earning, or of a bonus, that became available with a maturing."""

    __tablename__ = "matured_slices"

    creator: str = Field(primary_key=True, sa_type=Text)
    maturing: int = Field(primary_key=True, sa_type=BigInteger)
    gift: UUID = Field(primary_key=True)
    slice: int = Field(primary_key=True, sa_type=SmallInteger)
    part: int = Field(primary_key=True, sa_type=SmallInteger)
    diamonds: int = Field(sa_type=BigInteger)
