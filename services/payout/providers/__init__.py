"""Payment providers: what the service asks of one, and which there are."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias
from uuid import UUID

from services.payout.domain.transfers import WebhookEvent
from services.payout.providers import sandbox
from services.payout.providers.answers import FoundTransfer, Transfer
from services.payout.settings import Settings
from shared.http.provider_client import ProviderRejected, ProviderUnavailable

__all__ = [
    "PROVIDERS",
    "FoundTransfer",
    "Provider",
    "ProviderRejected",
    "ProviderUnavailable",
    "Providers",
    "Transfer",
]


class Provider(Protocol):
    """
    A provider that transfers money to payees.

    Calls raise `ProviderUnavailable` if there is no usable answer: what happened is unknown then.
    """

    name: str
    # For how long the provider remembers the key of a submitted attempt.
    idempotency_seconds: float

    async def submit(
        self, attempt: UUID, *, amount_minor: int, currency: str, destination: str
    ) -> Transfer:
        """
        Order a transfer, or return the one ordered under this attempt before.

        Raises `ProviderRejected` for a documented, final no.
        """

    async def find(self, attempt: UUID) -> FoundTransfer | None:
        """Return what the provider knows of an attempt, or None if it knows nothing."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """Read a webhook; raises `BadSignature` unless the provider signed it minutes ago."""

    async def close(self) -> None:
        """Close connections."""


# By the name in the column `provider` of payouts. The first is for new payees.
Providers: TypeAlias = Mapping[str, Provider]
PROVIDERS: Mapping[str, Callable[[Settings], Provider]] = {"sandbox": sandbox.build}
