"""
Dead letters: messages that a service or a team could not handle, with the reason.

A team's dead letters are also the oldest messages of its full queue; then the broker gives the
reason (`maxlen`).

Which may be redriven is said in `shared/messaging/dead_letters.py`, for the console too.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aio_pika.abc import AbstractConnection, AbstractIncomingMessage, AbstractQueue

from deploy.ctl.audit import recorded
from deploy.ctl.installation import Installation
from deploy.ctl.redelivery import Redelivery, redeliver
from deploy.ctl.teams import queues
from shared.contracts.decoding import ORIGINAL_PUBLISHER_HEADER
from shared.messaging.dead_letters import (
    REDRIVE_HEADER,
    original_publisher_of,
    refusal,
    times_redriven,
    type_of,
    until_returned,
)
from shared.messaging.delivery import SET_ASIDE_HEADER
from shared.messaging.log import Logged, read_log
from shared.messaging.topology import DEAD_LETTER_STREAM

# Headers of the failed attempt; a redriven message has none of them.
_OF_THE_FAILURE = (
    *("ovation_error_", "ovation_attempt", "ovation_publisher", SET_ASIDE_HEADER, "x-"),
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters of a queue; without a type or an id, all of them."""

    queue: str
    type: str | None = None
    id: str | None = None
    count_max: int = 1_000_000

    def matches(self, message: AbstractIncomingMessage | Logged) -> bool:
        """Whether it is one of these; `id` may be the message's or the event's."""
        headers = message.headers
        ids = (_id_of(message), str(headers.get("cloudEvents_id")))
        return (self.type is None or self.type in type_of(message)) and (
            self.id is None or self.id in ids
        )


async def count(installation: Installation) -> list[dict[str, object]]:
    """Return how many dead letters each queue has, and for what reasons."""
    rows: list[dict[str, object]] = []
    for queue in queues(installation):
        found = [row async for row in read(installation, Selection(queue))]
        if found:
            reasons = Counter(str(row["code"]) for row in found)
            publishers = Counter(str(row["user_id"]) for row in found)
            rows.append(
                {
                    "queue": queue,
                    "dead_letters": len(found),
                    "reasons": dict(reasons),
                    "user_ids": dict(publishers),
                }
            )
    return rows


async def read(
    installation: Installation, selection: Selection
) -> AsyncIterator[dict[str, object]]:
    """Yield dead letters; they stay in their queue, in their order."""
    async with installation.connect() as connection, _taken(connection, selection) as messages:
        shown = 0
        async for message in messages:
            if selection.matches(message) and shown < selection.count_max:
                shown += 1
                yield _shown(message, selection.queue)


async def history(
    installation: Installation, selection: Selection
) -> AsyncIterator[dict[str, object]]:
    """Yield the dead letters of a queue of the last 30 days, also those that were removed."""
    async with installation.connect() as connection:
        shown = 0
        async for message in read_log(connection, DEAD_LETTER_STREAM, start="first"):
            of_queue = message.routing_key == selection.queue
            if of_queue and selection.matches(message) and shown < selection.count_max:
                shown += 1
                yield _shown(message, selection.queue)


@dataclass(frozen=True, slots=True)
class Redriven:
    """How many dead letters were redriven; why others were refused, by id."""

    count: int
    refused: Mapping[str, str]


async def redrive(installation: Installation, selection: Selection) -> Redriven:
    """Send dead letters to their queue again and remove them; refused ones stay."""
    async with installation.connect() as connection, _chosen(connection, selection) as messages:
        refused, again = {}, []
        for message in messages:
            if reason := refusal(message, selection.queue):
                refused[_id_of(message)] = reason
            else:
                again.append(message)
        ids = [_id_of(message) for message in again]
        async with recorded(
            installation,
            "dlq.redrive",
            queue=selection.queue,
            ids=ids,
            count=len(ids),
            refused=refused,
        ):
            await redeliver(connection, selection.queue, _redeliveries(again, selection.queue))
            # A crash before this repeats messages, and inboxes drop repeated ones; it loses none.
            for message in again:
                await message.ack()
        return Redriven(len(again), refused)


async def drop(installation: Installation, selection: Selection) -> int:
    """Remove dead letters for good; return how many."""
    async with installation.connect() as connection, _chosen(connection, selection) as messages:
        ids = [_id_of(message) for message in messages]
        async with recorded(
            installation, "dlq.drop", queue=selection.queue, ids=ids, count=len(ids)
        ):
            for message in messages:
                await message.ack()
        return len(ids)


@asynccontextmanager
async def _chosen(
    connection: AbstractConnection, selection: Selection
) -> AsyncIterator[list[AbstractIncomingMessage]]:
    """Hold the selected dead letters; those not acknowledged return to their places."""
    async with _taken(connection, selection) as messages:
        chosen: list[AbstractIncomingMessage] = []
        async for message in messages:
            if selection.matches(message) and len(chosen) < selection.count_max:
                chosen.append(message)
        yield chosen


@asynccontextmanager
async def _taken(
    connection: AbstractConnection, selection: Selection
) -> AsyncIterator[AsyncIterator[AbstractIncomingMessage]]:
    """Take each message of the queue once; those not acknowledged return to their places."""
    channel = await connection.channel()
    queue = await channel.declare_queue(f"{selection.queue}.dlq", passive=True)
    taken: list[AbstractIncomingMessage] = []
    yield _take(queue, taken)
    await channel.close()
    await until_returned(connection, queue.name, sum(not each.processed for each in taken))


async def _take(
    queue: AbstractQueue, taken: list[AbstractIncomingMessage]
) -> AsyncIterator[AbstractIncomingMessage]:
    """Take as many messages as there are: more, and returned ones would come again."""
    assert queue.declaration_result.message_count is not None
    for _ in range(queue.declaration_result.message_count):
        message = await queue.get(fail=False)
        if message is None:
            return
        taken.append(message)
        yield message


async def _redeliveries(
    messages: Sequence[AbstractIncomingMessage], queue: str
) -> AsyncIterator[Redelivery]:
    for message in messages:
        headers = {
            name: value
            for name, value in message.headers.items()
            if not name.startswith(_OF_THE_FAILURE)
        }
        yield Redelivery(
            original_publisher=original_publisher_of(message, queue) or "",
            type=type_of(message),
            message_id=message.message_id or "",
            correlation_id=message.correlation_id or "",
            headers={**headers, REDRIVE_HEADER: str(times_redriven(message) + 1)},
            body=message.body,
        )


def readable(body: bytes) -> object:
    """Return a body as JSON if it is valid, else as text."""
    try:
        return json.loads(body)
    # JSON that is nested thousands deep is shown as text.
    except (ValueError, RecursionError):
        return body.decode(errors="replace")


def _id_of(message: AbstractIncomingMessage | Logged) -> str:
    return str(message.headers.get("ovation_message_id") or message.message_id)


def _shown(message: AbstractIncomingMessage | Logged, queue: str) -> dict[str, object]:
    headers = message.headers
    return {
        "id": _id_of(message),
        "type": type_of(message),
        # The publisher, checked by the broker. It wrote the headers itself.
        "user_id": message.user_id,
        "header_publisher": headers.get("ovation_publisher"),
        "header_original_publisher": headers.get(ORIGINAL_PUBLISHER_HEADER),
        "not_redriven_because": refusal(message, queue),
        "attempts": headers.get("ovation_attempts"),
        "redriven": headers.get("ovation_redrive", "0"),
        # Without a code of ours the broker dead-lettered it: maxlen, rejected.
        "code": headers.get("ovation_error_code", headers.get("x-first-death-reason")),
        "message": headers.get("ovation_error_message"),
        "stack": headers.get("ovation_error_stack"),
        "correlation_id": headers.get("correlation_id"),
        "body": readable(message.body),
    }
