"""Reading a message: JSON, an envelope, a contract, and its owner as the original publisher."""

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, TypeAlias

from pydantic import ValidationError

from .base import TYPE_PREFIX, Event
from .envelope import Envelope

# A redrive or replay is published by an operator, as this user. It forwards events of others: it
# owns none, and names the original publisher in this header.
OPERATOR_USER = "ovationctl"
ORIGINAL_PUBLISHER_HEADER = "ovation_said_by"
# No event is so large; reading one would cost its receiver too much.
BODY_BYTES_MAX = 262_144
# Events inherit these attributes from their cause; they go into headers, logs and rows.
_INHERITED = ("correlationid", "causationid", "traceparent")
_PASSED_ON = re.compile(r"[^\x00-\x1f\x7f]{1,255}")

Received: TypeAlias = Envelope[Any]


class Unreadable(Exception):
    """A message that can never be handled, however often it is delivered; `code` says why."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code


def contract_of(given: str, contracts: Mapping[str, type[Event]]) -> type[Event]:
    """Return the contract of a type, or raise `Unreadable` if there is none."""
    contract = contracts.get(given)
    if contract is None:
        # Only the version may be new: then the receiver is older than the publisher.
        name, _, _ = given.rpartition(".v")
        known = {each.type().rpartition(".v")[0] for each in contracts.values()}
        raise Unreadable("unknown-version" if name in known else "unknown-type", given[:100])
    return contract


def owner_of(given: str) -> str:
    """Return the service that alone may publish events of a type, known to us or not."""
    return given.removeprefix(f"{TYPE_PREFIX}.").partition(".")[0]


def original_publisher(
    user_id: str, headers: Mapping[str, Any], forwarders: Collection[str] = (OPERATOR_USER,)
) -> str:
    """
    Return the user who published this first; `user_id` published it now, as the broker checked.

    Only the header of a forwarder counts, for every user can write one.
    """
    if user_id not in forwarders:
        return user_id
    given = headers.get(ORIGINAL_PUBLISHER_HEADER)
    return given.replace("\x00", "") if isinstance(given, str) and given else user_id


def read_body(body: bytes, contract: type[Event], *, publisher: str) -> Received:
    """
    Return the envelope of a message, or raise `Unreadable` with the reason.

    `publisher` is the original one: only the owner of an event may publish it.
    """
    if publisher != contract.owner():
        raise Unreadable("foreign-publisher", f"{publisher!r} published {contract.name}")
    if len(body) > BODY_BYTES_MAX:
        raise Unreadable("body-too-large", f"{len(body)} bytes")
    try:
        envelope = _envelope_of(contract).model_validate_json(body)
    except ValidationError as error:
        raise Unreadable("invalid-envelope", _summary(error)) from error
    for name in _INHERITED:
        given = getattr(envelope, name)
        if given is not None and not _PASSED_ON.fullmatch(given):
            raise Unreadable("invalid-envelope", f"{name}: not one line of at most 255 characters")
    if envelope.type != contract.type():
        raise Unreadable("type-mismatch", f"{envelope.type[:100]} inside {contract.type()}")
    event: Event = envelope.data
    if not event.has_attributes(envelope.id, envelope.subject, envelope.partitionkey):
        # Routing and the inbox use these, so a difference would go unseen.
        raise Unreadable("attributes-differ", "id, subject or partitionkey is not that of the data")
    return envelope


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
