"""Earnings of creators, and what became of them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, Integer, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.payout.tables.base import TIME, ZERO, PayoutTable


class Earning(PayoutTable, table=True):
    """What one slice of one gift brought one party."""

    __tablename__ = "earnings"

    creator: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    slice: int = Field(primary_key=True, sa_type=SmallInteger)
    decision: int = Field(sa_type=BigInteger)
    viewer: str = Field(sa_type=Text)
    lot: UUID
    lot_kind: str = Field(sa_type=Text)
    coins: int = Field(sa_type=BigInteger)
    rate_bp: int = Field(sa_type=Integer)
    diamonds: int = Field(sa_type=BigInteger)
    reversed_diamonds: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    occurred_at: datetime = Field(sa_type=TIME)
    matures_at: datetime = Field(sa_type=TIME)
    hold_reason: str = Field(sa_type=Text)
    matured: bool
    lost_diamonds: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    anonymous: bool
    shared_by: str | None = Field(sa_type=Text)
    shares_bp: list[int] | None = Field(sa_type=ARRAY(Integer))
    gift_type: str | None = Field(sa_type=Text)
    count: int | None = Field(sa_type=Integer)
    room: str | None = Field(sa_type=Text)
    combo: UUID | None


class Creator(PayoutTable, table=True):
    """What the rules need to know about a creator, and the rate of their diamonds in the books."""

    __tablename__ = "creators"

    creator: str = Field(primary_key=True, sa_type=Text)
    rate_version: int = Field(sa_type=Integer)
    currency: str = Field(sa_type=Text)
    value_minor_per_1000: int = Field(sa_type=BigInteger)
    first_earned_at: datetime | None = Field(sa_type=TIME)
    lifetime_diamonds: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    maturings: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    closed_until: date = Field(
        sa_type=Date, sa_column_kwargs={"server_default": text("'1970-01-01'")}
    )
    closed_entry: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)


class Reversal(PayoutTable, table=True):
    """How many coins of a gift are reversed, by the lot that paid."""

    __tablename__ = "reversals"

    creator: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    lot: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger)
    reversed_coins: int = Field(sa_type=BigInteger)
    most_coins: int = Field(sa_type=BigInteger)
    newest_at: datetime = Field(sa_type=TIME)
    restored_at: datetime | None = Field(sa_type=TIME)
    known_revisions: list[int] = Field(sa_type=ARRAY(BigInteger))
    shared_by: str | None = Field(sa_type=Text)


class SentShare(PayoutTable, table=True):
    """A share of a creator's gift whose party is in another part."""

    __tablename__ = "sent_shares"

    creator: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    party: str = Field(primary_key=True, sa_type=Text)
    shares_bp: list[int] = Field(sa_type=ARRAY(Integer))


class Restoration(PayoutTable, table=True):
    """Diamonds that were taken back and came back; they mature on their own."""

    __tablename__ = "restorations"

    creator: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    slice: int = Field(primary_key=True, sa_type=SmallInteger)
    diamonds: int = Field(sa_type=BigInteger)
    pending: int = Field(sa_type=BigInteger)
    matures_at: datetime = Field(sa_type=TIME)


class FraudWarning(PayoutTable, table=True):
    """A lot whose payment has an early fraud warning."""

    __tablename__ = "fraud_warnings"

    lot: UUID = Field(primary_key=True)
    flagged_at: datetime = Field(sa_type=TIME)
    until: datetime = Field(sa_type=TIME)


class Stream(PayoutTable, table=True):
    """A room from an opening to its closing, as live tells: earnings are summed up by it."""

    __tablename__ = "streams"

    stream: UUID = Field(primary_key=True)
    room: str = Field(sa_type=Text)
    creator: str = Field(sa_type=Text)
    opened_at: datetime = Field(sa_type=TIME)
    closed_at: datetime | None = Field(sa_type=TIME)
