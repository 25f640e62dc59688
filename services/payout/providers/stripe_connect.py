"""
Stripe Connect as a provider of payouts: transfers to the accounts of creators.

The idempotency key of an attempt is its id, and so is its `transfer_group`, by which a transfer is
found whose answer was lost. A webhook is a reason to ask, and nothing more. Refusals are final
where Stripe's documents say that nothing was done (`shared/vendors/stripe.py`); that our balance is
too small is one of them, and says nothing of the creator (`NotFunded`).
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from pydantic import ValidationError

from services.payout.domain.payees import AccountStatus, DestinationKind, OnboardingLink
from services.payout.domain.payouts import BadSignature
from services.payout.domain.transfers import WebhookEvent
from services.payout.providers.answers import FoundTransfer, NotFunded, Transfer, uuid_in
from services.payout.providers.stripe_answers import (
    ACCOUNT_EVENTS,
    EVENTS,
    AccountLink,
    ConnectedAccount,
    StripeTransfer,
)
from shared.http.provider_client import ProviderRejected, ProviderUnavailable
from shared.observability.metrics import CONTRADICTIONS
from shared.vendors.installations import Installation
from shared.vendors.stripe import (
    ANSWER_SECONDS_MAX,
    RELEASE,
    REMEMBERS_KEYS_FOR,
    AmountNotPossible,
    BalanceTooLow,
    StripeClient,
    is_live,
    is_signed,
    to_stripe,
)
from shared.vendors.stripe_objects import PAGE, Event, Listed, is_replayed, read_stripe

if TYPE_CHECKING:
    import stripe

log = structlog.get_logger()


class StripeConnectProvider:
    """A client of one platform's account at Stripe, in its live mode or in its test mode."""

    destination_kind = DestinationKind.ACCOUNT

    def __init__(
        self,
        *,
        name: str,
        api_key: str,
        webhook_secrets: tuple[str, ...],
        url: str | None = None,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> None:
        self.name = name
        # The last order has to arrive before its key is forgotten.
        self.idempotency_seconds = REMEMBERS_KEYS_FOR.total_seconds() - answer_seconds_max
        self._is_live = is_live(api_key)
        self._webhook_secrets = webhook_secrets
        self._stripe = StripeClient(api_key, url=url, answer_seconds_max=answer_seconds_max)
        self._api = self._stripe.api

    async def submit(
        self, attempt: UUID, *, amount_minor: int, currency: str, destination: str
    ) -> Transfer:
        params: stripe.params.TransferCreateParams = {
            "amount": _to_stripe(amount_minor, currency),
            "currency": currency.lower(),
            "destination": destination,
            "transfer_group": str(attempt),
            "metadata": {"attempt": str(attempt)},
        }
        try:
            answer = await self._stripe.request(
                self._api.transfers.create_async(params, {"idempotency_key": str(attempt)})
            )
        except BalanceTooLow as error:
            raise NotFunded(str(error)) from error
        if is_replayed(answer):
            # A repeated answer says what the transfer was when it was created.
            found = await self.find(attempt, transfer=None)
            if found is not None:
                return found.transfer
        return _read(read_stripe(StripeTransfer, answer))

    async def find(self, attempt: UUID, *, transfer: str | None) -> FoundTransfer | None:
        del transfer  # the list says whether there are several
        listed = read_stripe(
            Listed[StripeTransfer],
            await self._stripe.look(
                self._api.transfers.list_async({"transfer_group": str(attempt), "limit": PAGE})
            ),
            "transfers",
        )
        found = [_read(each) for each in listed.data if each.transfer_group == str(attempt)]
        if len(found) < len(listed.data):
            log.error("attempt.contradicted", attempt=str(attempt))
            CONTRADICTIONS.labels("transfer-foreign").inc()
            if not found:
                raise ProviderUnavailable("only transfers of others were named")
        if not found:
            return None
        # Of several, the one that took money furthest away.
        furthest = min(found, key=lambda each: each.returned_minor)
        return FoundTransfer(furthest, is_one_of_several=len(found) > 1)

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        signature = headers.get("stripe-signature")
        if not any(is_signed(secret, body, signature) for secret in self._webhook_secrets):
            raise BadSignature
        payload_hash = hashlib.sha256(body).digest()
        try:
            event = Event.model_validate_json(body)
        except ValidationError:
            # Signed, so it is kept; but it is about no attempt of ours.
            return WebhookEvent(
                f"unreadable:{payload_hash.hex()}", "unreadable", None, payload_hash
            )
        is_ours = self._is_ours(event)
        group, account = event.about.get("transfer_group"), event.account or event.about.get("id")
        return WebhookEvent(
            webhook_id=event.id,
            kind=event.type[:64],
            attempt=uuid_in(group) if is_ours and event.type in EVENTS else None,
            payload_hash=payload_hash,
            account=str(account)[:128] if is_ours and event.type in ACCOUNT_EVENTS else None,
        )

    async def create_account(self, account: UUID, *, country: str, currency: str) -> str:
        params: stripe.params.AccountCreateParams = {
            "type": "express",
            "country": country,
            "default_currency": currency.lower(),
            "capabilities": {"transfers": {"requested": True}},
            "metadata": {"account": str(account)},
        }
        answer = await self._stripe.request(
            self._api.accounts.create_async(params, {"idempotency_key": f"account:{account}"})
        )
        return read_stripe(ConnectedAccount, answer).id

    async def create_link(
        self, destination: str, *, return_url: str, refresh_url: str
    ) -> OnboardingLink:
        answer = await self._stripe.request(
            self._api.account_links.create_async(
                {
                    "account": destination,
                    "type": "account_onboarding",
                    "return_url": return_url,
                    "refresh_url": refresh_url,
                }
            )
        )
        link = read_stripe(AccountLink, answer)
        return OnboardingLink(link.url, datetime.fromtimestamp(link.expires_at, UTC))

    async def read_account(self, destination: str) -> AccountStatus:
        answer = await self._stripe.look(self._api.accounts.retrieve_async(destination))
        return read_stripe(ConnectedAccount, answer).status()

    async def close(self) -> None:
        await self._stripe.close()

    def _is_ours(self, event: Event) -> bool:
        """Whether an event is of our mode; report one of another mode or release."""
        if event.livemode is not self._is_live:
            self._report(event, "webhook-mode")
            return False
        if event.data is not None and event.release != RELEASE:
            # What it says of money is not read, so it is followed all the same.
            self._report(event, "webhook-release")
        return True

    def _report(self, event: Event, contradiction: str) -> None:
        log.error(
            "stripe.event_contradicted",
            kind=contradiction,
            provider=self.name,
            webhook_id=event.id,
            api_version=event.api_version,
            livemode=event.livemode,
        )
        CONTRADICTIONS.labels(contradiction).inc()


def build(installation: Installation) -> StripeConnectProvider:
    """Build it from its section of the file; a key of the wrong mode stops the service."""
    api_key = installation.secret("api_key")
    mode = "real money: it needs a key of live mode" if installation.is_live else "practice money"
    assert is_live(api_key) is installation.is_live, (
        f"{installation.name} is for {mode}, and its key is of the other mode"
    )
    connect = "connect_webhook_secret"
    own = installation.secret("webhook_secret")
    connected = [installation.secret(connect)] if installation.has_secret(connect) else []
    return StripeConnectProvider(
        name=installation.name,
        api_key=api_key,
        webhook_secrets=(own, *connected),
        url=installation.url_of_fake(),
    )


def _read(transfer: StripeTransfer) -> Transfer:
    try:
        return transfer.transfer()
    except (AmountNotPossible, AssertionError) as error:
        raise ProviderUnavailable(f"{transfer.id} is unreadable: {error}") from error


def _to_stripe(amount_minor: int, currency: str) -> int:
    try:
        return to_stripe(amount_minor, currency)
    except AmountNotPossible as error:
        raise ProviderRejected("amount-not-possible") from error
