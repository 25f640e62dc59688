"""What Stripe says of transfers and of creators' accounts, read strictly."""

from typing import Annotated

from pydantic import BaseModel, Field

from services.payout.domain.payees import AccountStatus, Verification
from services.payout.domain.payouts import ProviderStatus
from services.payout.providers.answers import Transfer
from shared.contracts.base import AMOUNT_MAX
from shared.vendors.stripe import from_stripe
from shared.vendors.stripe_objects import Id

# What can change an answer of `find`. What happens to a creator's account comes from an endpoint
# of its own, for connected accounts.
EVENTS = ("transfer.created", "transfer.updated", "transfer.reversed")
ACCOUNT_EVENTS = ("account.updated",)
REVERSED = "reversed"

_Amount = Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MAX)]
_Texts = tuple[Annotated[str, Field(max_length=200)], ...]


class StripeTransfer(BaseModel):
    """
    Money that went from our balance to that of a creator's account.

    It has no status: it is there, and may be reversed in parts. What the creator's bank makes of it
    later is between Stripe and the creator.
    """

    id: Id
    amount: _Amount
    amount_reversed: _Amount
    currency: Annotated[str, Field(pattern=r"^[a-z]{3}$")]
    reversed: bool
    transfer_group: str | None = None

    def transfer(self) -> Transfer:
        """Raise `AmountNotPossible` if an amount is no whole one of ours."""
        currency = self.currency.upper()
        returned_minor = from_stripe(self.amount_reversed, currency)
        return Transfer(
            id=self.id,
            status=ProviderStatus.RETURNED if self.reversed else ProviderStatus.PAID,
            reason=REVERSED if returned_minor else None,
            returned_minor=returned_minor,
            reference=self.transfer_group,
            amount_minor=from_stripe(self.amount, currency),
            currency=currency,
        )


class Capabilities(BaseModel):
    transfers: str = "inactive"


class Requirements(BaseModel):
    currently_due: _Texts | None = None
    past_due: _Texts | None = None
    pending_verification: _Texts | None = None
    disabled_reason: str | None = None


class ConnectedAccount(BaseModel):
    """A creator's account, which the creator opened at Stripe's page."""

    id: Id
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    details_submitted: bool = False
    payouts_enabled: bool = False
    capabilities: Capabilities = Capabilities()
    requirements: Requirements = Requirements()

    def status(self) -> AccountStatus:
        """Stripe asks for tax data as a requirement like others, and names no form."""
        due = {*(self.requirements.currently_due or ()), *(self.requirements.past_due or ())}
        return AccountStatus(
            verification=self._verification(),
            payouts_enabled=self.payouts_enabled and self.capabilities.transfers == "active",
            requirements=tuple(sorted(due)),
            country=self.country,
        )

    def _verification(self) -> Verification:
        asked = self.requirements
        if not self.details_submitted:
            return Verification.UNVERIFIED
        if asked.past_due or (asked.disabled_reason or "").startswith(("rejected", "listed")):
            return Verification.RESTRICTED
        if asked.currently_due or asked.pending_verification or asked.disabled_reason:
            return Verification.PENDING
        return Verification.VERIFIED


class AccountLink(BaseModel):
    url: Annotated[str, Field(pattern=r"^https?://", max_length=2_000)]
    expires_at: Annotated[int, Field(strict=True, ge=946_684_800, lt=2**33)]
