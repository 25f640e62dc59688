"""A creator says where money goes, and sets up an account for it on a provider's page."""

import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, ConfigDict, Field

from services.payout.api.payouts import Creator, WiredRules
from services.payout.commands import accounts, payees, queries
from services.payout.domain.methods import MethodNotOffered
from services.payout.domain.payees import (
    AccountRefused,
    BadDestination,
    CountryMissing,
    DestinationKind,
    LegalNameMissing,
    NoOnboarding,
    OnboardingRequired,
    OnboardingUnavailable,
    Payee,
    PayeeRequest,
    ScreeningState,
    TaxForm,
    Verification,
    masked,
    masked_email,
)
from services.payout.domain.payouts import CreatorsOnly
from services.payout.domain.rates import Rules
from services.payout.providers import Onboarding, Provider, Providers
from services.payout.store.contacts import Contact
from shared.contracts.base import like
from shared.http import Db, from_state, refusals, request_id
from shared.http.auth import Caller
from shared.http.bodies import Body
from shared.http.fields import CountryCode, CurrencyCode, Instant, described
from shared.identity.countries import country_of
from shared.identity.logins import LoginTooOld, require_fresh_login
from shared.identity.tokens import Identity, Unauthenticated
from shared.money import is_currency
from shared.quotas.rules import TooOften

router = APIRouter(tags=["payees"])

MINUTE_SECONDS = 60


def _currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError(f"{code} is no currency of ISO 4217 that is in use")
    return code


def _country(code: str) -> str:
    country = country_of(code)
    if country is None:
        raise ValueError(f"{code} is no country of ISO 3166-1")
    return country


PayeeCurrency = Annotated[
    str,
    Field(pattern=r"^[A-Z]{3}$"),
    AfterValidator(_currency),
    described("The currency (ISO 4217) whose payouts go to this payee.", "USD"),
]
PayeeCountry = Annotated[str, Field(pattern=r"^[A-Za-z]{2}$"), AfterValidator(_country)]
# As it stands on a passport: letters of any script, and no control characters.
LegalName = Annotated[str, Field(min_length=2, max_length=140, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,5}$"
TOKEN = r"^[A-Za-z0-9_-]{4,64}$"  # noqa: S105 - how an account is called
WiredProviders = Annotated[Providers, from_state("providers")]
ReturnUrl = Annotated[str, from_state("return_url")]


class DestinationRequest(Body):
    """
    Where money of a currency should go: a name for an account, or an e-mail address.

    `provider` is the first that pays out in this currency and country, if not named. `country` is
    that of the account's holder, and of the token if not named.
    """

    model_config = ConfigDict(extra="forbid")

    destination: Annotated[str, Field(pattern=TOKEN, examples=["acct_ok_lea"])] | None = None
    """
    The account, as the provider or `POST /v1/payouts/bank-accounts` calls it; null for a provider
    that knows creators by e-mail.
    """
    email: Annotated[
        Annotated[str, Field(max_length=254, pattern=EMAIL)] | None, like(None, "lea@example.com")
    ] = None
    """
    The e-mail address of the creator's account at the provider; null for a provider that names
    accounts.
    """
    provider: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$", examples=["sandbox"])] | None = (
        None
    )
    """
    The provider, as the installation calls it; null for the first that pays out in this currency
    and country.
    """
    country: Annotated[PayeeCountry, like("US")] | None = None
    """The country of the account's holder (ISO 3166-1 alpha-2); null for that of the token."""
    legal_name: Annotated[LegalName, like("Lea Example")] | None = None
    """
    The holder's name, as a passport has it; it is looked for on lists of sanctions. Null if the
    installation screens nobody.
    """


class OnboardingRequest(Body):
    """Whose account it becomes; `country` is that of the token, if not named."""

    model_config = ConfigDict(extra="forbid")

    provider: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$", examples=["stripe"])] | None = None
    """
    The provider, as the installation calls it; null for the first that pays out in this currency
    and country.
    """
    country: Annotated[PayeeCountry, like("US")] | None = None
    """The country of the account's holder (ISO 3166-1 alpha-2); null for that of the token."""
    legal_name: Annotated[LegalName, like("Lea Example")] | None = None
    """
    The holder's name, as a passport has it; it is looked for on lists of sanctions. Null if the
    installation screens nobody.
    """


class OnboardingResponse(Body):
    """The provider's page for this creator; ask for another link after `expires_at`."""

    url: Annotated[str, like("https://connect.stripe.com/setup/s/acct_1")]
    """The provider's page: send the creator there. It can be opened once."""
    expires_at: Annotated[Instant, like("2026-11-23T12:05:00Z")]
    """Until when the page can be opened; ask for another link afterwards."""


class Obstacle(Body):
    """What stands in the way of a payout: the code of a refusal, and why, in words."""

    code: Annotated[str, like("payee-unverified")]
    """The code of the problem that a payout would be refused with."""
    title: Annotated[
        str, like("The payment provider has to verify who you are before we can pay you out.")
    ]
    """The same in an English sentence for the creator."""


class PayeeResponse(Body):
    """
    Where money of a currency goes; only the end of the destination is shown.

    An account that replaced another rests: nothing can be paid out before `usable_at`, and a
    person looks at the first payout that goes there. `requirements` are the provider's own codes
    of what its page still asks for. `obstacles` is empty if money can go there now.
    """

    currency: Annotated[CurrencyCode, like("USD")]
    """The currency (ISO 4217) whose payouts go there."""
    provider: Annotated[str, like("sandbox")]
    """The provider that sends the money, as the installation calls it."""
    destination: Annotated[str, like("*******_lea", "l***@example.com")]
    """
    Where it goes, of which only the end is shown, or of an address how it begins and its domain.
    """
    country: CountryCode | None
    """The country of the account's holder; null if it is not known."""
    usable_at: Annotated[Instant | None, like(None, "2026-11-26T12:00:00Z")] = None
    """
    Before when nothing is paid there, because it replaced another account; null if it may be used
    at once.
    """
    verification: Annotated[Verification, like("verified")]
    """
    How far the provider knows who the holder is. `restricted` pays nothing until the holder, or a
    person at the provider, acts.
    """
    tax_form: Annotated[TaxForm, like("submitted")]
    """Whether the holder handed in a tax form, such as W-9. One that is `submitted` counts."""
    payouts_enabled: Annotated[bool, like(True)]
    """Whether the provider pays out to the account."""
    requirements: Annotated[list[str], like([], ["individual.id_number"])]
    """What the provider still asks for, in its own codes; empty if nothing."""
    screening: Annotated[ScreeningState, like("clear")]
    """
    Whether the holder's name is on a list of sanctions: `unscreened`, `clear`, or a `match` that a
    person has to look at.
    """
    obstacles: Annotated[list[Obstacle], like([])]
    """What stands in the way of a payout there now; empty if nothing does."""


class PayeesResponse(Body):
    """One's own payees, by currency."""

    items: list[PayeeResponse]
    """At most one for each currency; empty until one is named."""


@router.get("/payouts/payees", responses=refusals(Unauthenticated))
async def list_payees(caller: Caller, db: Db, rules: WiredRules) -> PayeesResponse:
    """Read where one's own money goes, and what stands in its way."""
    async with db.transaction() as tx:
        found = await queries.read_payees(tx, caller.user)
    return PayeesResponse(items=[payee_response(*each, rules) for each in found])


@router.put(
    "/payouts/payees/{currency}",
    responses=refusals(
        Unauthenticated,
        CreatorsOnly,
        LoginTooOld,
        MethodNotOffered,
        OnboardingRequired,
        BadDestination,
        LegalNameMissing,
        TooOften,
    ),
)
async def set_payee(
    currency: PayeeCurrency,
    wanted: DestinationRequest,
    caller: Creator,
    db: Db,
    providers: WiredProviders,
    rules: WiredRules,
) -> PayeeResponse:
    """
    Say where one's own money of a currency should go. The token has to be of a fresh login.

    The first account can be used at once, each further one after a rest.
    """
    _require_fresh_login(caller, rules)
    country = wanted.country or caller.country
    named = rules.methods.provider_for(currency, country, named=wanted.provider)
    provider = providers[named]
    asked = PayeeRequest(
        creator=caller.user,
        currency=currency,
        provider=provider.name,
        destination=_destination(provider, wanted),
        country=country,
        account=None,
        legal_name=wanted.legal_name,
        email=wanted.email,
        changed_by=caller.user,
        correlation_id=request_id(),
    )
    async with db.transaction() as tx:
        await payees.set_payee(tx, asked, rules=rules)
        return payee_response(*await queries.read_payee(tx, caller.user, currency), rules)


@router.post(
    "/payouts/payees/{currency}/onboarding",
    responses=refusals(
        Unauthenticated,
        CreatorsOnly,
        LoginTooOld,
        MethodNotOffered,
        NoOnboarding,
        CountryMissing,
        LegalNameMissing,
        AccountRefused,
        OnboardingUnavailable,
        TooOften,
    ),
)
async def onboard_payee(
    currency: PayeeCurrency,
    wanted: OnboardingRequest,
    caller: Creator,
    db: Db,
    providers: WiredProviders,
    rules: WiredRules,
    return_url: ReturnUrl,
) -> OnboardingResponse:
    """
    Ask for a link to the provider's page, where one's own account is set up or completed.

    From now on money of this currency goes to that account. The token has to be of a fresh login.
    """
    _require_fresh_login(caller, rules)
    country = wanted.country or caller.country
    named = rules.methods.provider_for(currency, country, named=wanted.provider)
    provider = providers[named]
    if not isinstance(provider, Onboarding):
        raise NoOnboarding(provider=provider.name)
    asked = PayeeRequest(
        creator=caller.user,
        currency=currency,
        provider=provider.name,
        destination="",
        country=wanted.country,
        account=None,
        legal_name=wanted.legal_name,
        email=None,
        changed_by=caller.user,
        correlation_id=request_id(),
    )
    link = await accounts.onboard_payee(
        db, provider, asked, residence=caller.country, return_url=return_url, rules=rules
    )
    return OnboardingResponse(url=link.url, expires_at=link.expires_at)


def payee_response(payee: Payee, contact: Contact | None, rules: Rules) -> PayeeResponse:
    """Show a payee, its destination masked."""
    email = contact.email if contact else None
    return PayeeResponse(
        currency=payee.currency,
        provider=payee.provider,
        destination=masked_email(email) if email else masked(payee.destination),
        country=payee.country,
        usable_at=payee.usable_at,
        verification=payee.verification,
        tax_form=payee.tax_form,
        payouts_enabled=payee.payouts_enabled,
        requirements=list(payee.requirements),
        screening=payee.screening,
        obstacles=_obstacles(payee, rules),
    )


def _obstacles(payee: Payee, rules: Rules) -> list[Obstacle]:
    found = payee.obstacles(datetime.now(UTC), rules.payees)
    return [Obstacle(code=each.code(), title=each.title()) for each in found]


def _require_fresh_login(caller: Identity, rules: Rules) -> None:
    seconds = rules.payees.login_minutes_max * MINUTE_SECONDS
    require_fresh_login(caller.auth_time, now=time.time(), max_age_seconds=seconds)


def _destination(provider: Provider, wanted: DestinationRequest) -> str:
    """Return the destination that is entered; an e-mail address gets its token later."""
    match provider.destination_kind:
        case DestinationKind.ACCOUNT:
            raise OnboardingRequired(provider=provider.name)
        case DestinationKind.EMAIL if wanted.email and wanted.destination is None:
            return ""
        case DestinationKind.TOKEN if wanted.destination and wanted.email is None:
            return wanted.destination
    raise BadDestination(expected=provider.destination_kind.value)
