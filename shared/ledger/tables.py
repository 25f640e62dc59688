"""The ledger's tables as columns, for each service to register as its own."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

_NOW = {"server_default": text("clock_timestamp()")}
_ZERO = {"server_default": "0"}


class AccountColumns(SQLModel):
    """What a user has."""

    user_id: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(primary_key=True, sa_type=Text)
    unit: str = Field(primary_key=True, sa_type=Text)
    balance: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    version: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)


class MovementColumns(SQLModel):
    """Units that changed accounts, all at once."""

    user_id: str = Field(primary_key=True, sa_type=Text)
    id: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(sa_type=Text)
    cause: str = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)


class PostingColumns(SQLModel):
    """One leg of a movement."""

    user_id: str = Field(primary_key=True, sa_type=Text)
    movement: int = Field(primary_key=True, sa_type=BigInteger)
    account: str = Field(primary_key=True, sa_type=Text)
    unit: str = Field(primary_key=True, sa_type=Text)
    amount: int = Field(sa_type=BigInteger)
    balance_after: int | None = Field(sa_type=BigInteger)


class OutcomeColumns(SQLModel):
    """What was decided under a cause."""

    user_id: str = Field(primary_key=True, sa_type=Text)
    cause: str = Field(primary_key=True, sa_type=Text)
    version: int = Field(sa_type=BigInteger)
    request_hash: bytes = Field(sa_type=LargeBinary)
    outcome: dict[str, Any] = Field(sa_type=JSONB)
    movement: int | None = Field(sa_type=BigInteger)
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)
