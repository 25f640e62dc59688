"""Payments by bank file: accounts, orders, files, and what reports say of them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Integer, LargeBinary, Text
from sqlmodel import Field

from services.payout.tables.base import NOW, TIME, PayoutTable


class BankAccount(PayoutTable, table=True):
    """A creator's bank account, encrypted; it can be erased."""

    __tablename__ = "bank_accounts"

    creator: str = Field(primary_key=True, sa_type=Text)
    token: str = Field(primary_key=True, sa_type=Text)
    key_id: str = Field(sa_type=Text)
    encrypted: bytes = Field(sa_type=LargeBinary)
    added_at: datetime = Field(sa_type=TIME, sa_column_kwargs=NOW)


class BankBatch(PayoutTable, table=True):
    """What one part pays in a file, encrypted: written once."""

    __tablename__ = "bank_batches"

    file: UUID = Field(primary_key=True)
    payments: int = Field(sa_type=Integer)
    key_id: str = Field(sa_type=Text)
    encrypted: bytes = Field(sa_type=LargeBinary)


class BankCutoff(PayoutTable, table=True):
    """A payment file that is begun and not there yet."""

    __tablename__ = "bank_cutoffs"

    file: UUID = Field(primary_key=True)
    ordered_before: datetime = Field(sa_type=TIME)
    payments_max: int = Field(sa_type=Integer)
    made_by: str = Field(sa_type=Text)
    reason: str | None = Field(sa_type=Text)


class BankFile(PayoutTable, table=True):
    """A payment file as it was made, encrypted."""

    __tablename__ = "bank_files"

    id: UUID = Field(primary_key=True)
    payments: int = Field(sa_type=Integer)
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    made_at: datetime = Field(sa_type=TIME)
    made_by: str = Field(sa_type=Text)
    key_id: str = Field(sa_type=Text)
    encrypted: bytes = Field(sa_type=LargeBinary)


class BankOrder(PayoutTable, table=True):
    """An attempt that a bank is to pay."""

    __tablename__ = "bank_orders"

    creator: str = Field(primary_key=True, sa_type=Text)
    attempt: UUID = Field(primary_key=True)
    account: str = Field(sa_type=Text)
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    ordered_at: datetime = Field(sa_type=TIME, sa_column_kwargs=NOW)
    state: str = Field(sa_type=Text, sa_column_kwargs={"server_default": "waiting"})


class BankPayment(PayoutTable, table=True):
    """The one file that pays an attempt, for ever."""

    __tablename__ = "bank_payments"

    creator: str = Field(primary_key=True, sa_type=Text)
    attempt: UUID = Field(primary_key=True)
    file: UUID


class BankReport(PayoutTable, table=True):
    """A report of a bank as it came, encrypted."""

    __tablename__ = "bank_reports"

    id: UUID = Field(primary_key=True)
    message_id: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    statuses: int = Field(sa_type=Integer)
    contradictions: int = Field(sa_type=Integer)
    received_at: datetime = Field(sa_type=TIME, sa_column_kwargs=NOW)
    received_by: str = Field(sa_type=Text)
    confirmed_by: str | None = Field(sa_type=Text)
    applied_at: datetime | None = Field(sa_type=TIME)
    key_id: str = Field(sa_type=Text)
    encrypted: bytes = Field(sa_type=LargeBinary)


class BankStatus(PayoutTable, table=True):
    """What one report says of one order."""

    __tablename__ = "bank_statuses"

    creator: str = Field(primary_key=True, sa_type=Text)
    attempt: UUID = Field(primary_key=True)
    report: UUID = Field(primary_key=True)
    code: str = Field(primary_key=True, sa_type=Text)
    reason: str | None = Field(sa_type=Text)
