"""
Payment providers: what the service asks of one.

Errors are two. `ProviderUnavailable`: no usable answer, what happened is unknown; the same attempt
may be submitted again, for as long as the provider remembers its key. `ProviderRejected`: a
documented, final no. An unknown answer is never a rejection. `NotFunded` says a little more than
the first: nothing was done, because our own account is short of money.
"""

from collections.abc import Mapping
from typing import Protocol, TypeAlias, runtime_checkable
from uuid import UUID

from services.payout.domain.payees import AccountStatus, DestinationKind, OnboardingLink
from services.payout.domain.transfers import WebhookEvent
from services.payout.providers.answers import FoundTransfer, NotFunded, Transfer
from shared.http.provider_client import ProviderRejected, ProviderUnavailable

__all__ = [
    "AccountStatus",
    "DestinationKind",
    "FoundTransfer",
    "NotFunded",
    "Onboarding",
    "OnboardingLink",
    "Provider",
    "ProviderRejected",
    "ProviderUnavailable",
    "Providers",
    "Transfer",
]


class Provider(Protocol):
    """
    A provider that transfers money to payees.

    `name` is what the installation calls it: it is in the address of its webhooks and in the
    column `provider` of payouts, for ever. `idempotency_seconds` is for how long it remembers an
    attempt: submitted again later, it would be paid twice. `destination_kind` is what creators name
    as the place their money goes to.
    """

    @property
    def name(self) -> str: ...

    @property
    def destination_kind(self) -> DestinationKind: ...

    @property
    def idempotency_seconds(self) -> float: ...

    async def submit(
        self, attempt: UUID, *, amount_minor: int, currency: str, destination: str
    ) -> Transfer:
        """
        Order a transfer, or return the one ordered under this attempt before.

        Raises `ProviderRejected` for a documented, final no, and `NotFunded`.
        """

    async def find(self, attempt: UUID, *, transfer: str | None) -> FoundTransfer | None:
        """
        Return what the provider knows of an attempt now; `transfer` is its id there, once known.

        None if it knows nothing of it, or cannot look for it: then it is submitted again, which
        moves money once.
        """

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """Read a webhook; raise `BadSignature` unless the provider signed it minutes ago."""

    async def close(self) -> None:
        """Close connections."""


@runtime_checkable
class Onboarding(Provider, Protocol):
    """
    A provider that creates an account for a creator, and whose page asks for what it needs.

    Calls raise `ProviderUnavailable` and `ProviderRejected` as those of transfers do. Its webhooks
    about an account name its destination in `WebhookEvent.account`; the account is read after.
    """

    async def create_account(self, account: UUID, *, country: str, currency: str) -> str:
        """Create an account, or return the one created under this id before: its destination."""

    async def create_link(
        self, destination: str, *, return_url: str, refresh_url: str
    ) -> OnboardingLink:
        """
        Return the address of the provider's page, to which the creator is sent now.

        The page leads to `return_url` at its end, and to `refresh_url` if the link is over.
        """

    async def read_account(self, destination: str) -> AccountStatus:
        """Return what the provider says of an account now."""


# By the name in the column `provider` of payouts.
Providers: TypeAlias = Mapping[str, Provider]
