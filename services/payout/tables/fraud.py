"""What the fraud rules know beside earnings, and what they found."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.payout.tables.base import NOW, TIME, PayoutTable


class Funding(PayoutTable, table=True):
    """What a lot of coins was paid with."""

    __tablename__ = "fundings"

    viewer: str = Field(primary_key=True, sa_type=Text)
    lot: UUID = Field(primary_key=True)
    purchase: UUID
    paid_at: datetime = Field(sa_type=TIME)
    fingerprint: str | None = Field(sa_type=Text)


class Payer(PayoutTable, table=True):
    """When a viewer paid for the first time."""

    __tablename__ = "payers"

    viewer: str = Field(primary_key=True, sa_type=Text)
    first_paid_at: datetime = Field(sa_type=TIME)


class FraudFinding(PayoutTable, table=True):
    """What a fraud rule found when a payout was requested."""

    __tablename__ = "fraud_findings"

    creator: str = Field(primary_key=True, sa_type=Text)
    payout: UUID = Field(primary_key=True)
    rule: str = Field(primary_key=True, sa_type=Text)
    version: int = Field(sa_type=Integer)
    mode: str = Field(sa_type=Text)
    score_bp: int = Field(sa_type=Integer)
    diamonds: int = Field(sa_type=BigInteger)
    of_diamonds: int = Field(sa_type=BigInteger)
    accounts: int = Field(sa_type=Integer)
    named: list[str] = Field(sa_type=ARRAY(Text))
    found_at: datetime = Field(sa_type=TIME, sa_column_kwargs=NOW)
