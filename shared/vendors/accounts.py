"""
What an operator asks of a provider's account: which one it is, where its webhooks go, its clock.

No service asks that: `ovationctl providers` does, with the secrets that the service has. A kind of
one's own (`acme.razorpay:build`) has this if its module has a function `build_account`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import Protocol, runtime_checkable

from shared.vendors.installations import Installation

# Signatures are good for five minutes: a clock that is further off will soon be too far.
SKEW_SECONDS_MAX = 60


class WebhookExists(Exception):
    """There is a webhook for this address that cannot be used as it is; the message says why."""


@dataclass(frozen=True, slots=True)
class AccountReport:
    """
    What a vendor says about the account that our keys are of.

    `webhook` says in words where it sends webhooks. `clock_ahead_seconds` is by how much the
    vendor's clock is before ours; None if it does not say. `problems` are what has to be changed.
    """

    account: str
    environment: str
    webhook: str
    clock_ahead_seconds: int | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CreatedWebhook:
    """
    The webhook that sends to our address.

    `value` belongs into the file of the secret called `secret`; None if it says nothing new.
    With `keeps_before` the value before it stays good beside it. `superseded` are webhooks of the
    same address that can be deleted once the value is stored.
    """

    id: str
    secret: str
    value: str | None
    is_new: bool = False
    keeps_before: bool = False
    superseded: tuple[str, ...] = ()


class Account(Protocol):
    """An account at a vendor."""

    async def check(self, webhook_url: str) -> AccountReport:
        """
        Ask who we are, and about the webhook that should send to this address.

        Raise `ProviderUnavailable` without an answer, and if the keys are refused.
        """

    async def close(self) -> None: ...


@runtime_checkable
class WebhookAccount(Account, Protocol):
    """An account at a vendor that creates webhooks for those who ask."""

    @property
    def webhook_secret(self) -> str:
        """Name the secret that comes with a webhook."""

    async def create_webhook(
        self, webhook_url: str, *, is_known: bool, is_replaced: bool
    ) -> CreatedWebhook:
        """
        Create the webhook of an address with the events we read, or bring it to them.

        `is_known` says whether we have the secret of the one that may be there. `is_replaced` is
        the wish for another one. Raise `WebhookExists` if only another one would do.
        """

    async def delete_webhook(self, webhook: str) -> None: ...


def build_account(
    kind: str, installation: Installation, accounts: Mapping[str, str]
) -> Account | None:
    """Build the account of a provider; None if its kind has none. `accounts` has those we know."""
    module, _, name = accounts.get(kind, kind).partition(":")
    if kind not in accounts:
        name = "build_account"
    build = getattr(import_module(module), name, None)
    made: Account | None = build(installation) if build is not None else None
    return made


def clock_ahead(headers: Mapping[str, str], asked_at: datetime) -> int | None:
    """Return by how many seconds the clock behind an answer is before ours."""
    try:
        theirs = parsedate_to_datetime(headers["Date"])
        now = datetime.now(UTC)
        return round((theirs - (asked_at + (now - asked_at) / 2)).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


def clock_problems(seconds: int | None) -> tuple[str, ...]:
    """Say that the clocks differ by too much, if they do."""
    if seconds is None or abs(seconds) <= SKEW_SECONDS_MAX:
        return ()
    return (f"the clocks differ by {abs(seconds)} s: set this machine's clock",)
