"""
Dead letters: which may be redriven, and how a service takes them out of its own queues.

A dead letter is redriven only if the owner of its event is known to have published it first:
otherwise a forged message would become an event.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID, uuid5

import structlog
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from aiormq.exceptions import AMQPError

from shared.contracts.base import NAMESPACE
from shared.contracts.decoding import OPERATOR_USER, ORIGINAL_PUBLISHER_HEADER, owner_of
from shared.contracts.routes import QUEUES
from shared.errors import Kind, Refusal
from shared.messaging.broker import Broker, close_quietly
from shared.messaging.delivery import SET_ASIDE_HEADER, Delivery, forwarded, service_of
from shared.messaging.outbox import Message
from shared.messaging.retry import DELAYS, delay_name

log = structlog.get_logger()

NUMBER_DIGITS_MAX = 6
RETURN_SECONDS_MAX = 5
RETURN_POLL_SECONDS = 0.02
# What a look holds at once. Whoever has more dead letters works at the terminal.
TAKEN_MAX = 200
TAKEN_BYTES_MAX = 16_000_000
TAKE_SECONDS_MAX = 10.0
REDRIVE_HEADER = "ovation_redrive"


class BrokerUnavailable(Refusal):
    """The broker does not hand out dead letters at the moment; nothing was done, try again."""

    kind = Kind.UNAVAILABLE


class DeadLetter(Protocol):
    """What is asked about a dead letter, whichever library delivered it."""

    @property
    def user_id(self) -> str | None: ...
    @property
    def type(self) -> str | None: ...
    @property
    def message_id(self) -> str | None: ...
    @property
    def headers(self) -> Mapping[str, Any]: ...


def refusal(message: DeadLetter, queue: str) -> str | None:
    """Return why a message may not be redriven, or None if its event's owner published it."""
    if message.headers.get("ovation_error_code") == "foreign-publisher":
        return "foreign-publisher: its queue refused its publisher"
    kind = type_of(message)
    original, owner = original_publisher_of(message, queue), owner_of(kind)
    if original is None:
        return f"published by {message.user_id!r}, neither {queue}'s service nor the event's owner"
    if original != owner:
        return f"{kind or 'without a type'} was published by {original!r}, which does not own it"
    return None


def original_publisher_of(message: DeadLetter, queue: str) -> str | None:
    """
    Return the service that published a message first, or None if that is not certain.

    The broker checks `user_id`. It is the queue's own service, which dead-lettered or retried the
    message; or the operator, who redrove it; or its owner, if the broker dead-lettered it.
    """
    user, headers = message.user_id or "", message.headers
    named = headers.get(ORIGINAL_PUBLISHER_HEADER)
    if user == OPERATOR_USER:
        return named if isinstance(named, str) else None
    if user == service_of(queue):
        if isinstance(named, str):
            return named
        # The version before named no original publisher in its retries and redrives.
        given = headers.get("ovation_publisher", user)
        return owner_of(type_of(message)) if given in (user, OPERATOR_USER) else str(given)
    return user if user == owner_of(type_of(message)) else None


def type_of(message: DeadLetter) -> str:
    return str(message.headers.get("cloudEvents_type") or message.type or "")


def times_redriven(message: DeadLetter) -> int:
    """Return how often a message was redriven, as far as its header is a number."""
    text = str(message.headers.get(REDRIVE_HEADER))
    return int(text) if text.isdecimal() and len(text) < NUMBER_DIGITS_MAX else 0


def set_aside_at(message: DeadLetter) -> str:
    """Return when a message was set aside: as its service wrote it, or else the broker."""
    if isinstance(written := message.headers.get(SET_ASIDE_HEADER), str):
        return written
    deaths = message.headers.get("x-death")
    newest = deaths[0] if isinstance(deaths, list) and deaths else None
    return str(newest.get("time", "")) if isinstance(newest, Mapping) else ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A dead letter that the broker handed out; it returns to its place unless it is removed."""

    queue: str
    delivery: Delivery
    message: AbstractIncomingMessage

    @property
    def id(self) -> UUID:
        """
        The same for all copies of a dead letter, and another one each time it is set aside.

        A message that its owner sends again has the id and the bytes of the first time: without
        the time it would count as redriven, and would be removed unsent.
        """
        digest = hashlib.sha256(self.delivery.body).hexdigest()
        times = str(times_redriven(self.delivery)), set_aside_at(self.delivery)
        about = (self.queue, self.delivery.original_id, *times, digest)
        return uuid5(NAMESPACE, "\n".join(("dead-letter", *about)))

    async def remove(self) -> None:
        """Take it out of its queue for good."""
        try:
            await self.message.ack()
        except (AMQPError, OSError, RuntimeError) as error:
            # It comes back, and the next request finishes the work.
            raise BrokerUnavailable(queue=self.queue) from error


def redrive_of(taken: Taken) -> Message:
    """
    Write a dead letter for its queue again, for the service's own outbox.

    It goes the way of a retry, which only leads back to the queue it came from, with the original
    publisher that its receiver checks. It begins anew: without a reason, with all its attempts.
    """
    message = forwarded(
        taken.delivery,
        taken.queue,
        "redriven",
        exchange=delay_name(DELAYS[0]),
        headers={REDRIVE_HEADER: str(times_redriven(taken.delivery) + 1)},
    )
    # Two messages that call themselves the same wait together, and both have to leave.
    return message._replace(message_id=redrive_id(taken.id))


def redrive_id(dead_letter: UUID) -> UUID:
    """Return the id of the message that redrives a dead letter."""
    return uuid5(NAMESPACE, f"redrive\n{dead_letter}")


class DeadLetterQueues:
    """
    The dead letters of one service, taken from the broker as the service's own user.

    What a service removes here stays in the stream `ovation.dead_letters`, from which it can
    remove nothing.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.queues = [each for each in QUEUES if service_of(each) == broker.service]

    @asynccontextmanager
    async def taken(self, queue: str) -> AsyncIterator[Sequence[Taken]]:
        """
        Hold the oldest dead letters of a queue; those not removed return to their places.

        Nobody else finds them meanwhile.
        """
        connection = None
        try:
            try:
                async with asyncio.timeout(TAKE_SECONDS_MAX):
                    connection = await self._broker.connect("dead-letters")
                    channel = await connection.channel()
                    found, count = await _take(channel, queue)
            except (AMQPError, OSError, TimeoutError) as error:
                log.warning("dead_letters.unavailable", queue=queue, error=repr(error)[:200])
                raise BrokerUnavailable(queue=queue) from error
            try:
                yield found
            except Exception:
                with suppress(AMQPError, OSError, TimeoutError):
                    await _give_back(connection, channel, found, count)
                raise
            try:
                await _give_back(connection, channel, found, count)
            except (AMQPError, OSError, TimeoutError) as error:
                # The broker takes back what was not acknowledged, and perhaps more.
                log.warning("dead_letters.cut_off", queue=queue, error=repr(error)[:200])
                raise BrokerUnavailable(queue=queue) from error
        finally:
            await close_quietly(connection)


async def _give_back(
    connection: AbstractConnection, channel: Any, found: Sequence[Taken], count: int
) -> None:
    """Return what was not removed; the next look finds all of it."""
    await channel.close()
    if found:
        removed = sum(each.message.processed for each in found)
        await until_returned(connection, f"{found[0].queue}.dlq", count - removed)


async def _take(channel: Any, queue: str) -> tuple[list[Taken], int]:
    """Return the oldest dead letters of a queue, and how many it had."""
    handle = await channel.declare_queue(f"{queue}.dlq", passive=True)
    # As many as there are: of more, returned ones would come again.
    count = handle.declaration_result.message_count or 0
    found: list[Taken] = []
    size = 0
    while len(found) < min(count, TAKEN_MAX) and size < TAKEN_BYTES_MAX:
        message = await handle.get(fail=False)
        if message is None:
            break
        size += len(message.body)
        found.append(Taken(queue, delivery_of(message), message))
    return found, count


def delivery_of(message: AbstractIncomingMessage) -> Delivery:
    """Return a message of the driver's as what our consumers read."""
    return Delivery(
        body=message.body,
        type=type_of(message),
        message_id=message.message_id or "",
        user_id=message.user_id or "",
        headers=message.headers,
    )


async def until_returned(connection: AbstractConnection, queue: str, count: int) -> None:
    """
    Wait until the queue has what was not acknowledged, for at most `RETURN_SECONDS_MAX`.

    A quorum queue takes messages back some time after their channel is closed; the operator's
    next look would find an empty queue.
    """
    async with connection.channel() as channel:
        for _ in range(round(RETURN_SECONDS_MAX / RETURN_POLL_SECONDS)):
            found = await channel.declare_queue(queue, passive=True)
            if (found.declaration_result.message_count or 0) >= count:
                return
            await asyncio.sleep(RETURN_POLL_SECONDS)
