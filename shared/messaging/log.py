"""
Reading a service's log: the stream `ovation.log.<service>` keeps everything it published.

Streams are read over plain AMQP 0-9-1, from an offset, a time or the beginning. A time selects a
whole chunk, which may begin earlier: a reader has to compare the time of each message.
https://www.rabbitmq.com/docs/streams#consuming
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage

# A stream's consumer must limit what is on its way to it.
PREFETCH = 1_000
# As long as nothing came, everything there was has been read.
IDLE_SECONDS = 1.0
# A busy broker may pause for longer before all that it counts has come.
STALLED_SECONDS = 30.0

# "first", "next", an offset, or a time.
Start: TypeAlias = str | int | datetime


@dataclass(frozen=True, slots=True)
class Logged:
    """A message of a log and its place in it; `user_id` is its publisher, checked by the broker."""

    offset: int
    type: str
    message_id: str
    correlation_id: str
    headers: Mapping[str, Any]
    body: bytes
    user_id: str = ""
    routing_key: str = ""

    @property
    def envelope(self) -> dict[str, Any]:
        """The CloudEvent, unchecked; empty if the body is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def time(self) -> datetime | None:
        """When the fact occurred; None if that cannot be read."""
        try:
            time = datetime.fromisoformat(self.envelope["time"])
        except (ValueError, TypeError, LookupError):
            return None
        return time if time.tzinfo else None

    def is_before(self, time: datetime) -> bool:
        """Whether it occurred before; a message without a time is not left out."""
        return self.time is not None and self.time < time


def log_of(service: str) -> str:
    """Return the name of a service's log."""
    return f"ovation.log.{service}"


async def newest_offset(connection: AbstractConnection, stream: str) -> int | None:
    """Return how far a log goes by now; None if there is nothing in it."""
    newest, loop = None, asyncio.get_running_loop()
    enough_at = loop.time() + IDLE_SECONDS
    # A whole chunk, and then what is new: there may always be more of that.
    async for message in read_log(connection, stream, start="last"):
        newest = message.offset
        if loop.time() >= enough_at:
            break
    return newest


async def read_log(
    connection: AbstractConnection, stream: str, *, start: Start, follow: bool = False
) -> AsyncIterator[Logged]:
    """Yield what a log holds from a place on, in order; `follow` waits for what comes later."""
    channel = await connection.channel()
    try:
        await channel.set_qos(prefetch_count=PREFETCH)
        declared = (await channel.declare_queue(stream, passive=True)).declaration_result
        missing = (declared.message_count or 0) if start == "first" else 0
        underlay = await channel.get_underlay_channel()
        arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
        await underlay.basic_consume(stream, arrived.put, arguments={"x-stream-offset": start})
        while True:
            seconds_max = STALLED_SECONDS if missing > 0 else IDLE_SECONDS
            try:
                message = await asyncio.wait_for(arrived.get(), None if follow else seconds_max)
            except TimeoutError:
                return
            missing -= 1
            assert message.delivery_tag is not None
            # The broker sends more after an acknowledgement; a stream keeps acknowledged messages.
            await underlay.basic_ack(message.delivery_tag)
            yield _logged(message)
    finally:
        await channel.close()


def _logged(message: DeliveredMessage) -> Logged:
    properties = message.header.properties
    headers = dict(properties.headers or {})
    return Logged(
        offset=int(str(headers.pop("x-stream-offset"))),
        type=properties.message_type or "",
        message_id=properties.message_id or "",
        correlation_id=properties.correlation_id or "",
        headers=headers,
        body=message.body,
        user_id=properties.user_id or "",
        routing_key=str(getattr(message.delivery, "routing_key", "") or ""),
    )
