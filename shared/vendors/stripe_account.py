"""Stripe's account and its webhook endpoints, for operators."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from shared.http.provider_client import ProviderUnavailable
from shared.vendors.accounts import (
    AccountReport,
    CreatedWebhook,
    WebhookExists,
    clock_ahead,
    clock_problems,
)
from shared.vendors.installations import Installation
from shared.vendors.stripe import (
    API_VERSION,
    RELEASE,
    NoSuchObject,
    NotAllowed,
    StripeClient,
    is_live,
)
from shared.vendors.stripe_objects import PAGE, Id, Listed, read_stripe

# A lost answer is asked for again under its key: only it has the secret.
TRIES = 3


class Endpoint(BaseModel):
    """A webhook endpoint; its secret is said once, when it is created."""

    id: Id
    url: str
    status: str
    enabled_events: tuple[str, ...]
    api_version: str | None = None
    secret: str | None = None

    def missing(self, events: Sequence[str]) -> list[str]:
        """Return which of the events that we need it does not send."""
        return [] if "*" in self.enabled_events else sorted({*events} - {*self.enabled_events})

    @property
    def is_of_our_release(self) -> bool:
        return (self.api_version or "").rpartition(".")[2] == RELEASE

    def problems(self, events: Sequence[str]) -> list[str]:
        found = []
        if self.status != "enabled":
            found.append(f"webhook endpoint {self.id} is {self.status}")
        if not self.is_of_our_release:
            version = self.api_version or "the account's default version"
            found.append(f"webhook endpoint {self.id} sends {version}, not {RELEASE}: replace it")
        if missing := self.missing(events):
            found.append(f"webhook endpoint {self.id} does not send {', '.join(missing)}")
        return found


class AccountAnswer(BaseModel):
    id: Id


class StripeAccount:
    """One Stripe account, in the mode of its key; `events` are those that a service reads."""

    webhook_secret = "webhook_secret"  # noqa: S105 - the name of its file

    def __init__(
        self, *, name: str, api_key: str, events: Sequence[str], url: str | None = None
    ) -> None:
        self._name = name
        self._events = events
        self._is_live = is_live(api_key)
        self._stripe = StripeClient(api_key, url=url)
        self._api = self._stripe.api

    async def check(self, webhook_url: str) -> AccountReport:
        account, ahead = await self._account()
        webhook, problems = await self._check_webhook(webhook_url)
        return AccountReport(
            account=account,
            environment="live" if self._is_live else "test",
            webhook=webhook,
            clock_ahead_seconds=ahead,
            problems=(*problems, *clock_problems(ahead)),
        )

    async def create_webhook(
        self, webhook_url: str, *, is_known: bool, is_replaced: bool
    ) -> CreatedWebhook:
        found = await self._endpoints(webhook_url)
        if not found or is_replaced:
            made = await self._create(webhook_url)
            return CreatedWebhook(
                made.id,
                self.webhook_secret,
                made.secret,
                is_new=True,
                keeps_before=True,
                superseded=tuple(each.id for each in found),
            )
        one, *others = found
        if others:
            names = ", ".join(each.id for each in found)
            raise WebhookExists(f"{names} all send there, and the secret here is of one of them")
        if not is_known:
            raise WebhookExists(f"{one.id}: Stripe says its secret once, and it is not stored here")
        if not one.is_of_our_release:
            raise WebhookExists(f"{one.id} sends {one.api_version}, which cannot be changed")
        if one.problems(self._events):
            await self._mend(one)
        return CreatedWebhook(one.id, self.webhook_secret, None)

    async def delete_webhook(self, webhook: str) -> None:
        try:
            await self._stripe.request(self._api.webhook_endpoints.delete_async(webhook))
        except NoSuchObject:
            return

    async def close(self) -> None:
        await self._stripe.close()

    async def _account(self) -> tuple[str, int | None]:
        """Return the account's id, and how far its clock is ahead of ours."""
        asked_at = datetime.now(UTC)
        try:
            answer = await self._stripe.look(self._api.accounts.retrieve_current_async())
        except NotAllowed:
            # It takes payments all the same.
            return "not said to this restricted key", None
        headers = answer.last_response.headers if answer.last_response else {}
        return read_stripe(AccountAnswer, answer).id, clock_ahead(headers, asked_at)

    async def _check_webhook(self, webhook_url: str) -> tuple[str, list[str]]:
        try:
            found = await self._endpoints(webhook_url)
        except ProviderUnavailable as error:
            return "unknown", [f"webhook endpoints cannot be listed: {error}"]
        if not found:
            return "none", [f"no webhook endpoint sends to {webhook_url}"]
        problems = [problem for each in found for problem in each.problems(self._events)]
        if len(found) > 1:
            names = ", ".join(each.id for each in found)
            problems.append(f"several webhook endpoints send to {webhook_url}: {names}")
        return found[0].id, problems

    async def _endpoints(self, url: str) -> list[Endpoint]:
        answer = await self._stripe.look(self._api.webhook_endpoints.list_async({"limit": PAGE}))
        listed = read_stripe(Listed[Endpoint], answer, "webhook endpoints")
        if listed.has_more:
            raise ProviderUnavailable(f"there are more than {PAGE} webhook endpoints")
        return [each for each in listed.data if each.url == url]

    async def _create(self, webhook_url: str) -> Endpoint:
        # The SDK lists every event and version by its name, which texts of ours are not.
        params: Any = {
            "url": webhook_url,
            "enabled_events": list(self._events),
            "api_version": API_VERSION,
            "description": f"Ovation, provider {self._name}",
        }
        key = str(uuid4())
        for left in reversed(range(TRIES)):
            try:
                answer = await self._stripe.request(
                    self._api.webhook_endpoints.create_async(params, {"idempotency_key": key})
                )
            except ProviderUnavailable:
                if not left:
                    raise
            else:
                made = read_stripe(Endpoint, answer)
                if made.secret is not None:
                    return made
        raise ProviderUnavailable("Stripe created a webhook endpoint and did not say its secret")

    async def _mend(self, endpoint: Endpoint) -> None:
        """Let an endpoint send what we read, beside what else it was told to send."""
        wanted = sorted({*self._events, *endpoint.enabled_events})
        params: Any = {"enabled_events": ["*"] if "*" in wanted else wanted, "disabled": False}
        await self._stripe.request(self._api.webhook_endpoints.update_async(endpoint.id, params))


def account_of(installation: Installation, events: Sequence[str]) -> StripeAccount:
    """Build the account of an installation's provider."""
    return StripeAccount(
        name=installation.name,
        api_key=installation.secret("api_key"),
        events=events,
        url=installation.url_of_fake(),
    )
