"""Where the money of creators goes, who they are, and what lists of sanctions say of them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Integer, Text, text
from sqlmodel import Field

from services.payout.tables.base import NOW, TIME, ZERO, PayoutTable

FALSE = {"server_default": "false"}


class Payee(PayoutTable, table=True):
    """Where a creator's money of one currency goes."""

    __tablename__ = "payees"

    creator: str = Field(primary_key=True, sa_type=Text)
    currency: str = Field(primary_key=True, sa_type=Text)
    provider: str = Field(sa_type=Text)
    destination: str = Field(sa_type=Text)
    country: str | None = Field(sa_type=Text)
    account: UUID | None
    changed_at: datetime = Field(sa_type=TIME, sa_column_kwargs=NOW)
    revision: int = Field(default=1, sa_type=BigInteger, sa_column_kwargs={"server_default": "1"})
    changed_by: str | None = Field(sa_type=Text)
    usable_at: datetime | None = Field(sa_type=TIME)
    unreviewed: bool = Field(default=False, sa_column_kwargs=FALSE)
    verification: str = Field(sa_type=Text, sa_column_kwargs={"server_default": "unverified"})
    tax_form: str = Field(sa_type=Text, sa_column_kwargs={"server_default": "missing"})
    tax_form_kind: str | None = Field(sa_type=Text)
    requirements: list[str] = Field(
        sa_type=ARRAY(Text), sa_column_kwargs={"server_default": text("'{}'")}
    )
    payouts_enabled: bool = Field(default=False, sa_column_kwargs=FALSE)
    next_read_at: datetime | None = Field(sa_type=TIME)
    reads: int = Field(default=0, sa_type=Integer, sa_column_kwargs=ZERO)
    applied_read: int = Field(default=0, sa_type=Integer, sa_column_kwargs=ZERO)
    screening: str = Field(sa_type=Text, sa_column_kwargs={"server_default": "unscreened"})
    list_version: str = Field(sa_type=Text, sa_column_kwargs={"server_default": ""})
    screened_at: datetime | None = Field(sa_type=TIME)


class PayeeRevision(PayoutTable, table=True):
    """How many payees a creator ever had; erasing a person keeps it, for it names nobody."""

    __tablename__ = "payee_revisions"

    creator: str = Field(primary_key=True, sa_type=Text)
    newest: int = Field(sa_type=BigInteger)


class PayeeContact(PayoutTable, table=True):
    """Who a payee is: erasable, and the only place with names and e-mail addresses."""

    __tablename__ = "payee_contacts"

    creator: str = Field(primary_key=True, sa_type=Text)
    revision: int = Field(primary_key=True, sa_type=BigInteger)
    destination: str = Field(sa_type=Text)
    email: str | None = Field(sa_type=Text)
    legal_name: str | None = Field(sa_type=Text)


class PayeeMatch(PayoutTable, table=True):
    """An entry of a list of sanctions that a payee may be, and who says that it is another one."""

    __tablename__ = "payee_matches"

    creator: str = Field(primary_key=True, sa_type=Text)
    revision: int = Field(primary_key=True, sa_type=BigInteger)
    entry: str = Field(primary_key=True, sa_type=Text)
    listed_name: str = Field(sa_type=Text)
    list_version: str = Field(sa_type=Text)
    found_at: datetime = Field(sa_type=TIME, sa_column_kwargs=NOW)
    cleared_at: datetime | None = Field(sa_type=TIME)
    cleared_by: str | None = Field(sa_type=Text)
