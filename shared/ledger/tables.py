"""The ledger's tables as columns, for each service to register as its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, LargeBinary, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from shared.postgres.tables import SharedTable

_NOW = {"server_default": text("clock_timestamp()")}
_ZERO = {"server_default": "0"}


class AccountColumns(SharedTable):
    """What a user has."""

    table_name = "accounts"

    user_id: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(primary_key=True, sa_type=Text)
    asset: str = Field(primary_key=True, sa_type=Text)
    balance: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    version: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)


class EntryColumns(SharedTable):
    """A decision: postings that sum to zero, or a refusal."""

    table_name = "entries"

    number: int = Field(primary_key=True, sa_type=BigInteger)
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)
    user_id: str = Field(primary_key=True, sa_type=Text)
    gift: UUID | None = Field(sa_type=Uuid)
    reference: str | None = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    kind: str | None = Field(sa_type=Text)
    asset: str | None = Field(sa_type=Text)
    accounts: str | None = Field(sa_type=Text)
    amounts: list[int] | None = Field(sa_type=ARRAY(BigInteger))
    balances_after: list[int | None] | None = Field(sa_type=ARRAY(BigInteger))
    assets: list[str] | None = Field(sa_type=ARRAY(Text))
    lots: list[UUID] | None = Field(sa_type=ARRAY(Uuid))
    slices: list[int] | None = Field(sa_type=ARRAY(BigInteger))
    result: dict[str, Any] | None = Field(sa_type=JSONB)


class UnsealedColumns(SharedTable):
    """The decisions of one transaction that are in no sealed block yet."""

    table_name = "unsealed"

    id: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger,
        sa_column_args=(Identity(always=True),),
    )
    users: list[str] = Field(sa_type=ARRAY(Text))
    firsts: list[int] = Field(sa_type=ARRAY(BigInteger))
    lasts: list[int] = Field(sa_type=ARRAY(BigInteger))


class SealColumns(SharedTable):
    """A block of entries, chained to the one before."""

    table_name = "seals"

    block: int = Field(primary_key=True, sa_type=BigInteger)
    users: list[str] = Field(sa_type=ARRAY(Text))
    firsts: list[int] = Field(sa_type=ARRAY(BigInteger))
    lasts: list[int] = Field(sa_type=ARRAY(BigInteger))
    entries: int = Field(sa_type=BigInteger)
    hash: bytes = Field(sa_type=LargeBinary)
    previous_hash: bytes = Field(sa_type=LargeBinary)
    sealed_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)


class AuditColumns(SharedTable):
    """What an operator did, to whom, and why."""

    table_name = "audit"

    id: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger,
        sa_column_args=(Identity(always=True),),
    )
    at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)
    operator: str = Field(sa_type=Text)
    action: str = Field(sa_type=Text)
    user_id: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    facts: dict[str, Any] = Field(sa_type=JSONB)


class AdjustmentColumns(SharedTable):
    """A correction that one operator asks for and another decides."""

    table_name = "adjustments"

    user_id: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    idempotency_key: str = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    amount: int = Field(sa_type=BigInteger)
    reason: str = Field(sa_type=Text)
    requested_by: str = Field(sa_type=Text)
    requested_at: datetime = Field(sa_type=DateTime(timezone=True), sa_column_kwargs=_NOW)
    state: str = Field(
        default="requested", sa_type=Text, sa_column_kwargs={"server_default": "requested"}
    )
    decided_by: str | None = Field(sa_type=Text)
    decided_at: datetime | None = Field(sa_type=DateTime(timezone=True))


LEDGER_TABLES = (AccountColumns, EntryColumns, AuditColumns, AdjustmentColumns)
# Of a ledger whose history is sealed.
SEAL_TABLES = (UnsealedColumns, SealColumns)
