"""The wallet's tables. `make contracts` writes columns.py from them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, Identity, Integer, LargeBinary, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.backoffice.tables import ERASURE_TABLES
from shared.ledger.archive_tables import ARCHIVE_TABLES
from shared.ledger.tables import LEDGER_TABLES, SEAL_TABLES
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
    held: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    open: bool
    spent: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    refunded: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    charged_back: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    paid_debts: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    adjusted: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    expired: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    forfeited: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    is_forfeit: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    owed: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    repaid: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    revision: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    price_minor: int = Field(sa_type=BigInteger)
    tax_minor: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    currency: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    country: str | None = Field(sa_type=Text)
    diamond_rate_bp: int = Field(sa_type=Integer)
    funded_at: datetime = Field(sa_type=_TIME)
    expires_at: datetime | None = Field(sa_type=_TIME)
    recorded_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)


class Dispute(WalletTable, table=True):
    """The newest revision of a dispute."""

    __tablename__ = "disputes"

    user_id: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID = Field(primary_key=True)
    dispute: str = Field(primary_key=True, sa_type=Text)
    revision: int
    claimed_minor: int = Field(sa_type=BigInteger)
    currency: str | None = Field(sa_type=Text)


class Hold(WalletTable, table=True):
    """Why coins of a purchase are held: a refund, or a fraud warning."""

    __tablename__ = "holds"

    user_id: str = Field(primary_key=True, sa_type=Text)
    hold_key: str = Field(primary_key=True, sa_type=Text)
    purchase: UUID
    state: str = Field(sa_type=Text)
    refunded_coins: int | None = Field(sa_type=BigInteger)


class HeldCoins(WalletTable, table=True):
    """How many coins of a lot a hold has."""

    __tablename__ = "held_coins"

    user_id: str = Field(primary_key=True, sa_type=Text)
    hold_key: str = Field(primary_key=True, sa_type=Text)
    lot: UUID = Field(primary_key=True)
    coins: int = Field(sa_type=BigInteger)
    answered_coins: int | None = Field(sa_type=BigInteger)
    refunded_coins: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)


class Repayment(WalletTable, table=True):
    """Coins of one lot that paid the debt of another."""

    __tablename__ = "repayments"

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


class Suspension(WalletTable, table=True):
    """Whether an operator has stopped a wallet."""

    __tablename__ = "suspensions"

    user_id: str = Field(primary_key=True, sa_type=Text)
    suspended: bool


class LiabilityDay(WalletTable, table=True):
    """A day at whose end the liability to viewers was summed up."""

    __tablename__ = "liability_days"

    day: date = Field(primary_key=True, sa_type=Date)
    taken_at: datetime = Field(sa_type=_TIME)


class LiabilityLine(WalletTable, table=True):
    """What viewers of one country were owed at the end of a day, by currency and age."""

    __tablename__ = "liability_lines"

    day: date = Field(primary_key=True, sa_type=Date, foreign_key="liability_days.day")
    country: str = Field(primary_key=True, sa_type=Text)
    currency: str = Field(primary_key=True, sa_type=Text)
    age: str = Field(primary_key=True, sa_type=Text)
    lots: int = Field(sa_type=BigInteger)
    unspent_coins: int = Field(sa_type=BigInteger)
    price_minor: int = Field(sa_type=BigInteger)
    tax_minor: int = Field(sa_type=BigInteger)
    deferred_gross_minor: int = Field(sa_type=BigInteger)
    deferred_minor: int = Field(sa_type=BigInteger)
    released_minor: int = Field(sa_type=BigInteger)
    refunded_minor: int = Field(sa_type=BigInteger)
    disputed_minor: int = Field(sa_type=BigInteger)


class FlowHour(WalletTable, table=True):
    """How many coins were bought and given in an hour that is closed."""

    __tablename__ = "flow_hours"

    hour: datetime = Field(primary_key=True, sa_type=_TIME)
    bought_coins: int = Field(sa_type=BigInteger)
    given_coins: int = Field(sa_type=BigInteger)
    taken_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)


class OpeningSlice(WalletTable, table=True):
    """What the archived gifts took out of a lot."""

    __tablename__ = "opening_slices"

    user_id: str = Field(primary_key=True, sa_type=Text)
    lot: UUID = Field(primary_key=True)
    coins: int = Field(sa_type=BigInteger)


add_tables(
    WalletTable,
    *(*LEDGER_TABLES, *SEAL_TABLES, *ARCHIVE_TABLES, *MAILBOX_TABLES),
    *(EventArchiveColumns, QuotaColumns),
    *ERASURE_TABLES,
)
