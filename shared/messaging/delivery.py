"""A message as it arrived, and whether it can be understood."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias
from uuid import UUID, uuid5

from pydantic import ValidationError

from shared.contracts.base import NAMESPACE, Event
from shared.contracts.envelope import Envelope
from shared.messaging.outbox import DEAD_LETTER_EXCHANGE, Message

# Whoever redrives a dead letter is an operator, and publishes as this user.
OPERATOR_USER = "ovationctl"

REASON_CHARACTERS_MAX = 500

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


def read(delivery: Delivery, contracts: Mapping[str, type[Event]], own_user: str) -> Received:
    """Return the envelope of a delivery, or raise `Unreadable` with the reason."""
    contract = contracts.get(delivery.type)
    if contract is None:
        raise Unreadable("unknown-type", delivery.type[:100])
    if delivery.user_id not in _speakers(contract, own_user):
        raise Unreadable("foreign-publisher", f"{delivery.user_id!r} announced {contract.name}")
    try:
        envelope = _envelope_of(contract).model_validate_json(delivery.body)
    except ValidationError as error:
        raise Unreadable("invalid-envelope", _summary(error)) from error
    if envelope.type != delivery.type:
        raise Unreadable("type-mismatch", f"{envelope.type[:100]} inside {delivery.type}")
    return envelope


def parked(delivery: Delivery, queue: str, *, code: str, detail: str) -> Message:
    """Write the dead letter of a delivery: its body untouched, the reason in its headers."""
    fingerprint = delivery.message_id or hashlib.sha256(delivery.body).hexdigest()
    kept = {
        name: value
        for name, value in delivery.headers.items()
        if isinstance(value, str) and name.startswith(("cloudEvents_", "correlation_id"))
    }
    return Message(
        key=f"{queue}|{fingerprint}",
        message_id=uuid5(NAMESPACE, f"{queue}|{fingerprint}|parked"),
        exchange=DEAD_LETTER_EXCHANGE,
        routing_key=queue,
        headers={
            # PostgreSQL keeps no NUL in its JSON; nothing readable has one.
            name: value.replace("\x00", "")
            for name, value in {
                **kept,
                "cloudEvents_type": delivery.type,
                "ovation_message_id": delivery.message_id,
                "ovation_publisher": delivery.user_id,
                "ovation_error_code": code,
                "ovation_error_message": detail[:REASON_CHARACTERS_MAX],
            }.items()
        },
        body=delivery.body,
    )


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
