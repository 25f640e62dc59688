"""Bonuses: diamonds that a creator gets from a funder, and not for a gift."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, LargeBinary, Text
from sqlmodel import Field

from services.payout.tables.base import NOW, TIME, PayoutTable


class Bonus(PayoutTable, table=True):
    """A bonus that an operator asks for and another grants; then it matures as earnings do."""

    __tablename__ = "bonuses"

    creator: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    request_hash: bytes = Field(sa_type=LargeBinary)
    funder: str = Field(sa_type=Text)
    diamonds: int = Field(sa_type=BigInteger)
    reason: str = Field(sa_type=Text)
    state: str = Field(
        default="requested", sa_type=Text, sa_column_kwargs={"server_default": "requested"}
    )
    requested_by: str = Field(sa_type=Text)
    requested_at: datetime = Field(sa_type=TIME, sa_column_kwargs=NOW)
    decided_by: str | None = Field(sa_type=Text)
    decided_at: datetime | None = Field(sa_type=TIME)
    matures_at: datetime | None = Field(sa_type=TIME)
    hold_reason: str | None = Field(sa_type=Text)
    matured: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
