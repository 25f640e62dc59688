"""
The confirmed publish batch: publishes many messages at once and waits for all confirmations.

aiormq publishes one message a call, with a lock, a timer and a write each; that is most of what
a message costs. This does the same for a whole batch under one lock, in one write. It relies on
how aiormq 7 keeps its confirmations: `tests/shared/messaging/test_relay.py` fails if that changes.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import aiormq
from aiormq.abc import ChannelFrame
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

# Below the smallest maximum a broker of ours negotiates (128 KiB), with room for the frame itself.
FRAME_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message and where it goes. No two in flight may have one id: returns are matched by it."""

    message_id: UUID
    exchange: str
    routing_key: str
    properties: aiormq.spec.Basic.Properties
    body: bytes

    @property
    def headers(self) -> Mapping[str, object]:
        return self.properties.headers or {}


async def publish(
    channel: aiormq.Channel, messages: Sequence[Outgoing], *, seconds_max: float
) -> list[BaseException | None]:
    """
    Publish in order, mandatory; return for each message None if it was confirmed, or why not.

    A message that was returned has `PublishError`, one that was refused `DeliveryError`, one cut
    off by the end of the channel the reason of that end, one without an answer `TimeoutError`.
    """
    confirmations: list[asyncio.Future[object]] = []
    frames: list[object] = []
    async with channel.lock:
        for message in messages:
            channel.delivery_tag += 1
            confirmation = channel.create_future()
            channel.confirmations[channel.delivery_tag] = confirmation
            channel.message_id_delivery_tag[str(message.message_id)] = channel.delivery_tag
            confirmations.append(confirmation)
            frames += _frames(message)
        await channel.write_queue.put(
            ChannelFrame.marshall(frames=frames, channel_number=channel.number)  # type: ignore[arg-type]
        )
    await asyncio.wait(confirmations, timeout=seconds_max)
    for message in messages:
        channel.message_id_delivery_tag.pop(str(message.message_id), None)
    return [_outcome(confirmation) for confirmation in confirmations]


def _frames(message: Outgoing) -> tuple[object, ...]:
    """Write the method, the header, and the body in as many frames as it needs."""
    return (
        aiormq.spec.Basic.Publish(
            exchange=message.exchange, routing_key=message.routing_key, mandatory=True
        ),
        ContentHeader(properties=message.properties, body_size=len(message.body)),
        *(
            ContentBody(message.body[start : start + FRAME_BYTES_MAX])
            for start in range(0, len(message.body), FRAME_BYTES_MAX)
        ),
    )


def _outcome(confirmation: asyncio.Future[object]) -> BaseException | None:
    if not confirmation.done():
        return TimeoutError("the broker did not confirm in time")
    if confirmation.cancelled():
        return ConnectionError("the channel was closed")
    return confirmation.exception()
