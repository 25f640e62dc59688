"""Purchases, what was promised with them, and whom they are kept from."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field

from services.purchase.tables.base import DUE, ZERO, PurchaseTable

_PROMOTED = text("promo_coins > 0")


class Campaign(PurchaseTable, table=True):
    """A promo code with its coins and its budget."""

    __tablename__ = "campaigns"
    __table_args__ = (UniqueConstraint("code", name="one_campaign_a_code"),)

    name: str = Field(primary_key=True, sa_type=Text)
    code: str = Field(sa_type=Text)
    coins: int = Field(sa_type=BigInteger)
    coins_min: int = Field(sa_type=BigInteger)
    budget_coins: int = Field(sa_type=BigInteger)
    promised_coins: int = Field(sa_type=BigInteger, sa_column_kwargs=ZERO)
    coins_days: int
    valid_from: datetime = Field(sa_type=DateTime(timezone=True))
    valid_until: datetime = Field(sa_type=DateTime(timezone=True))
    countries: list[str] = Field(sa_type=ARRAY(Text))


class CampaignPromise(PurchaseTable, table=True):
    """What a budget has promised to a purchase; kept for ever once that is paid."""

    __tablename__ = "campaign_promises"
    __table_args__ = (
        ForeignKeyConstraint(["campaign"], ["campaigns.name"]),
        Index("campaign_promises_due", "next_check_at", postgresql_where=DUE),
        Index("campaign_promises_by_campaign", "campaign"),
    )

    id: UUID = Field(primary_key=True)
    campaign: str = Field(sa_type=Text)
    viewer: str = Field(sa_type=Text)
    purchase: UUID
    coins: int = Field(sa_type=BigInteger)
    promised_at: datetime = Field(sa_type=DateTime(timezone=True))
    next_check_at: datetime | None = Field(sa_type=DateTime(timezone=True))


class Purchase(PurchaseTable, table=True):
    """A viewer's order for coins, and what has become of it."""

    __tablename__ = "purchases"
    __table_args__ = (
        UniqueConstraint("viewer", "idempotency_key", name="one_purchase_a_key"),
        Index("purchases_by_id", "id"),
        Index("purchases_by_time", "viewer", "created_at", "id"),
        Index("purchases_due", "next_check_at", postgresql_where=DUE),
        Index(
            "purchases_watched",
            "provider",
            "watch_at",
            postgresql_where=text("watch_at IS NOT NULL"),
        ),
        Index("purchases_by_campaign", "campaign", postgresql_where=_PROMOTED),
        Index(
            "one_promotion",
            "viewer",
            "campaign",
            unique=True,
            postgresql_where=_PROMOTED,
        ),
        Index(
            "one_first_purchase",
            "viewer",
            unique=True,
            postgresql_where=text("first_purchase_coins > 0"),
        ),
    )

    viewer: str = Field(primary_key=True, sa_type=Text)
    id: UUID = Field(primary_key=True)
    idempotency_key: str = Field(sa_type=Text)
    request_hash: bytes = Field(sa_type=LargeBinary)
    package: str = Field(sa_type=Text)
    coins: int = Field(sa_type=BigInteger)
    bonus_coins: int = Field(sa_type=BigInteger)
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    country: str | None = Field(sa_type=Text)
    provider: str = Field(sa_type=Text)
    correlation_id: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    payment: str | None = Field(sa_type=Text)
    next_action_url: str | None = Field(sa_type=Text)
    late: bool
    version: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    paid_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    payment_fingerprint: str | None = Field(sa_type=Text)
    credited_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    tax_country: str | None = Field(sa_type=Text)
    tax_kind: str | None = Field(sa_type=Text)
    tax_rate_bp: int | None
    tax_minor: int = Field(sa_type=BigInteger)
    tax_payer: str | None = Field(sa_type=Text)
    withdrawn_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    product: str | None = Field(sa_type=Text)
    consumption_consent: bool
    withdrawal_days: int | None = Field(sa_type=SmallInteger)
    first_purchase_coins: int = Field(sa_type=BigInteger, sa_column_kwargs=ZERO)
    promo_coins: int = Field(sa_type=BigInteger, sa_column_kwargs=ZERO)
    promo_days: int = Field(sa_column_kwargs=ZERO)
    campaign: str | None = Field(sa_type=Text)
    promise: UUID | None
    ip_country: str | None = Field(sa_type=Text)
    # What its price counts as in the currency of the purchase rules.
    counted_minor: int = Field(sa_type=BigInteger, sa_column_kwargs=ZERO)
    next_check_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    checks: int
    watch_at: datetime | None = Field(sa_type=DateTime(timezone=True))


class Exclusion(PurchaseTable, table=True):
    """A viewer's self-exclusion from buying."""

    __tablename__ = "exclusions"

    viewer: str = Field(primary_key=True, sa_type=Text)
    exclusion: UUID = Field(primary_key=True)
    until: datetime = Field(sa_type=DateTime(timezone=True))
    ended: bool
