"""
Payment providers: what the service asks of one, and which there are.

Errors are two. `ProviderUnavailable`: no usable answer, what happened is unknown.
`ProviderRejected`: a documented, final no. An unknown answer is never a rejection.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias
from uuid import UUID

from services.purchase.domain.purchases import AcceptedRefund, Payment, Purchase, WebhookEvent
from services.purchase.providers import sandbox
from services.purchase.settings import Settings
from shared.http.provider_client import ProviderRejected, ProviderUnavailable

__all__ = ["Provider", "ProviderRejected", "ProviderUnavailable", "Providers", "build_providers"]


class Provider(Protocol):
    """A payment provider; `name` is in its webhook address and in `Purchase.provider`."""

    @property
    def name(self) -> str: ...

    async def create(self, purchase: Purchase) -> Payment:
        """Create a payment: idempotent under the purchase's id as long as it can be paid."""

    async def read(self, payment: str) -> Payment | None:
        """Return a payment as it is now, or None if the provider does not know it."""

    async def find(self, purchase: UUID) -> Payment | None:
        """Return the payment with our reference; a successful one before others."""

    async def cancel(self, payment: Payment) -> Payment:
        """Cancel a payment; if that comes too late, return what became of it instead."""

    async def refund(self, payment: str, refund: UUID, *, amount_minor: int) -> AcceptedRefund:
        """Give money back: idempotent under the refund's id."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """Read a webhook; raise `BadSignature` unless the provider signed it just now."""

    async def close(self) -> None: ...


Providers: TypeAlias = Mapping[str, Provider]

# A new provider is a file beside this one, and a line here.
BUILDERS: Mapping[str, Callable[[Settings], Provider]] = {
    "sandbox": sandbox.build,
}


def build_providers(settings: Settings) -> dict[str, Provider]:
    """Build the providers of an installation; the first takes the new purchases."""
    return {name: BUILDERS[name](settings) for name in settings.providers}
