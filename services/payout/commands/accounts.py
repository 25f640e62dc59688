"""Accounts of payees at a provider: opened by onboarding, and read until nothing is missing."""

import asyncio
from dataclasses import replace
from uuid import uuid5

import structlog

from services.payout.commands.payees import set_payee
from services.payout.domain.payees import (
    AccountRefused,
    AccountStatus,
    CountryMissing,
    OnboardingLink,
    OnboardingUnavailable,
    Payee,
    PayeeRequest,
    TaxForm,
    Verification,
)
from services.payout.domain.rates import Rules
from services.payout.providers import (
    Onboarding,
    ProviderRejected,
    Providers,
    ProviderUnavailable,
)
from services.payout.store import accounts, payees
from services.payout.store.accounts import Account
from shared.contracts.base import NAMESPACE
from shared.postgres.database import Part
from shared.quotas import store as quotas

log = structlog.get_logger()

ACCOUNTS_MAX = 50
CONCURRENT_MAX = 5


async def onboard_payee(
    part: Part,
    provider: Onboarding,
    wanted: PayeeRequest,
    *,
    residence: str | None,
    return_url: str,
    rules: Rules,
) -> OnboardingLink:
    """
    Make an account of the provider the creator's payee, and return a link to the provider's page.

    Asking again is asking for another link to the same account, unless another country is named.
    Without a country a new account is of `residence`. The provider is called outside transactions.
    """
    async with part.transaction() as tx:
        await quotas.use(tx, wanted.creator, rules.onboarding_links)
        known = await payees.find(tx, wanted.creator, wanted.currency)
        if known is None or not _is_of(known, wanted):
            wanted = _new_account(wanted, residence)
        else:
            wanted = replace(wanted, account=known.account, destination=known.destination)
    try:
        if not wanted.destination:
            wanted = replace(wanted, destination=await _create_account(provider, wanted))
        async with part.transaction() as tx:
            await set_payee(tx, wanted, rules=rules)
        return await provider.create_link(
            wanted.destination, return_url=return_url, refresh_url=return_url
        )
    except ProviderUnavailable as error:
        log.warning("onboarding.unanswered", creator=wanted.creator, error=str(error)[:200])
        raise OnboardingUnavailable from error
    except ProviderRejected as refused:
        log.warning("onboarding.refused", creator=wanted.creator, reason=refused.reason)
        raise AccountRefused(reason=refused.reason) from refused


def _is_of(payee: Payee, wanted: PayeeRequest) -> bool:
    """Whether a payee is an account that onboarding created, of the wanted provider and country."""
    return (
        payee.account is not None
        and payee.provider == wanted.provider
        and wanted.country in (None, payee.country)
    )


def _new_account(wanted: PayeeRequest, residence: str | None) -> PayeeRequest:
    """
    Return the request with the id of its account, and the country it is of for ever.

    The id follows from what is asked, so an account that was created before a crash is found again.
    """
    country = wanted.country or residence
    if country is None:
        raise CountryMissing
    parts = ("payee-account", wanted.creator, wanted.currency, wanted.provider, country)
    return replace(wanted, country=country, account=uuid5(NAMESPACE, "\n".join(parts)))


async def _create_account(provider: Onboarding, wanted: PayeeRequest) -> str:
    assert wanted.account is not None
    assert wanted.country is not None
    return await provider.create_account(
        wanted.account, country=wanted.country, currency=wanted.currency
    )


async def refresh_payees(part: Part, providers: Providers) -> bool:
    """Read the accounts that are due; return whether there may be more."""
    async with part.transaction() as tx:
        due = await accounts.claim_due(tx, ACCOUNTS_MAX)
    slots = asyncio.Semaphore(CONCURRENT_MAX)

    async def refresh(account: Account) -> None:
        async with slots:
            await refresh_payee(part, providers, account)

    await asyncio.gather(*(refresh(account) for account in due))
    return len(due) == ACCOUNTS_MAX


async def refresh_payee(part: Part, providers: Providers, account: Account) -> None:
    """Read an account at its provider, and write what the provider says of it."""
    provider = providers.get(account.provider)
    if not isinstance(provider, Onboarding):
        log.error("payee.provider_missing", creator=account.creator, name=account.provider)
        return
    try:
        status = await provider.read_account(account.destination)
    except ProviderUnavailable as error:
        log.warning("payee.unanswered", creator=account.creator, error=str(error)[:200])
        return
    except ProviderRejected as refused:
        # It is closed, or none of ours any more: nothing goes there.
        log.warning("payee.account_refused", creator=account.creator, reason=refused.reason)
        status = AccountStatus(
            Verification.RESTRICTED, payouts_enabled=False, requirements=(refused.reason,)
        )
    async with part.transaction() as tx:
        applied = await accounts.save_status(tx, account, status, is_complete=_is_complete(status))
    log.info(
        "payee.read" if applied else "payee.read_too_late",
        creator=account.creator,
        verification=status.verification.value,
        payouts_enabled=status.payouts_enabled,
    )


def _is_complete(status: AccountStatus) -> bool:
    """Whether nothing more is expected of the account soon."""
    return (
        status.payouts_enabled
        and status.verification is Verification.VERIFIED
        and status.tax_form is not TaxForm.SUBMITTED
        and not status.requirements
    )
