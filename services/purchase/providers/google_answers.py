"""What Google Play answers and pushes, read strictly: an answer that cannot be read is none."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from services.purchase.providers import ProviderUnavailable
from services.purchase.providers.answers import country_in
from shared.money import is_currency, minor_units_in

NANOS = 1_000_000_000
_CONSUMED = "CONSUMPTION_STATE_CONSUMED"


class PurchaseState(StrEnum):
    """How far a purchase is, in Google's words."""

    PURCHASED = "PURCHASED"
    CANCELLED = "CANCELLED"  # never paid, or taken back
    PENDING = "PENDING"  # the buyer has yet to pay, in cash for example


class OrderState(StrEnum):
    """How far an order is, in Google's words."""

    PENDING = "PENDING"
    PROCESSED = "PROCESSED"
    CANCELED = "CANCELED"
    PENDING_REFUND = "PENDING_REFUND"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"


class _Camel(BaseModel):
    """What Google writes in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)


class Money(_Camel):
    """An amount: whole units, and billionths of one; what is zero is left out."""

    currency_code: str
    units: int = 0
    nanos: int = 0

    def minor(self) -> int:
        """Return minor units; an amount that has none is no usable answer."""
        if not is_currency(self.currency_code):
            raise ProviderUnavailable(f"{self.currency_code} is no currency")
        nanos = self.units * NANOS + self.nanos
        minor, rest = divmod(nanos * minor_units_in(self.currency_code), NANOS)
        if rest:
            raise ProviderUnavailable(f"{nanos} billionths are no amount of {self.currency_code}")
        return minor


class _Offer(_Camel):
    quantity: int = 1
    consumption_state: str | None = None


class _LineItem(_Camel):
    product_id: str
    product_offer_details: _Offer = _Offer()


class _StateContext(_Camel):
    purchase_state: PurchaseState


class Product(_Camel):
    """A purchase: what was bought, for whom, and how far it is. It has no price."""

    product_line_item: Annotated[list[_LineItem], Field(min_length=1)]
    purchase_state_context: _StateContext
    order_id: str | None = None
    purchase_completion_time: datetime | None = None
    obfuscated_external_account_id: str | None = None
    test_purchase_context: dict[str, object] | None = None

    @property
    def state(self) -> PurchaseState:
        return self.purchase_state_context.purchase_state

    @property
    def product(self) -> str:
        """What was bought; nothing we know, if it is several things."""
        return self.product_line_item[0].product_id if len(self.product_line_item) == 1 else ""

    @property
    def quantity(self) -> int:
        return self.product_line_item[0].product_offer_details.quantity

    @property
    def is_consumed(self) -> bool:
        return self.product_line_item[0].product_offer_details.consumption_state == _CONSUMED


class _RefundDetails(_Camel):
    total: Money


class _PartialRefund(_Camel):
    state: str
    refund_details: _RefundDetails


class _History(_Camel):
    partial_refund_events: list[_PartialRefund] = []


class _Address(_Camel):
    buyer_country: str | None = None


class Order(_Camel):
    """What a purchase cost, and what of it went back."""

    order_id: str
    purchase_token: str
    state: OrderState
    total: Money
    developer_revenue_in_buyer_currency: Money | None = None
    order_history: _History = _History()
    buyer_address: _Address = _Address()

    @property
    def country(self) -> str | None:
        return country_in(self.buyer_address.buyer_country)

    @property
    def is_paid(self) -> bool:
        return self.state not in (OrderState.PENDING, OrderState.CANCELED)

    def refunded_minor(self) -> int:
        if self.state is OrderState.REFUNDED:
            return self.total.minor()
        return sum(
            each.refund_details.total.minor()
            for each in self.order_history.partial_refund_events
            if each.state == "PROCESSED_SUCCESSFULLY"
        )

    def kept_minor(self) -> int:
        """Return what Google keeps of the price before refunds: its fee, and tax that it pays."""
        revenue, total = self.developer_revenue_in_buyer_currency, self.total
        if revenue is None or revenue.currency_code != total.currency_code:
            return 0
        return max(total.minor() - revenue.minor(), 0)


class AccessToken(BaseModel):
    """What lets us ask for some time."""

    access_token: str
    expires_in: int


class Voided(_Camel):
    """A purchase that was taken back."""

    order_id: str
    purchase_token: str
    voided_time_millis: int


class _Pagination(_Camel):
    next_page_token: str | None = None


class VoidedPage(_Camel):
    """A page of the purchases that were taken back."""

    voided_purchases: list[Voided] = []
    token_pagination: _Pagination = _Pagination()


class _Message(_Camel):
    data: str
    message_id: Annotated[str, Field(min_length=1, max_length=128)]


class Push(_Camel):
    """A message of Pub/Sub."""

    message: _Message


class _About(_Camel):
    purchase_token: str | None = None
    order_id: str | None = None
    obfuscated_account_id: str | None = None
    pending_refund_token: str | None = None


class PlayEvent(_Camel):
    """What Google Play says in a message: which kind of thing happened to which purchase."""

    package_name: str
    one_time: Annotated[_About | None, Field(alias="oneTimeProductNotification")] = None
    voided: Annotated[_About | None, Field(alias="voidedPurchaseNotification")] = None
    review: Annotated[_About | None, Field(alias="pendingRefundReviewNotification")] = None

    def about(self) -> tuple[str, _About]:
        if self.one_time is not None:
            return "one_time_product", self.one_time
        if self.voided is not None:
            return "voided_purchase", self.voided
        return "other", _About()
