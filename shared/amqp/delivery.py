"""A message as the broker delivered it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiormq.abc import DeliveredMessage

ATTEMPT_DIGITS_MAX = 6
# As long as AMQP lets a message's own id be.
ID_CHARACTERS_MAX = 255


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the broker handed over; `user_id` is the publisher's, checked by the broker."""

    body: bytes
    type: str
    message_id: str
    user_id: str
    headers: Mapping[str, Any]

    @property
    def attempt(self) -> int:
        """How often this message has come back after a delay."""
        given = str(self.headers.get("ovation_attempt", "0"))
        return int(given) if given.isdecimal() and len(given) < ATTEMPT_DIGITS_MAX else 0

    @property
    def original_id(self) -> str:
        """The message's id when it first arrived; of one without an id, the hash of its body."""
        for given in (self.headers.get("ovation_message_id"), self.message_id):
            if isinstance(given, str) and 0 < len(named := storable(given)) <= ID_CHARACTERS_MAX:
                return named
        return hashlib.sha256(self.body).hexdigest()


def delivery_of(message: DeliveredMessage) -> Delivery:
    properties = message.header.properties
    return Delivery(
        body=message.body,
        type=properties.message_type or "",
        message_id=properties.message_id or "",
        user_id=properties.user_id or "",
        headers=properties.headers or {},
    )


def storable(text: str) -> str:
    """PostgreSQL keeps no NUL in texts and JSON; nothing readable has one."""
    return text.replace("\x00", "")
