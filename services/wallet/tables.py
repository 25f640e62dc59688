"""The shape of what the wallet remembers. Only store.py reads this file."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.ledger.tables import (
    AccountColumns,
    AdjustmentColumns,
    AuditColumns,
    MovementColumns,
    OutcomeColumns,
    PostingColumns,
    SealColumns,
    UnsealedColumns,
)
from shared.messaging.tables import InboxColumns, OutboxBlockedColumns, OutboxColumns


class WalletTable(SQLModel, registry=registry()):
    """Keeps this service's tables out of every other service's metadata."""


class Account(AccountColumns, WalletTable, table=True):
    __tablename__ = "accounts"


class Movement(MovementColumns, WalletTable, table=True):
    __tablename__ = "movements"


class Posting(PostingColumns, WalletTable, table=True):
    __tablename__ = "postings"


class Outcome(OutcomeColumns, WalletTable, table=True):
    __tablename__ = "outcomes"


class Unsealed(UnsealedColumns, WalletTable, table=True):
    __tablename__ = "unsealed"


class Seal(SealColumns, WalletTable, table=True):
    __tablename__ = "seals"


class Audit(AuditColumns, WalletTable, table=True):
    __tablename__ = "audit"


class Adjustment(AdjustmentColumns, WalletTable, table=True):
    __tablename__ = "adjustments"


class Lot(WalletTable, table=True):
    """Coins that came together, and what is left of them."""

    __tablename__ = "lots"

    user_id: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    purchase: UUID
    kind: str = Field(sa_type=Text)
    coins: int = Field(sa_type=BigInteger)
    remaining: int = Field(sa_type=BigInteger)
    frozen: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    open: bool
    price_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    country: str | None = Field(sa_type=Text)
    diamond_rate_bp: int = Field(sa_type=Integer)
    funded_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    recorded_at: datetime = Field(
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": text("clock_timestamp()")},
    )


class Slice(WalletTable, table=True):
    """Coins of one lot that paid for one gift."""

    __tablename__ = "slices"

    user_id: str = Field(primary_key=True, sa_type=Text)
    gift: UUID = Field(primary_key=True)
    lot: UUID = Field(primary_key=True)
    coins: int = Field(sa_type=BigInteger)
    movement: int = Field(sa_type=BigInteger)


class Outbox(OutboxColumns, WalletTable, table=True):
    __tablename__ = "outbox"


class OutboxBlocked(OutboxBlockedColumns, WalletTable, table=True):
    __tablename__ = "outbox_blocked"


class Inbox(InboxColumns, WalletTable, table=True):
    __tablename__ = "inbox"
