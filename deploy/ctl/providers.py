"""
The accounts at providers: what they say of themselves, and the webhooks that they send us.

Only the secrets of providers are read and written: the folders `purchase_providers` and
`payout_providers`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deploy.config.secret_files import make_providers_folder, store_provider_secret
from services.payout.providers import accounts as payout_accounts
from services.payout.providers import installed as payout
from services.purchase.providers import accounts as purchase_accounts
from services.purchase.providers import installed as purchase
from shared.http.provider_client import ProviderRejected, ProviderUnavailable
from shared.vendors.accounts import (
    Account,
    AccountReport,
    CreatedWebhook,
    WebhookAccount,
    build_account,
)
from shared.vendors.installations import Installation, Section, read_sections


class NoSuchProvider(LookupError):
    """The files list no provider of this name, or one in each."""


class NotWritable(PermissionError):
    """The secret could not be stored, so the webhook was not created."""


class NoWebhooks(LookupError):
    """Webhooks of this provider are created by hand, at the vendor."""


class Closes(Protocol):
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Use:
    """What a service asks providers for: the end of their webhooks' address, and its kinds."""

    webhooks: str
    build: Callable[[str, Installation], Closes]
    accounts: Mapping[str, str]


USES: Mapping[str, Use] = {
    purchase.SERVICE: Use("payments", purchase.build_provider, purchase_accounts.ACCOUNTS),
    payout.SERVICE: Use("transfers", payout.build_provider, payout_accounts.ACCOUNTS),
}


@dataclass(frozen=True, slots=True)
class Setup:
    """
    An installation, as far as its providers need it.

    `files` list them, by service; `secrets` is the folder of all secrets, `public_url` is the
    gateway's address, and `is_live` says whether real money moves.
    """

    files: Mapping[str, Path]
    secrets: Path
    public_url: str
    is_live: bool

    def webhook_url(self, section: Section) -> str:
        """Return where a provider has to send its webhooks."""
        end = USES[section.service].webhooks
        return f"{self.public_url.rstrip('/')}/v1/webhooks/{section.name}/{end}"

    def sections(self, name: str | None = None) -> Sequence[Section]:
        """Return what the files list: all of it, or the providers of a name."""
        listed = [
            section
            for service, file in self.files.items()
            for section in read_sections(file, service)
        ]
        found = [each for each in listed if name in (None, each.name)]
        if not found:
            raise NoSuchProvider(f"{name} is none of {', '.join(each.name for each in listed)}")
        return found

    def section(self, name: str) -> Section:
        """Return the one provider of a name."""
        found = self.sections(name)
        if len(found) > 1:
            services = " and of ".join(each.service for each in found)
            raise NoSuchProvider(f"{name} is a provider of {services}: add --service")
        return found[0]

    def installation(self, section: Section) -> Installation:
        return section.installation(
            return_url=f"{self.public_url}/paid", is_live=self.is_live, folder=self.secrets
        )


async def check(setup: Setup, section: Section) -> AccountReport:
    """Ask one provider about its account; what stands in the way is a problem, never an error."""
    try:
        installation = setup.installation(section)
        account = _account_of(section, installation)
    except (AssertionError, ImportError, LookupError, OSError, ValueError) as error:
        return _unknown(f"its account cannot be asked: {error}")
    if account is None:
        return _unknown(f"providers of the kind {section.kind} cannot be asked")
    try:
        report = await account.check(setup.webhook_url(section))
    except (ProviderUnavailable, ProviderRejected) as error:
        return _unknown(f"no usable answer: {error}")
    finally:
        await account.close()
    problem = await _start_problem(section, installation)
    return report if problem is None else _with_problem(report, problem)


async def create_webhook(setup: Setup, section: Section, *, is_replaced: bool) -> CreatedWebhook:
    """
    Create the webhook of a provider and store its secret; what it supersedes goes last.

    Run again it changes nothing. If it ends before the secret is stored, the vendor has a webhook
    whose secret is lost; then another one replaces it.
    """
    place = make_providers_folder(setup.secrets, section.service)
    if not os.access(place, os.W_OK):
        raise NotWritable(f"{place} cannot be written: run this as its owner (OVATION_OPERATOR)")
    installation = setup.installation(section)
    account = _account_of(section, installation)
    if not isinstance(account, WebhookAccount):
        if account is not None:
            await account.close()
        raise NoWebhooks(f"webhooks of {section.name} are created by hand, at the vendor")
    try:
        created = await account.create_webhook(
            setup.webhook_url(section),
            is_known=installation.has_secret(account.webhook_secret),
            is_replaced=is_replaced,
        )
        if created.value is not None:
            store_provider_secret(
                setup.secrets,
                installation.secret_name(created.secret),
                created.value,
                keeps_before=created.keeps_before,
            )
        for superseded in created.superseded:
            await account.delete_webhook(superseded)
    finally:
        await account.close()
    return created


def _account_of(section: Section, installation: Installation) -> Account | None:
    return build_account(section.kind, installation, USES[section.service].accounts)


async def _start_problem(section: Section, installation: Installation) -> str | None:
    """Return why the service would not start with this provider."""
    try:
        provider = USES[section.service].build(section.kind, installation)
    except (AssertionError, ImportError, LookupError, OSError, ValueError) as error:
        return f"{section.service} would not start: {error}"
    await provider.close()
    return None


def _unknown(problem: str) -> AccountReport:
    return AccountReport("unknown", "unknown", "unknown", problems=(problem,))


def _with_problem(report: AccountReport, problem: str) -> AccountReport:
    return AccountReport(
        report.account,
        report.environment,
        report.webhook,
        report.clock_ahead_seconds,
        (*report.problems, problem),
    )
