"""The shape of what the wallet remembers. Only store.py reads this file."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, Identity, Integer, LargeBinary, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.ledger.tables import LEDGER_TABLES
from shared.messaging.tables import MAILBOX_TABLES, EventArchiveColumns
from shared.postgres.tables import add_tables
from shared.quotas.tables import QuotaColumns

_TIME = DateTime(timezone=True)
_NOW = {"server_default": text("clock_timestamp()")}
_ZERO = {"server_default": "0"}


class WalletTable(SQLModel, registry=registry()):
    """Keeps this service's tables out of every other service's metadata."""


class Lot(WalletTable, table=True):
    """Coins that came together, and what is left of them."""

    __tablename__ = "lots"

    user_id: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    purchase: UUID
    kind: str = Field(sa_type=Text)
    coins: int = Field(sa_type=BigInteger)
    remaining: int = Field(sa_type=BigInteger)
    frozen: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    open: bool
    spent: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    refunded: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    burned: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    paid_debts: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    adjusted: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    expired: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    owed: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    settled: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    revision: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    price_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    country: str | None = Field(sa_type=Text)
    diamond_rate_bp: int = Field(sa_type=Integer)
    funded_at: datetime = Field(sa_type=_TIME)
    expires_at: datetime | None = Field(sa_type=_TIME)
    recorded_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)


class Slice(WalletTable, table=True):
    """Coins of one lot that paid for one gift."""

    __tablename__ = "slices"

    user_id: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    lot: UUID = Field(primary_key=True)
    coins: int = Field(sa_type=BigInteger)
    entry: int = Field(sa_type=BigInteger)


class Dispute(WalletTable, table=True):
    """The newest that was heard of a dispute."""

    __tablename__ = "disputes"

    user_id: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID = Field(primary_key=True)
    dispute: str = Field(primary_key=True, sa_type=Text)
    revision: int
    claimed_minor: int = Field(sa_type=BigInteger)
    currency: str | None = Field(sa_type=Text)


class Freeze(WalletTable, table=True):
    """What coins of a purchase are kept for."""

    __tablename__ = "freezes"

    user_id: str = Field(primary_key=True, sa_type=Text)
    kept_for: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID
    state: str = Field(sa_type=Text)
    refunded_coins: int | None = Field(sa_type=BigInteger)


class FrozenCoins(WalletTable, table=True):
    """How many coins of a lot are kept."""

    __tablename__ = "frozen_coins"

    user_id: str = Field(primary_key=True, sa_type=Text)
    kept_for: str = Field(primary_key=True, sa_type=Text)
    lot: UUID = Field(primary_key=True)
    coins: int = Field(sa_type=BigInteger)
    answered_coins: int | None = Field(sa_type=BigInteger)
    refunded_coins: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)


class Settlement(WalletTable, table=True):
    """Coins of one lot that paid the debt of another."""

    __tablename__ = "settlements"

    user_id: str = Field(primary_key=True, sa_type=Text)
    lot: UUID = Field(primary_key=True)
    payer: UUID = Field(primary_key=True)
    coins: int = Field(sa_type=BigInteger)


class Limit(WalletTable, table=True):
    """A limit as it was set once."""

    __tablename__ = "limits"

    user_id: str = Field(primary_key=True, sa_type=Text)
    number: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger,
        sa_column_args=(Identity(always=True),),
    )
    period: str = Field(sa_type=Text)
    unit: str = Field(sa_type=Text)
    set_by: str = Field(sa_type=Text)
    amount: int | None = Field(sa_type=BigInteger)
    set_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)
    from_at: datetime = Field(sa_type=_TIME)


class Spending(WalletTable, table=True):
    """What was spent on one day out of coins bought in one currency."""

    __tablename__ = "spendings"

    user_id: str = Field(primary_key=True, sa_type=Text)
    day: date = Field(primary_key=True, sa_type=Date)
    currency: str = Field(primary_key=True, sa_type=Text)
    coins: int = Field(sa_type=BigInteger)
    amount_minor: int = Field(sa_type=BigInteger)


class Exclusion(WalletTable, table=True):
    """A viewer's wish to be kept from spending."""

    __tablename__ = "exclusions"

    user_id: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    idempotency_key: str = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    until: datetime = Field(sa_type=_TIME)
    started_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)
    ended_at: datetime | None = Field(sa_type=_TIME)


class Block(WalletTable, table=True):
    """Whether an operator has stopped a wallet."""

    __tablename__ = "blocks"

    user_id: str = Field(primary_key=True, sa_type=Text)
    blocked: bool


add_tables(WalletTable, *LEDGER_TABLES, *MAILBOX_TABLES, EventArchiveColumns, QuotaColumns)
