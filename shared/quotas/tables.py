"""The table of quotas as columns, for each service to register as its own."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Text
from sqlmodel import Field

from shared.postgres.tables import SharedTable


class QuotaColumns(SharedTable):
    """How often a user did something in the time that began then."""

    table_name = "quotas"

    user_id: str = Field(primary_key=True, sa_type=Text)
    act: str = Field(primary_key=True, sa_type=Text)
    began_at: datetime = Field(sa_type=DateTime(timezone=True))
    used: int = Field(sa_type=BigInteger)
