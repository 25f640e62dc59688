"""Events that Ovation posts to you: verified, and read."""

import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


class NotVerified(Exception):
    """This was not signed with your secret, was changed, or is more than five minutes old."""


@dataclass(frozen=True, slots=True)
class Event:
    """
    A CloudEvent of Ovation.

    The same `id` is the same fact: remember the ids. `type` is `dev.ovation.<name>.v<version>`,
    `sequence` grows with the facts of a `subject`.
    """

    id: str
    type: str
    subject: str
    sequence: int
    time: str
    data: Mapping[str, Any]
    document: Mapping[str, Any]


def verify(body: bytes, headers: Mapping[str, str], secrets: str | Sequence[str]) -> Event:
    """
    Return the event of a webhook, from the body as it came.

    Each secret is `whsec_…`. Give the new and the former one while you replace it; Ovation
    signs with both for that time.

    Raises NotVerified.
    """
    own = [secrets] if isinstance(secrets, str) else list(secrets)
    if not any(_verifies(secret, body, headers) for secret in own):
        raise NotVerified
    document = json.loads(body)
    return Event(
        id=document["id"],
        type=document["type"],
        subject=document["subject"],
        sequence=int(document["sequence"]),
        time=document["time"],
        data=document["data"],
        document=document,
    )


def _verifies(secret: str, body: bytes, headers: Mapping[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError, binascii.Error):
        # Strangers write the headers: what is not a signature is no reason to fail.
        return False
    return True
