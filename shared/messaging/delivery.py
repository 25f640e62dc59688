"""A message as it arrived, and whether it can be understood."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from shared.contracts.base import NAMESPACE, Event
from shared.contracts.decoding import (
    OPERATOR_USER,
    SAID_BY,
    Received,
    Unreadable,
    contract_of,
    original_publisher,
    owner_of,
    read_body,
)
from shared.messaging.outbox import DEAD_LETTER_EXCHANGE, Message

__all__ = [
    "OPERATOR_USER",
    "Delivery",
    "Received",
    "Unreadable",
    "kept_headers",
    "message_ids",
    "parked",
    "read",
    "said_by_header",
    "service_of",
]

REASON_CHARACTERS_MAX = 500
ATTEMPT_DIGITS_MAX = 6
# As long as AMQP lets a message's own id be.
ID_CHARACTERS_MAX = 255

# The rest is the broker's, or belongs to one attempt. By name, and none too long: what the outbox
# holds must fit into a frame, whatever somebody else once put into one.
_KEPT = (
    *(f"cloudEvents_{name}" for name in ("specversion", "id", "source", "subject")),
    *("cloudEvents_time", "cloudEvents_partitionkey", "correlation_id"),
    *("traceparent", "tracestate", "ovation_redrive"),
)
HEADER_CHARACTERS_MAX = 512
TYPE_CHARACTERS_MAX = 80


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
        """The message's id when it first arrived; of one without an id, what it says."""
        for given in (self.headers.get("ovation_message_id"), self.message_id):
            if isinstance(given, str) and 0 < len(named := _storable(given)) <= ID_CHARACTERS_MAX:
                return named
        return hashlib.sha256(self.body).hexdigest()


def read(delivery: Delivery, contracts: Mapping[str, type[Event]], own_user: str) -> Received:
    """Return the envelope of a delivery, or raise `Unreadable` with the reason."""
    contract = contract_of(delivery.type, contracts)
    return read_body(delivery.body, contract, publisher=said_by(delivery, own_user))


def said_by(delivery: Delivery, own_user: str) -> str:
    """
    Return who said this first: its publisher, or whom a forwarder names.

    Two users forward: the operator, and the receiving service, which sends to itself what failed.
    """
    if delivery.user_id == own_user and SAID_BY not in delivery.headers:
        # A retry of the version before, which named nobody: it had been read before it failed.
        return owner_of(delivery.type)
    return original_publisher(delivery.user_id, delivery.headers, (own_user, OPERATOR_USER))


def service_of(queue: str) -> str:
    """Return the service whose queue this is, and whose broker user is called the same."""
    return queue.partition(".")[0]


def parked(
    delivery: Delivery, queue: str, *, code: str, detail: str, stack_hash: str = ""
) -> Message:
    """
    Write the dead letter of a delivery: its body untouched, the reason in its headers.

    `code` is stable and for machines, `detail` for people; equal stack hashes mean failures at
    the same place of the code.
    """
    return Message(
        key=f"{queue}|{delivery.original_id}",
        message_id=uuid5(NAMESPACE, f"{queue}|{delivery.original_id}|parked"),
        exchange=DEAD_LETTER_EXCHANGE,
        routing_key=queue,
        headers={
            **kept_headers(delivery),
            "ovation_publisher": _storable(delivery.user_id),
            **said_by_header(delivery, queue),
            "ovation_attempts": str(delivery.attempt + 1),
            "ovation_error_code": _storable(code),
            "ovation_error_message": _storable(detail[:REASON_CHARACTERS_MAX]),
            "ovation_error_stack": stack_hash,
        },
        body=delivery.body,
    )


def said_by_header(delivery: Delivery, queue: str) -> dict[str, str]:
    """Return the header that names the original publisher of what is sent on from a queue."""
    original = said_by(delivery, service_of(queue))
    return {SAID_BY: _storable(original)[:HEADER_CHARACTERS_MAX]}


def kept_headers(delivery: Delivery) -> dict[str, str]:
    """Return what a message is known by, for whatever it is sent on as."""
    kept = {
        name: _storable(value)
        for name in _KEPT
        if isinstance(value := delivery.headers.get(name), str)
        and len(value) <= HEADER_CHARACTERS_MAX
    }
    return {
        **kept,
        "cloudEvents_type": _storable(delivery.type)[:TYPE_CHARACTERS_MAX],
        "ovation_message_id": _storable(delivery.original_id),
    }


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL in its JSON; nothing readable has one."""
    return text.replace("\x00", "")


def message_ids(received: Collection[Received]) -> list[UUID]:
    return [envelope.id for envelope in received]
