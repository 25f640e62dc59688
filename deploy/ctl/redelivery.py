"""Sending messages to one queue again, past the exchange of events."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from shared.amqp.confirms import Outgoing, Publisher
from shared.amqp.transport import Connection
from shared.contracts.decoding import ORIGINAL_PUBLISHER_HEADER
from shared.contracts.envelope import CONTENT_TYPE
from shared.messaging.delivery import OPERATOR_USER
from shared.messaging.outbox import SHARE_HEADER, share_name, share_of
from shared.messaging.topology import REDELIVER_EXCHANGE

PUBLISH_BATCH_MAX = 500
CONFIRM_SECONDS_MAX = 15.0


# Headers that identify a message. Others are removed: with `CC` the broker would route it to other
# queues, in the operator's name.
_KEPT = ("cloudEvents_", "ovation_", "correlation_id", "traceparent", "tracestate")


class Undeliverable(ConnectionError):
    """The broker refused a message."""


@dataclass(frozen=True, slots=True)
class Redelivery:
    """
    A message that goes to a queue once more.

    The operator only forwards: a receiver takes an event from its owner, here the
    `original_publisher`, and from no other service.
    """

    original_publisher: str
    type: str
    message_id: str
    correlation_id: str
    headers: Mapping[str, Any]
    body: bytes


async def redeliver(connection: Connection, queue: str, messages: AsyncIterator[Redelivery]) -> int:
    """
    Publish messages to a queue as the operator, batch by batch; return how many.

    The queue's service drops messages that it has handled before: it knows their ids.
    """
    publisher = await Publisher.open(connection)
    sent, waiting = 0, []
    async for message in messages:
        waiting.append(message)
        if len(waiting) == PUBLISH_BATCH_MAX:
            sent += await _publish(publisher, queue, waiting)
            waiting = []
    sent += await _publish(publisher, queue, waiting)
    await publisher.channel.close()
    return sent


async def _publish(publisher: Publisher, queue: str, messages: Sequence[Redelivery]) -> int:
    if not messages:
        return 0
    outgoing = [_outgoing(queue, message) for message in messages]
    for failure in await publisher.publish(outgoing, seconds_max=CONFIRM_SECONDS_MAX):
        if failure is not None:
            raise Undeliverable(f"{queue}: {failure!r}") from failure
    return len(messages)


def _outgoing(queue: str, message: Redelivery) -> Outgoing:
    try:
        message_id = UUID(message.message_id)
    except ValueError:
        message_id = uuid4()
    key = message.headers.get("cloudEvents_partitionkey", "")
    return Outgoing(
        message_id=str(message_id),
        exchange=REDELIVER_EXCHANGE,
        routing_key=queue,
        type=message.type,
        content_type=CONTENT_TYPE,
        correlation_id=message.correlation_id,
        user_id=OPERATOR_USER,
        app_id=OPERATOR_USER,
        headers={
            **{name: value for name, value in message.headers.items() if name.startswith(_KEPT)},
            ORIGINAL_PUBLISHER_HEADER: message.original_publisher,
            SHARE_HEADER: share_name(share_of(str(key))),
        },
        body=message.body,
    )
