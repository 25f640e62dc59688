"""Events leave in the transaction that caused them: this stores them, the relay publishes them."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from pydantic_core import to_json

from shared.contracts.decoding import BODY_BYTES_MAX
from shared.contracts.envelope import encode
from shared.messaging.archive import store_facts
from shared.messaging.facts import Fact
from shared.observability.logging import MessageLine, log_messages
from shared.observability.tracing import traceparent
from shared.postgres.database import Transaction
from shared.postgres.parts import schema_of

# What a row of the outbox is for. It is published at the service's own exchange of that name.
EVENTS_EXCHANGE = "ovation.events"
DEAD_LETTER_EXCHANGE = "ovation.dlx"
# Fixed for ever: a key must stay in its share, or two relays could publish it out of order.
SHARES = 16
# The share of a message's partition key: where a queue has partitions, it leads to one of them.
SHARE_HEADER = "ovation_share"


class Message(NamedTuple):
    """A row of the outbox: what is published where, and which messages must not overtake it."""

    key: str
    message_id: UUID | str
    exchange: str
    routing_key: str
    # None for an event: its headers follow from its body, `headers_of`.
    headers: Mapping[str, str] | None
    body: bytes


def own_exchange(exchange: str, service: str) -> str:
    """
    Return the exchange that one service alone may publish to: `ovation.events.gift`.

    Only what this service may reach is bound to it. Permissions name exchanges, and the broker
    looks at one routing key only: with a shared exchange a message could be sent on to the queue
    of another service by another key, or by the keys in its header `CC`.
    """
    return f"{exchange}.{service}"


def share_of(key: str) -> int:
    return zlib.crc32(key.encode()) % SHARES


def share_of_part(part: int) -> int:
    """Return the share that has all messages of a part of the users."""
    return part % SHARES


def share_name(share: int) -> str:
    """Return how a share is written in the header `ovation_share` of a message."""
    return f"{share:02}"


def topic_of(share: int) -> str:
    """Return the topic that wakes the relay of a share."""
    return f"outbox.{share}"


def topic_of_part(part: int) -> str:
    """Return the topic that wakes the relay of a part of the users."""
    return f"outbox.{schema_of(part)}"


async def publish(tx: Transaction, facts: Sequence[Fact], *, archive: bool = False) -> None:
    """
    Publish the facts, in this order, if and only if this transaction commits.

    With `archive` they are also kept in the event archive: choose it for facts that no other row
    can give again later.
    """
    now = datetime.now(UTC)
    if archive:
        facts = [fact._replace(occurred_at=fact.occurred_at or now) for fact in facts]
        await store_facts(tx, facts)
    await send(tx, [message_of(fact, fact.occurred_at or now) for fact in facts])
    tx.after_commit(lambda: log_messages("published", map(_line, facts)))


async def send(tx: Transaction, messages: Sequence[Message]) -> None:
    """
    Put messages into the outbox.

    A message may wait there twice. In one batch of the relay it leaves once, and its receivers know
    it by its id.
    """
    if not messages:
        return
    if tx.part is None:
        shares = [share_of(message.key) for message in messages]
        tx.wake(*map(topic_of, set(shares)))
    else:
        # All of a part is one relay's, so that it reads few schemas.
        shares = [share_of_part(tx.part)] * len(messages)
        tx.wake(topic_of_part(tx.part))
    await tx.copy_records("outbox", _COLUMNS, map(_record, shares, messages))


_COLUMNS = ("share", *Message._fields)


def _record(share: int, message: Message) -> tuple[object, ...]:
    if message.headers is None:
        return (share, *message)
    *place, headers, body = message
    return (share, *place, to_json(headers).decode(), body)


def message_of(fact: Fact, occurred_at: datetime) -> Message:
    """Encode a fact as a message."""
    event, sequence, cause, _ = fact
    if cause.traceparent is None and (served := traceparent()) is not None:
        # Caused by the request being served, and not by a message.
        cause = cause._replace(traceparent=served)
    body = encode(event, sequence=sequence, occurred_at=occurred_at, cause=cause)
    name = event.contract.name
    # Brokers refuse very large messages by closing the channel; a fact that large is a bug.
    assert len(body) <= BODY_BYTES_MAX, f"{name} is too large"
    return Message(event.partition_key, event.id, EVENTS_EXCHANGE, name, None, body)


def _line(fact: Fact) -> MessageLine:
    return MessageLine(
        type=fact.event.contract.type(),
        message_id=fact.event.id,
        subject=fact.event.subject,
        correlation_id=fact.cause.correlation_id,
        causation_id=fact.cause.causation_id,
        traceparent=fact.cause.traceparent or traceparent(),
    )
