"""
Payment providers: what the service asks of one, and which there are.

Errors are two. `ProviderUnavailable`: no usable answer, what happened is unknown; the same call
under the same key may follow, for as long as the provider remembers keys. `ProviderRejected`: a
documented, final no. An unknown answer is never a rejection.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias, runtime_checkable
from uuid import UUID

from services.purchase.domain.purchases import AcceptedRefund, Payment, Purchase, WebhookEvent
from shared.http.provider_client import ProviderRejected, ProviderUnavailable

__all__ = [
    "Backfills",
    "Captures",
    "Consumption",
    "Payments",
    "ProviderRejected",
    "ProviderUnavailable",
    "Providers",
    "Redirects",
    "Stores",
]


class Payments(Protocol):
    """
    A provider of payments, of any kind.

    `name` is what the installation calls it: it is in the address of its webhooks and in
    `Purchase.provider`, for ever. `remembers_keys_for` is how long a repeated request under the
    same key is the same request; later it would be done twice. `webhook_headers` are the names, in
    lower case, of the headers that belong to a webhook and are kept with it: no credentials.
    """

    @property
    def name(self) -> str: ...

    @property
    def remembers_keys_for(self) -> timedelta: ...

    @property
    def webhook_headers(self) -> Sequence[str]: ...

    async def read(self, payment: str) -> Payment | None:
        """
        Return a payment as it is now, or None if the provider does not know it.

        `payment` is its id, or any of its names. With it come its refunds, disputes, warnings and
        names.
        """

    async def refund(self, payment: str, refund: UUID, *, amount_minor: int) -> AcceptedRefund:
        """Give money back: idempotent under the refund's id."""

    async def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> Sequence[WebhookEvent]:
        """Read a webhook; raise `BadSignature` unless the provider signed it just now."""

    async def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[WebhookEvent]:
        """Read a webhook that was verified when it came; it may be old by now."""

    async def close(self) -> None: ...


@runtime_checkable
class Backfills(Payments, Protocol):
    """
    A provider that lists the webhook events it sent, or those that it could not deliver.

    `lists_events_for` is how long it does so.
    """

    @property
    def lists_events_for(self) -> timedelta: ...

    def missed(self, since: datetime, until: datetime) -> AsyncIterator[WebhookEvent]:
        """
        Yield the events between two times that may not have arrived here.

        They have the ids they arrive under, where the provider lists those.
        """


@runtime_checkable
class Redirects(Payments, Protocol):
    """A provider with a page of its own, to which the viewer is sent."""

    async def create(self, purchase: Purchase) -> Payment:
        """Create a payment: idempotent under the purchase's id as long as it can be paid."""

    async def find(self, purchase: Purchase) -> Payment | None:
        """Return the payment with our reference; a successful one before others."""

    async def cancel(self, payment: Payment) -> Payment:
        """Cancel a payment; if that comes too late, return what became of it instead."""


@runtime_checkable
class Captures(Redirects, Protocol):
    """A provider at whose page the viewer agrees to pay, and which moves money on our word."""

    async def capture(self, payment: Payment) -> Payment:
        """Take the money of an approved payment, once; return what became of it."""


@dataclass(frozen=True, slots=True)
class Consumption:
    """
    How much of what a payment bought is used up, for a store that decides about a refund.

    `used_coins` of `coins` were spent or given away. The buyer may have consented to telling the
    store (`is_consented`): without that nothing is told.
    """

    coins: int
    used_coins: int
    is_consented: bool
    is_delivered: bool


@runtime_checkable
class Stores(Payments, Protocol):
    """An app's store: the app buys there, and brings us what the store gave it."""

    async def claim(self, purchase: Purchase, token: str) -> Payment:
        """
        Return the payment that a store's token is of; raise `TokenRefused` if it is of none.

        The token is a signed transaction of Apple, or a purchase token of Google.
        """

    async def accept(self, payment: str) -> None:
        """
        Tell the store that the coins are there; it may be told any number of times.

        It is rejected only if the payment is the store's no more: it went back meanwhile.
        """

    async def answer(self, payment: str, question: str, consumption: Consumption) -> None:
        """
        Answer the store's question before it refunds a payment.

        `question` is the id of the webhook event that asked.
        """


Providers: TypeAlias = Mapping[str, Payments]
