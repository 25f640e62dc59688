"""The tables of a ledger's archives as columns, for each service to register as its own."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, LargeBinary, Text, Uuid, text
from sqlmodel import Field

from shared.postgres.tables import SharedTable

_TIME = DateTime(timezone=True)
_NOW = {"server_default": text("clock_timestamp()")}


class ArchiveColumns(SharedTable):
    """The entries of whole blocks, in a file."""

    table_name = "archives"

    number: int = Field(primary_key=True, sa_type=BigInteger)
    first_block: int = Field(sa_type=BigInteger)
    last_block: int = Field(sa_type=BigInteger)
    entries: int = Field(sa_type=BigInteger)
    gifts: int = Field(sa_type=BigInteger)
    file: str = Field(sa_type=Text, unique=True)
    size_bytes: int = Field(sa_type=BigInteger)
    hash: bytes = Field(sa_type=LargeBinary)
    first_at: datetime = Field(sa_type=_TIME)
    last_at: datetime = Field(sa_type=_TIME)
    keep_until: date = Field(sa_type=Date)
    archived_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)


class ArchivedUserColumns(SharedTable):
    """Which decisions of a user are in which archive."""

    table_name = "archived_users"

    user_id: str = Field(primary_key=True, sa_type=Text)
    archive: int = Field(primary_key=True, foreign_key="archives.number", sa_type=BigInteger)
    first: int = Field(sa_type=BigInteger)
    last: int = Field(sa_type=BigInteger)
    last_at: datetime = Field(sa_type=_TIME)


class ArchivedKeyColumns(SharedTable):
    """A reference that was decided, in an archive."""

    table_name = "archived_keys"

    number: int = Field(sa_type=BigInteger)
    key: UUID = Field(primary_key=True, sa_type=Uuid)
    user_id: str = Field(primary_key=True, sa_type=Text)


class ArchiveTotalColumns(SharedTable):
    """What an archive moved on an account."""

    table_name = "archive_totals"

    archive: int = Field(primary_key=True, foreign_key="archives.number", sa_type=BigInteger)
    account: str = Field(primary_key=True, sa_type=Text)
    asset: str = Field(primary_key=True, sa_type=Text)
    debit: int = Field(sa_type=BigInteger)
    credit: int = Field(sa_type=BigInteger)
    postings: int = Field(sa_type=BigInteger)


class OpeningBalanceColumns(SharedTable):
    """What the archived entries of a user come to, by kind, account and asset."""

    table_name = "opening_balances"

    user_id: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(primary_key=True, sa_type=Text)
    account: str = Field(primary_key=True, sa_type=Text)
    asset: str = Field(primary_key=True, sa_type=Text)
    amount: int = Field(sa_type=BigInteger)
    last_at: datetime = Field(sa_type=_TIME)


ARCHIVE_TABLES = (
    ArchiveColumns,
    ArchivedUserColumns,
    ArchivedKeyColumns,
    ArchiveTotalColumns,
    OpeningBalanceColumns,
)
