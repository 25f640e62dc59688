"""What PayPal says of payouts, read strictly: batches of one item, which is a transfer."""

from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, Field

from services.payout.domain.payouts import ProviderStatus
from services.payout.providers.answers import ON_HOLD, UNCLAIMED, Transfer
from shared.http.provider_client import ProviderUnavailable, printable
from shared.vendors.paypal import Money

Id: TypeAlias = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
# What can change an answer of `find`. That an item was reversed is told by none of PayPal's events:
# the next look at it finds that out.
EVENTS = (
    "PAYMENT.PAYOUTSBATCH.DENIED",
    "PAYMENT.PAYOUTSBATCH.PROCESSING",
    "PAYMENT.PAYOUTSBATCH.SUCCESS",
    "PAYMENT.PAYOUTS-ITEM.BLOCKED",
    "PAYMENT.PAYOUTS-ITEM.CANCELED",
    "PAYMENT.PAYOUTS-ITEM.DENIED",
    "PAYMENT.PAYOUTS-ITEM.FAILED",
    "PAYMENT.PAYOUTS-ITEM.HELD",
    "PAYMENT.PAYOUTS-ITEM.REFUNDED",
    "PAYMENT.PAYOUTS-ITEM.RETURNED",
    "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
    "PAYMENT.PAYOUTS-ITEM.UNCLAIMED",
)


class BatchStatus(StrEnum):
    DENIED = "DENIED"
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    CANCELED = "CANCELED"


class ItemStatus(StrEnum):
    """
    What PayPal calls the status of an item.

    An unclaimed one waits 30 days for its receiver, who has no account yet or did not confirm the
    address; then it is returned, and has reached nobody.
    """

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    PENDING = "PENDING"
    UNCLAIMED = "UNCLAIMED"
    RETURNED = "RETURNED"
    ONHOLD = "ONHOLD"
    BLOCKED = "BLOCKED"
    REFUNDED = "REFUNDED"
    REVERSED = "REVERSED"


_STATUSES = {
    ItemStatus.SUCCESS: ProviderStatus.PAID,
    ItemStatus.FAILED: ProviderStatus.FAILED,
    ItemStatus.PENDING: ProviderStatus.SUBMITTED,
    ItemStatus.UNCLAIMED: ProviderStatus.SUBMITTED,
    # It came back to us, and had reached nobody.
    ItemStatus.RETURNED: ProviderStatus.FAILED,
    ItemStatus.ONHOLD: ProviderStatus.SUBMITTED,
    ItemStatus.BLOCKED: ProviderStatus.FAILED,
    # The receiver had it.
    ItemStatus.REFUNDED: ProviderStatus.RETURNED,
    ItemStatus.REVERSED: ProviderStatus.RETURNED,
}
_REASONS = {
    ItemStatus.UNCLAIMED: UNCLAIMED,
    ItemStatus.RETURNED: UNCLAIMED,
    ItemStatus.ONHOLD: ON_HOLD,
    ItemStatus.BLOCKED: "blocked",
    ItemStatus.REFUNDED: "refunded",
    ItemStatus.REVERSED: "reversed",
}


class SenderHeader(BaseModel):
    sender_batch_id: str | None = None


class BatchHeader(BaseModel):
    payout_batch_id: Id
    batch_status: BatchStatus
    sender_batch_header: SenderHeader = SenderHeader()


class Created(BaseModel):
    """The answer to a new batch, before its items are looked at."""

    batch_header: BatchHeader


class Amount(BaseModel):
    """An amount as payouts write it, with another name for the currency than orders have."""

    currency: str
    value: str

    @property
    def minor(self) -> int:
        return Money(currency_code=self.currency, value=self.value).minor


class ItemDetail(BaseModel):
    amount: Amount
    sender_item_id: str | None = None


class Problem(BaseModel):
    name: str


class Item(BaseModel):
    transaction_status: ItemStatus | None = None
    payout_item: ItemDetail
    errors: Problem | None = None


class Batch(BaseModel):
    """A batch of one item, as it is now; before PayPal has looked at it, it has none."""

    batch_header: BatchHeader
    items: tuple[Item, ...] = ()

    def transfer(self) -> Transfer:
        """Raise `ProviderUnavailable` if it cannot be a batch of ours."""
        if len(self.items) > 1:
            raise ProviderUnavailable(f"{self.batch_header.payout_batch_id} has several items")
        header, item = self.batch_header, self.items[0] if self.items else None
        known = item.transaction_status if item else None
        detail = item.payout_item if item else None
        return Transfer(
            id=header.payout_batch_id,
            status=_status(header.batch_status, known),
            reason=_reason(header.batch_status, item),
            reference=header.sender_batch_header.sender_batch_id,
            amount_minor=detail.amount.minor if detail else None,
            currency=detail.amount.currency if detail else None,
        )


class Event(BaseModel):
    """A webhook event: what happened, and the object that it happened to."""

    id: Id
    event_type: Annotated[str, Field(max_length=128, pattern=r"^[\x21-\x7e]+$")]
    resource: dict[str, Any] = {}

    @property
    def attempt(self) -> object:
        """Our id of the batch: an item has it itself, a batch in its header."""
        header = self.resource.get("batch_header")
        sender = header.get("sender_batch_header") if isinstance(header, dict) else None
        about = sender if isinstance(sender, dict) else self.resource
        return about.get("sender_batch_id")


def _status(batch: BatchStatus, item: ItemStatus | None) -> ProviderStatus:
    """A batch that was denied or cancelled has no item that was paid."""
    if item is not None:
        return _STATUSES[item]
    is_over = batch in (BatchStatus.DENIED, BatchStatus.CANCELED)
    return ProviderStatus.FAILED if is_over else ProviderStatus.SUBMITTED


def _reason(batch: BatchStatus, item: Item | None) -> str | None:
    if item is None or item.transaction_status is None:
        return "denied" if batch in (BatchStatus.DENIED, BatchStatus.CANCELED) else None
    if item.transaction_status is ItemStatus.FAILED and item.errors is not None:
        return _named(item.errors.name)
    return _REASONS.get(item.transaction_status)


def _named(issue: str) -> str:
    """Write a word of PayPal's as our reasons are: RECEIVER_UNREGISTERED, receiver-unregistered."""
    return printable(issue.encode("ascii", "ignore").decode().lower().replace("_", "-"))
