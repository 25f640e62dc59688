"""A message as the broker delivered it."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pamqp import decode

from .frames import read_properties

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


def delivery_of(properties: bytes, body: bytes) -> Delivery:
    """Read a message's properties from the wire; bytes that are no text are replaced."""
    found = read_properties(properties)
    kind, message_id, user_id = (
        found.get(name, b"").decode("utf-8", "replace")
        for name in ("type", "message_id", "user_id")
    )
    return Delivery(
        body=body,
        type=kind,
        message_id=message_id,
        user_id=user_id,
        headers=Headers(found["headers"]) if "headers" in found else {},
    )


class Headers(Mapping[str, Any]):
    """The headers of a message, decoded when one is asked for: the body says what it is."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._decoded: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return self._table()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table())

    def __len__(self) -> int:
        return len(self._table())

    def _table(self) -> dict[str, Any]:
        if self._decoded is None:
            decoded: Any = decode.METHODS["table"](self._raw)[1]
            self._decoded = decoded
        return self._decoded


def storable(text: str) -> str:
    """PostgreSQL keeps no NUL in texts and JSON; nothing readable has one."""
    return text.replace("\x00", "")
