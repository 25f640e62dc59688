"""Webhooks signed as https://www.standardwebhooks.com says, also while their secret changes."""

from collections.abc import Mapping
from datetime import datetime

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.secrets import values_of


class Signatures:
    """What both sides of a webhook do with the secret they share."""

    def __init__(self, secret: str) -> None:
        self._webhooks = [Webhook(value) for value in values_of(secret)]

    def sign(self, webhook_id: str, at: datetime, body: str) -> str:
        """Sign once with each value: a receiver that knows one of them can verify."""
        return " ".join(webhook.sign(webhook_id, at, body) for webhook in self._webhooks)

    def are_on(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether exactly this was signed with the secret, within the last minutes."""
        return any(_verifies(webhook, body, headers) for webhook in self._webhooks)


def _verifies(webhook: Webhook, body: bytes, headers: Mapping[str, str]) -> bool:
    try:
        webhook.verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True
