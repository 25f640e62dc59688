"""
Confirmed publishing: many messages in one write, and one wait for the broker's answers to them.

The driver keeps a future for each message and walks all of them for each answer. Here an answer is
a number: it, or all up to it.
"""

import asyncio
from collections.abc import Sequence
from typing import Self

import aiormq
from aio_pika.abc import AbstractChannel
from aiormq.abc import ChannelFrame, DeliveredMessage
from aiormq.exceptions import DeliveryError, PublishError
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from .frames import (
    ACK,
    METHOD,
    NACK,
    RETURN,
    ContentReader,
    Outgoing,
    answer_of,
    read_properties,
    write_message,
)
from .transport import Connection

__all__ = ["Outgoing", "Publisher"]


class Publisher:
    """A channel in confirm mode; one batch is published at a time."""

    def __init__(self, channel: AbstractChannel, underlay: aiormq.Channel) -> None:
        # With it the few other calls are made; nothing else may be published on it.
        self.channel = channel
        self._underlay = underlay
        self._answers = _Answers(0, 0)
        self._returned: dict[str, PublishError] = {}
        self._returns = ContentReader(RETURN, self._take_back)
        self._closing = underlay.closing
        self._closing.add_done_callback(lambda _: self._answers.end())

    @classmethod
    async def open(cls, connection: Connection) -> Self:
        """Open a channel of a connection."""
        channel = connection.channel(publisher_confirms=True)
        await channel.initialize()
        underlay = await channel.get_underlay_channel()
        assert isinstance(underlay, aiormq.Channel)
        publisher = cls(channel, underlay)
        connection.divert(underlay.number, publisher._read)
        return publisher

    @property
    def is_closed(self) -> bool:
        return self._closing.done()

    async def publish(
        self, messages: Sequence[Outgoing], *, seconds_max: float
    ) -> list[BaseException | None]:
        """
        Publish in order, mandatory; return for each message None if it was confirmed, or why not.

        A message that was returned has `PublishError`, one that was refused `DeliveryError`, one
        cut off by the end of the channel the reason of that end, one without an answer
        `TimeoutError`.
        """
        if not messages:
            return []
        self._returned.clear()
        self._answers = answers = _Answers(self._answers.last, len(messages))
        number = self._underlay.number
        payload = b"".join(part for each in messages for part in write_message(each, number))
        if self.is_closed:
            answers.end()
        else:
            await self._underlay.write_queue.put(ChannelFrame(payload, should_close=False))
        await answers.wait(seconds_max)
        unanswered = self._why_unanswered()
        return [
            self._returned.get(message.message_id, unanswered if answer is _NONE else answer)
            for message, answer in zip(messages, answers.given, strict=True)
        ]

    def _why_unanswered(self) -> BaseException:
        if not self._closing.done():
            return TimeoutError("the broker did not confirm in time")
        reason = None if self._closing.cancelled() else self._closing.exception()
        return reason or ConnectionError("the channel was closed")

    def _read(self, kind: int, payload: bytes) -> bool:
        if kind == METHOD and payload[:4] in (ACK, NACK):
            tag, multiple = answer_of(payload)
            error = None
            if payload[:4] == NACK:
                error = DeliveryError(None, Basic.Nack(delivery_tag=tag, multiple=multiple))
            self._answers.give(tag, error, multiple=multiple)
            return True
        return self._returns.read(kind, payload)

    def _take_back(self, method: bytes, properties: bytes, _body: bytes) -> None:
        """Remember what cannot be routed; the broker confirms it all the same, afterwards."""
        frame = Basic.Return()
        frame.unmarshal(method[4:])
        message = DeliveredMessage(frame, ContentHeader(), b"", self._underlay)
        message_id = read_properties(properties).get("message_id", b"").decode("utf-8", "replace")
        self._returned[message_id] = PublishError(message, frame)


# An answer that did not come yet; None is a confirmation.
_NONE = ConnectionError("no answer")


class _Answers:
    """What the broker answered to the messages of a batch; it numbers all messages of a channel."""

    def __init__(self, before: int, count: int) -> None:
        self._first = before + 1
        self.last = before + count
        self.given: list[BaseException | None] = [_NONE] * count
        self._missing = count
        # All before it have their answer.
        self._next = 0
        self._done = asyncio.Event()

    def give(self, tag: int, answer: BaseException | None, *, multiple: bool) -> None:
        """Note the answer to a message, or to all up to it; those of a batch before are late."""
        end = tag - self._first + 1
        start = self._next if multiple else max(0, end - 1)
        for place in range(start, end):
            if self.given[place] is _NONE:
                self.given[place] = answer
                self._missing -= 1
        if multiple:
            self._next = max(self._next, end)
        if not self._missing:
            self._done.set()

    def end(self) -> None:
        """Stop waiting: no more answers will come."""
        self._done.set()

    async def wait(self, seconds_max: float) -> None:
        """Return once every message has its answer, none can come, or time is over."""
        try:
            await asyncio.wait_for(self._done.wait(), seconds_max)
        except TimeoutError:
            return
