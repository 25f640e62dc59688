"""PayPal's app and its webhooks, for operators."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

from pydantic import BaseModel, Field

from shared.http.provider_client import ProviderRejected, ProviderUnavailable, read_answer
from shared.secrets import values_of
from shared.vendors.accounts import (
    AccountReport,
    CreatedWebhook,
    clock_ahead,
    clock_problems,
)
from shared.vendors.installations import Installation
from shared.vendors.paypal import NoSuchObject, PayPalClient, url_of

_WEBHOOKS = "/v1/notifications/webhooks"


class EventType(BaseModel):
    name: str


class Webhook(BaseModel):
    """A webhook; its id is in what PayPal signs."""

    id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
    url: str
    event_types: tuple[EventType, ...] = ()

    @property
    def kinds(self) -> set[str]:
        return {each.name for each in self.event_types}

    def missing(self, events: Sequence[str]) -> list[str]:
        """Return which of the events that we need it does not send."""
        return [] if "*" in self.kinds else sorted({*events} - self.kinds)


class Webhooks(BaseModel):
    webhooks: tuple[Webhook, ...] = ()


class PayPalAccount:
    """
    The app of one PayPal account; `events` are those that a service reads.

    `webhook_id` is the one that we have, if any.
    """

    webhook_secret = "webhook_id"  # noqa: S105 - the name of its file

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        url: str,
        is_live: bool,
        events: Sequence[str],
        webhook_id: str | None = None,
    ) -> None:
        self._is_live = is_live
        self._events = events
        # The newest one, and the one before it.
        self._webhook_ids = values_of(webhook_id or "")
        self._api = PayPalClient(url=url, client_id=client_id, client_secret=client_secret)

    async def check(self, webhook_url: str) -> AccountReport:
        app = await self._api.app()
        asked_at = datetime.now(UTC)
        answer = await self._api.request("GET", _WEBHOOKS)
        ahead = clock_ahead(answer.headers, asked_at)
        found = _of(read_answer(Webhooks, answer), webhook_url)
        problems = [] if found else [f"no webhook sends to {webhook_url}"]
        if found is not None:
            if missing := found.missing(self._events):
                problems.append(f"webhook {found.id} does not send {', '.join(missing)}")
            if found.id not in self._webhook_ids:
                stored = self._webhook_ids[0] or "none"
                problems.append(f"the webhook is {found.id}, and the one stored here is {stored}")
        return AccountReport(
            account=app,
            environment="live" if self._is_live else "sandbox",
            webhook=found.id if found else "none",
            clock_ahead_seconds=ahead,
            problems=(*problems, *clock_problems(ahead)),
        )

    async def create_webhook(
        self, webhook_url: str, *, is_known: bool, is_replaced: bool
    ) -> CreatedWebhook:
        """
        Create it, or bring the one that is there to our events.

        PayPal has one webhook an address, and says its id at any time: nothing is ever replaced.
        """
        del is_known, is_replaced
        if (found := await self._find(webhook_url)) is None:
            try:
                return self._result(await self._create(webhook_url), is_new=True)
            except (ProviderUnavailable, ProviderRejected):
                # Its answer was lost, or another one was created in this moment.
                if (found := await self._find(webhook_url)) is None:
                    raise
        if found.missing(self._events):
            await self._mend(found)
        return self._result(found, is_new=False)

    async def delete_webhook(self, webhook: str) -> None:
        try:
            await self._api.request("DELETE", f"{_WEBHOOKS}/{quote(webhook, safe='')}")
        except NoSuchObject:
            return

    async def close(self) -> None:
        await self._api.close()

    def _result(self, webhook: Webhook, *, is_new: bool) -> CreatedWebhook:
        value = None if webhook.id in self._webhook_ids else webhook.id
        return CreatedWebhook(webhook.id, self.webhook_secret, value, is_new=is_new)

    async def _find(self, url: str) -> Webhook | None:
        return _of(read_answer(Webhooks, await self._api.request("GET", _WEBHOOKS)), url)

    async def _create(self, url: str) -> Webhook:
        body = {"url": url, "event_types": _event_types(self._events)}
        return read_answer(Webhook, await self._api.request("POST", _WEBHOOKS, body=body))

    async def _mend(self, webhook: Webhook) -> None:
        """Let a webhook send what we read, beside what else it was told to send."""
        wanted = _event_types(sorted({*self._events, *webhook.kinds}))
        await self._api.request(
            "PATCH",
            f"{_WEBHOOKS}/{quote(webhook.id, safe='')}",
            body=[{"op": "replace", "path": "/event_types", "value": wanted}],
        )


def account_of(installation: Installation, events: Sequence[str]) -> PayPalAccount:
    """Build the account of an installation's provider."""
    return PayPalAccount(
        client_id=installation.option("client_id"),
        client_secret=installation.secret("client_secret"),
        url=url_of(installation),
        is_live=installation.is_live,
        events=events,
        webhook_id=installation.secret("webhook_id")
        if installation.has_secret("webhook_id")
        else None,
    )


def _of(listed: Webhooks, url: str) -> Webhook | None:
    return next((each for each in listed.webhooks if each.url == url), None)


def _event_types(names: Sequence[str]) -> list[dict[str, str]]:
    return [{"name": name} for name in names]
