"""Where creators' money goes, and what has to be known before it goes there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.errors import Kind, Refusal

# Why a person reviews the next payout to a payee.
PAYEE_CHANGED = "payee-changed"
FIRST_PAYOUT = "first-payout"
SHOWN_CHARACTERS = 4
HIDDEN_CHARACTERS_MAX = 12


class PayeeMissing(Refusal):
    """We do not know yet where to send your money."""

    kind = Kind.CONFLICT


class PayeeResting(Refusal):
    """Your account was replaced a short time ago; a payout has to wait until it may be used."""

    kind = Kind.CONFLICT


class PayeeRestricted(Refusal):
    """The payment provider has restricted your account; its page says what it needs from you."""

    kind = Kind.CONFLICT


class PayeeUnverified(Refusal):
    """The payment provider has to verify who you are before we can pay you out."""

    kind = Kind.CONFLICT


class PayeeNotEnabled(Refusal):
    """The payment provider does not pay out to your account yet; finish what its page asks for."""

    kind = Kind.CONFLICT


class TaxFormMissing(Refusal):
    """We need your tax form before we can pay you out."""

    kind = Kind.CONFLICT


class PayeeUnscreened(Refusal):
    """Your legal name has to be checked before we can pay you out."""

    kind = Kind.CONFLICT


class PayeeUnderReview(Refusal):
    """A person has to check your account before we can pay you out; you need not do anything."""

    kind = Kind.CONFLICT


class LegalNameMissing(Refusal):
    """We need the legal name of the account's holder."""

    kind = Kind.INVALID


class CountryMissing(Refusal):
    """We need the country of the account's holder."""

    kind = Kind.INVALID


class OnboardingRequired(Refusal):
    """This account is set up on the payment provider's page; ask for a link to it."""

    kind = Kind.INVALID


class NoOnboarding(Refusal):
    """The payment provider has no page to set up an account; name your account instead."""

    kind = Kind.INVALID


class BadDestination(Refusal):
    """The payment provider has no accounts of such a name."""

    kind = Kind.INVALID


class AccountRefused(Refusal):
    """The payment provider does not open this account."""

    kind = Kind.INVALID


class OnboardingUnavailable(Refusal):
    """The payment provider does not answer at the moment; please try again in a minute."""

    kind = Kind.UNAVAILABLE


class NoMatch(Refusal):
    """Nothing about this payee waits for a decision."""

    kind = Kind.CONFLICT


class NoSuchPayee(Refusal):
    """The creator has no such payee."""

    kind = Kind.NOT_FOUND


class DestinationKind(StrEnum):
    """What a provider knows a payee by."""

    # A name of the provider's own for an account, which the creator enters.
    TOKEN = "token"  # noqa: S105 - a kind, no secret
    # An e-mail address: an erasable table keeps it, and payees have a token of ours in its place.
    EMAIL = "email"
    # An account that was created by onboarding; nobody enters it.
    ACCOUNT = "account"


class Verification(StrEnum):
    """How far the provider knows who the holder of an account is."""

    UNVERIFIED = "unverified"
    # The holder did what was asked; the provider looks at it.
    PENDING = "pending"
    VERIFIED = "verified"
    # The provider pays nothing there until the holder, or a person at the provider, acts.
    RESTRICTED = "restricted"


class TaxForm(StrEnum):
    """Whether the holder handed in a tax form (such as W-9 or W-8BEN)."""

    MISSING = "missing"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"


class ScreeningState(StrEnum):
    """Whether the holder's name stands on a list of sanctions."""

    UNSCREENED = "unscreened"
    CLEAR = "clear"
    # It may be the same person: an operator has to look.
    MATCH = "match"


@dataclass(frozen=True, slots=True)
class OnboardingLink:
    """A page of the provider for one creator, for a few minutes."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """What a provider says of an account."""

    verification: Verification
    payouts_enabled: bool
    tax_form: TaxForm = TaxForm.MISSING
    # Which form it is, as its authority names it: W-9.
    tax_form_kind: str | None = None
    # What the provider still asks the holder for, in its own codes.
    requirements: tuple[str, ...] = ()
    # ISO 3166-1 alpha-2, if the provider says it.
    country: str | None = None


@dataclass(frozen=True, slots=True)
class PayeeRules:
    """What has to be known of a payee, and how fresh a login has to be that names one."""

    verification_required: bool
    tax_form_required: bool
    screening_required: bool
    # 0: however old.
    login_minutes_max: int
    onboarding_links_per_hour: int

    def __post_init__(self) -> None:
        assert self.login_minutes_max >= 0
        assert self.onboarding_links_per_hour > 0


@dataclass(frozen=True, slots=True)
class PayeeRequest:
    """
    Where a creator wants money of a currency to go from now on.

    `account` is the id under which onboarding created it, None of one that was entered.
    """

    creator: str
    currency: str
    provider: str
    destination: str
    country: str | None
    account: UUID | None
    legal_name: str | None
    email: str | None
    changed_by: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Payee:
    """Where a creator's money of one currency goes, since when, and what is known about it."""

    currency: str
    provider: str
    destination: str
    country: str | None
    # Under which id onboarding created the account; None of one that was entered.
    account: UUID | None
    # Counts the payees that the creator has named, over all currencies.
    revision: int
    # None: at once.
    usable_at: datetime | None
    # Whether a person has to look at the next payout that goes there.
    unreviewed: bool
    verification: Verification
    tax_form: TaxForm
    tax_form_kind: str | None
    requirements: tuple[str, ...]
    payouts_enabled: bool
    screening: ScreeningState

    @property
    def review_reason(self) -> str | None:
        """Why a person has to review the next payout to this payee, if one has to."""
        if not self.unreviewed:
            return None
        return PAYEE_CHANGED if self.revision > 1 else FIRST_PAYOUT

    def require_payable(self, now: datetime, rules: PayeeRules) -> None:
        """Refuse to send money there while anything stands in the way."""
        for obstacle in self.obstacles(now, rules):
            raise obstacle

    def obstacles(self, now: datetime, rules: PayeeRules) -> Iterator[Refusal]:
        """
        Yield what stands in the way of a payout, what the creator can act on first.

        A restriction, a match and a rest count whatever the rules require: the last one because
        an account may have been replaced with a stolen token.
        """
        if self.verification is Verification.RESTRICTED:
            yield PayeeRestricted(requirements=list(self.requirements))
        elif rules.verification_required and self.verification is not Verification.VERIFIED:
            yield PayeeUnverified(
                verification=self.verification.value, requirements=list(self.requirements)
            )
        elif not self.payouts_enabled:
            yield PayeeNotEnabled(requirements=list(self.requirements))
        # A form counts when it is handed in: the payer may rely on it until it is found wrong.
        if rules.tax_form_required and self.tax_form is TaxForm.MISSING:
            yield TaxFormMissing()
        if self.screening is ScreeningState.MATCH:
            yield PayeeUnderReview()
        elif rules.screening_required and self.screening is ScreeningState.UNSCREENED:
            yield PayeeUnscreened()
        if self.usable_at is not None and now < self.usable_at:
            yield PayeeResting(usable_at=self.usable_at)


def masked(destination: str) -> str:
    """Show no more than the end of a destination, and not how long it is."""
    shown = destination[-SHOWN_CHARACTERS:] if len(destination) > SHOWN_CHARACTERS else ""
    hidden = min(len(destination) - len(shown), HIDDEN_CHARACTERS_MAX)
    return "*" * hidden + shown


def masked_email(email: str) -> str:
    """Show how an address begins, and its domain."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}***@{domain}"
