"""A delivery: whether it can be read, and its dead letter if it cannot be handled."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid5

from shared.amqp.delivery import Delivery, storable
from shared.contracts.base import NAMESPACE, Event
from shared.contracts.decoding import (
    OPERATOR_USER,
    ORIGINAL_PUBLISHER_HEADER,
    Received,
    Unreadable,
    contract_of,
    original_publisher,
    owner_of,
    read_body,
)
from shared.messaging.outbox import (
    DEAD_LETTER_EXCHANGE,
    SHARE_HEADER,
    Message,
    share_name,
    share_of,
)

__all__ = [
    "OPERATOR_USER",
    "SET_ASIDE_HEADER",
    "Delivery",
    "Received",
    "Unreadable",
    "dead_letter",
    "forwarded",
    "read",
    "service_of",
]

REASON_CHARACTERS_MAX = 500
SET_ASIDE_HEADER = "ovation_set_aside_at"

# The rest is the broker's, or belongs to one attempt. By name, and none too long: what the outbox
# holds must fit into a frame, and another sender's headers may be of any size.
_KEPT = (
    *(f"cloudEvents_{name}" for name in ("specversion", "id", "source", "subject")),
    *("cloudEvents_time", "cloudEvents_partitionkey", "correlation_id"),
    *("traceparent", "tracestate", "ovation_redrive"),
)
HEADER_CHARACTERS_MAX = 512
TYPE_CHARACTERS_MAX = 80


def read(delivery: Delivery, contracts: Mapping[str, type[Event]], own_user: str) -> Received:
    """Return the envelope of a delivery, or raise `Unreadable` with the reason."""
    contract = contract_of(delivery.type, contracts)
    return read_body(delivery.body, contract, publisher=original_publisher_of(delivery, own_user))


def original_publisher_of(delivery: Delivery, own_user: str) -> str:
    """
    Return the original publisher: who published this now, or whom a forwarder names.

    Two users forward: the operator, and the receiving service, which sends to itself what failed.
    """
    if delivery.user_id == own_user and ORIGINAL_PUBLISHER_HEADER not in delivery.headers:
        # A retry of the version before has no such header: it had been read before it failed.
        return owner_of(delivery.type)
    return original_publisher(delivery.user_id, delivery.headers, (own_user, OPERATOR_USER))


def service_of(queue: str) -> str:
    """Return the service whose queue this is, and whose broker user is called the same."""
    return queue.partition(".")[0]


def dead_letter(
    delivery: Delivery, queue: str, *, code: str, detail: str, stack_hash: str = ""
) -> Message:
    """
    Write the dead letter of a delivery: its body untouched, the reason in its headers.

    `code` is stable and for machines, `detail` for people; equal stack hashes mean failures at
    the same place of the code.
    """
    reason = {
        "ovation_publisher": storable(delivery.user_id),
        "ovation_attempts": str(delivery.attempt + 1),
        "ovation_error_code": storable(code),
        "ovation_error_message": storable(detail[:REASON_CHARACTERS_MAX]),
        "ovation_error_stack": stack_hash,
        SET_ASIDE_HEADER: datetime.now(UTC).isoformat(),
    }
    return forwarded(delivery, queue, "parked", exchange=DEAD_LETTER_EXCHANGE, headers=reason)


def forwarded(
    delivery: Delivery, queue: str, step: str, *, exchange: str, headers: Mapping[str, str]
) -> Message:
    """Write what a service sends to itself of a delivery: its body, and who published it first."""
    key = f"{queue}|{delivery.original_id}"
    original = original_publisher_of(delivery, service_of(queue))
    kept = {
        name: storable(value)
        for name in _KEPT
        if isinstance(value := delivery.headers.get(name), str)
        and len(value) <= HEADER_CHARACTERS_MAX
    }
    return Message(
        key=key,
        # Another id than the event's: both may be in flight at once, and returns go by the id. Each
        # redrive has its own: the one before may still be in the outbox, published.
        message_id=uuid5(NAMESPACE, f"{key}|{kept.get('ovation_redrive', '0')}|{step}"),
        exchange=exchange,
        routing_key=queue,
        headers={
            **kept,
            # Not that of the outbox's row, whose key is the message: that of its partition key.
            SHARE_HEADER: share_name(share_of(kept.get("cloudEvents_partitionkey", ""))),
            "cloudEvents_type": storable(delivery.type)[:TYPE_CHARACTERS_MAX],
            "ovation_message_id": storable(delivery.original_id),
            ORIGINAL_PUBLISHER_HEADER: storable(original)[:HEADER_CHARACTERS_MAX],
            **headers,
        },
        body=delivery.body,
    )
