"""A message as it arrived, and whether it can be understood."""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias
from uuid import UUID, uuid5

from pydantic import ValidationError

from shared.contracts.base import NAMESPACE, Event
from shared.contracts.envelope import Envelope
from shared.messaging.outbox import BODY_BYTES_MAX, DEAD_LETTER_EXCHANGE, Message

# Whoever redrives a dead letter is an operator, and publishes as this user.
OPERATOR_USER = "ovationctl"

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
# What facts inherit from the one that led to them goes into headers, logs and rows.
_PASSED_ON = re.compile(r"[^\x00-\x1f\x7f]{1,255}")

Received: TypeAlias = Envelope[Any]


class Unreadable(Exception):
    """A message that can never be handled, however often it is delivered; `code` says why."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code


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
    if len(delivery.body) > BODY_BYTES_MAX:
        # Nobody announces so much; to read it would cost whoever hears it more than it is worth.
        raise Unreadable("body-too-large", f"{len(delivery.body)} bytes")
    contract = contracts.get(delivery.type)
    if contract is None:
        raise Unreadable(_unknown(delivery.type, contracts), delivery.type[:100])
    if delivery.user_id not in _speakers(contract, own_user):
        raise Unreadable("foreign-publisher", f"{delivery.user_id!r} announced {contract.name}")
    try:
        envelope = _envelope_of(contract).model_validate_json(delivery.body)
    except ValidationError as error:
        raise Unreadable("invalid-envelope", _summary(error)) from error
    for name in ("correlationid", "causationid", "traceparent"):
        given = getattr(envelope, name)
        if given is not None and not _PASSED_ON.fullmatch(given):
            raise Unreadable("invalid-envelope", f"{name}: not one line of at most 255 characters")
    if envelope.type != delivery.type:
        raise Unreadable("type-mismatch", f"{envelope.type[:100]} inside {delivery.type}")
    if (envelope.id, envelope.subject, envelope.partitionkey) != _attributes(envelope.data):
        # Whoever routed or remembered by them would have gone wrong.
        raise Unreadable("attributes-differ", "id, subject or partitionkey is not that of the data")
    return envelope


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
            "ovation_attempts": str(delivery.attempt + 1),
            "ovation_error_code": _storable(code),
            "ovation_error_message": _storable(detail[:REASON_CHARACTERS_MAX]),
            "ovation_error_stack": stack_hash,
        },
        body=delivery.body,
    )


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


def _attributes(event: Event) -> tuple[UUID, str, str]:
    return event.id, event.subject, event.partition_key


def _unknown(given: str, contracts: Mapping[str, type[Event]]) -> str:
    """Say whether only the version is new: then this service is older than what it hears."""
    name, _, _ = given.rpartition(".v")
    known = {contract.type().rpartition(".v")[0] for contract in contracts.values()}
    return "unknown-version" if name in known else "unknown-type"


def message_ids(received: Collection[Received]) -> list[UUID]:
    return [envelope.id for envelope in received]


def _speakers(contract: type[Event], own_user: str) -> tuple[str, str, str]:
    return contract.owner(), own_user, OPERATOR_USER


@cache
def _envelope_of(contract: type[Event]) -> type[Received]:
    return Envelope[contract]  # type: ignore[valid-type]


def _summary(error: ValidationError) -> str:
    """Say what is wrong and where, without quoting the message: it may hold personal data."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        f"{'.'.join(str(step) for step in fault['loc']) or 'body'}: {fault['msg']}"
        for fault in faults[:5]
    )
