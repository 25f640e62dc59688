"""The shape of what the payout service remembers. Only the store reads this file."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.ledger.tables import LEDGER_TABLES, SEAL_TABLES
from shared.messaging.tables import MAILBOX_TABLES, EventArchiveColumns
from shared.postgres.tables import add_tables
from shared.quotas.tables import QuotaColumns

_TIME = DateTime(timezone=True)
_NOW = {"server_default": text("now()")}
_ZERO = {"server_default": "0"}


class PayoutTable(SQLModel, registry=registry()):
    """Keeps this service's tables out of every other service's metadata."""


class Earning(PayoutTable, table=True):
    """What one slice of one gift brought."""

    __tablename__ = "earnings"

    creator: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    slice: int = Field(primary_key=True, sa_type=SmallInteger)
    decision: int = Field(sa_type=BigInteger)
    viewer: str = Field(sa_type=Text)
    lot: UUID
    lot_kind: str = Field(sa_type=Text)
    coins: int = Field(sa_type=BigInteger)
    rate_bp: int = Field(sa_type=Integer)
    diamonds: int = Field(sa_type=BigInteger)
    reversed_diamonds: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    occurred_at: datetime = Field(sa_type=_TIME)
    matures_at: datetime = Field(sa_type=_TIME)
    hold_reason: str = Field(sa_type=Text)
    matured: bool
    lost_diamonds: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    anonymous: bool


class Creator(PayoutTable, table=True):
    """What the rules need to know about a creator, and the rate of their diamonds in the books."""

    __tablename__ = "creators"

    creator: str = Field(primary_key=True, sa_type=Text)
    rate_version: int = Field(sa_type=Integer)
    currency: str = Field(sa_type=Text)
    value_minor_per_1000: int = Field(sa_type=BigInteger)
    first_earned_at: datetime | None = Field(sa_type=_TIME)
    lifetime_diamonds: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    maturings: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)


class Reversal(PayoutTable, table=True):
    """How many coins of a gift are reversed, by the lot that paid."""

    __tablename__ = "reversals"

    creator: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    lot: UUID = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger)
    reversed_coins: int = Field(sa_type=BigInteger)
    most_coins: int = Field(sa_type=BigInteger)
    newest_at: datetime = Field(sa_type=_TIME)
    restored_at: datetime | None = Field(sa_type=_TIME)
    known_revisions: list[int] = Field(sa_type=ARRAY(BigInteger))


class Restoration(PayoutTable, table=True):
    """Diamonds that were taken back and came back; they mature on their own."""

    __tablename__ = "restorations"

    creator: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    slice: int = Field(primary_key=True, sa_type=SmallInteger)
    diamonds: int = Field(sa_type=BigInteger)
    pending: int = Field(sa_type=BigInteger)
    matures_at: datetime = Field(sa_type=_TIME)


class FraudWarning(PayoutTable, table=True):
    """A lot whose payment has an early fraud warning."""

    __tablename__ = "fraud_warnings"

    lot: UUID = Field(primary_key=True)
    flagged_at: datetime = Field(sa_type=_TIME)
    until: datetime = Field(sa_type=_TIME)


class Payee(PayoutTable, table=True):
    """Where a creator's money goes."""

    __tablename__ = "payees"

    creator: str = Field(primary_key=True, sa_type=Text)
    provider: str = Field(sa_type=Text)
    destination: str = Field(sa_type=Text)
    changed_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)
    revision: int = Field(default=1, sa_type=BigInteger, sa_column_kwargs={"server_default": "1"})
    changed_by: str | None = Field(sa_type=Text)
    usable_at: datetime | None = Field(sa_type=_TIME)
    unreviewed: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})


class Quote(PayoutTable, table=True):
    """An offer of money for diamonds."""

    __tablename__ = "quotes"

    creator: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    diamonds: int = Field(sa_type=BigInteger)
    amount_minor: int = Field(sa_type=BigInteger)
    fee_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    rate_version: int = Field(sa_type=Integer)
    expires_at: datetime = Field(sa_type=_TIME)
    payout: UUID | None


class Payout(PayoutTable, table=True):
    """One payout; its own idempotency record."""

    __tablename__ = "payouts"

    creator: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    idempotency_key: str = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    quote: UUID
    diamonds: int = Field(sa_type=BigInteger)
    amount_minor: int = Field(sa_type=BigInteger)
    fee_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    rate_version: int = Field(sa_type=Integer)
    provider: str = Field(sa_type=Text)
    destination: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    version: int = Field(sa_type=Integer)
    requested_at: datetime = Field(sa_type=_TIME)
    correlation_id: str = Field(sa_type=Text)


class PayoutLoss(PayoutTable, table=True):
    """What a payout that was paid after it had failed cost the operator."""

    __tablename__ = "payout_losses"

    creator: str = Field(primary_key=True, sa_type=Text)
    payout: UUID = Field(primary_key=True)
    lost_diamonds: int = Field(sa_type=BigInteger)


class PayoutState(PayoutTable, table=True):
    """One step of one payout."""

    __tablename__ = "payout_states"

    creator: str = Field(primary_key=True, sa_type=Text)
    payout: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True, sa_type=Integer)
    state: str = Field(sa_type=Text)
    reason: str | None = Field(sa_type=Text)
    at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)


class Attempt(PayoutTable, table=True):
    """One try to send one payout."""

    __tablename__ = "attempts"

    creator: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    payout: UUID
    number: int = Field(sa_type=Integer)
    transfer: str | None = Field(sa_type=Text)
    closed: bool
    checks: int = Field(default=0, sa_type=Integer, sa_column_kwargs=_ZERO)
    next_check_at: datetime | None = Field(sa_type=_TIME)
    first_submitted_at: datetime | None = Field(sa_type=_TIME)
    unresolved_at: datetime | None = Field(sa_type=_TIME)
    answered_check: int = Field(default=0, sa_type=Integer, sa_column_kwargs=_ZERO)


class Contradiction(PayoutTable, table=True):
    """What a provider says of an attempt although it contradicts our state."""

    __tablename__ = "contradictions"

    creator: str = Field(primary_key=True, sa_type=Text)
    payout: UUID = Field(primary_key=True)
    attempt: UUID = Field(primary_key=True)
    state: str = Field(primary_key=True, sa_type=Text)
    status: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)


class WebhookEvent(PayoutTable, table=True):
    """A webhook of a provider, kept so that its repetition is known."""

    __tablename__ = "webhook_events"

    id: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger,
        sa_column_args=(Identity(always=True),),
    )
    provider: str = Field(sa_type=Text)
    webhook_id: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    attempt: UUID | None
    payload_hash: bytes = Field(sa_type=LargeBinary)
    received_at: datetime = Field(sa_type=_TIME, sa_column_kwargs=_NOW)


add_tables(
    PayoutTable,
    *(*LEDGER_TABLES, *SEAL_TABLES, *MAILBOX_TABLES),
    *(EventArchiveColumns, QuotaColumns),
)
