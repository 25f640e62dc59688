"""The tables of erasures as columns, for each service to register as its own."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Text
from sqlmodel import Field

from shared.postgres.tables import SharedTable


class ErasedUserColumns(SharedTable):
    """A person who is erased, and when what arrived late of them is erased again."""

    table_name = "erased_users"

    user_id: str = Field(primary_key=True, sa_type=Text)
    erasure: UUID = Field(primary_key=True)
    erased_at: datetime = Field(sa_type=DateTime(timezone=True))
    repeat_at: datetime | None = Field(sa_type=DateTime(timezone=True))


class ErasedKindColumns(SharedTable):
    """How much of one kind was erased: the proof of it."""

    table_name = "erased_kinds"

    user_id: str = Field(primary_key=True, sa_type=Text)
    erasure: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True, sa_type=Text)
    count: int = Field(sa_type=BigInteger)


ERASURE_TABLES = (ErasedUserColumns, ErasedKindColumns)
