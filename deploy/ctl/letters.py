"""
Dead letters: what a service or a team could not handle, why, and whether it is tried again.

Of a team's queue they are also what it lost: a full one lets its oldest messages go, and the
broker itself says why (`maxlen`).
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from aio_pika.abc import AbstractIncomingMessage, AbstractQueue

from deploy.ctl.places import Places
from deploy.ctl.redelivery import Again, redeliver
from deploy.ctl.teams import queues

# Of an attempt that is over; a redriven message starts anew.
NUMBER_DIGITS_MAX = 6
_OF_THE_FAILURE = ("ovation_error_", "ovation_attempt", "ovation_publisher", "x-")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters of a queue are meant; without a type or an id, all of them."""

    queue: str
    type: str | None = None
    id: str | None = None
    count_max: int = 1_000_000

    def names(self, letter: AbstractIncomingMessage) -> bool:
        """Whether it is one of these: an id may be the message's or the event's."""
        headers = letter.headers
        ids = (_id_of(letter), str(headers.get("cloudEvents_id")))
        return (self.type is None or self.type in _type_of(letter)) and (
            self.id is None or self.id in ids
        )


async def count(places: Places) -> list[dict[str, object]]:
    """Return how many letters each queue has, and for what reasons."""
    rows: list[dict[str, object]] = []
    for queue in queues(places):
        letters = [letter async for letter in look(places, Wanted(queue))]
        if letters:
            reasons = Counter(str(letter["code"]) for letter in letters)
            rows.append({"queue": queue, "letters": len(letters), "reasons": dict(reasons)})
    return rows


async def look(places: Places, wanted: Wanted) -> AsyncIterator[dict[str, object]]:
    """Yield letters; they stay where they are, in their order."""
    async with places.connect() as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(f"{wanted.queue}.dlq", passive=True)
        shown = 0
        # What is not acknowledged goes back to its place when the channel closes.
        async for letter in _take(queue):
            if wanted.names(letter) and shown < wanted.count_max:
                shown += 1
                yield _shown(letter)


async def redrive(places: Places, wanted: Wanted) -> int:
    """Send letters to their queue again and forget them; return how many."""
    return await _empty(places, wanted, again=True)


async def drop(places: Places, wanted: Wanted) -> int:
    """Forget letters for good; return how many."""
    return await _empty(places, wanted, again=False)


async def _empty(places: Places, wanted: Wanted, *, again: bool) -> int:
    async with places.connect() as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(f"{wanted.queue}.dlq", passive=True)
        chosen: list[AbstractIncomingMessage] = []
        async for letter in _take(queue):
            if wanted.names(letter) and len(chosen) < wanted.count_max:
                chosen.append(letter)
        if again:
            await redeliver(connection, wanted.queue, _as_messages(chosen))
        # A crash before this repeats messages, which their inbox knows; it loses none.
        for letter in chosen:
            await letter.ack()
        await channel.close()
        return len(chosen)


async def _take(queue: AbstractQueue) -> AsyncIterator[AbstractIncomingMessage]:
    """Take each letter once: no more than there were, or what we put back would come round."""
    assert queue.declaration_result.message_count is not None
    for _ in range(queue.declaration_result.message_count):
        letter = await queue.get(fail=False)
        if letter is None:
            return
        yield letter


async def _as_messages(letters: Sequence[AbstractIncomingMessage]) -> AsyncIterator[Again]:
    for letter in letters:
        headers = {
            name: value
            for name, value in letter.headers.items()
            if not name.startswith(_OF_THE_FAILURE)
        }
        redriven = _number(headers.get("ovation_redrive")) + 1
        yield Again(
            type=_type_of(letter),
            message_id=letter.message_id or "",
            correlation_id=letter.correlation_id or "",
            headers={**headers, "ovation_redrive": str(redriven)},
            body=letter.body,
        )


def _type_of(letter: AbstractIncomingMessage) -> str:
    return str(letter.headers.get("cloudEvents_type") or letter.type or "")


def readable(body: bytes) -> object:
    """Return a body as JSON if it is, else as text: a letter may be anything."""
    try:
        return json.loads(body)
    # Brackets nested thousands deep are not a document anybody can be shown.
    except (ValueError, RecursionError):
        return body.decode(errors="replace")


def _number(given: object) -> int:
    text = str(given)
    return int(text) if text.isdecimal() and len(text) < NUMBER_DIGITS_MAX else 0


def _id_of(letter: AbstractIncomingMessage) -> str:
    return str(letter.headers.get("ovation_message_id") or letter.message_id)


def _shown(letter: AbstractIncomingMessage) -> dict[str, object]:
    headers = letter.headers
    return {
        "id": _id_of(letter),
        "type": _type_of(letter),
        "publisher": headers.get("ovation_publisher"),
        "attempts": headers.get("ovation_attempts"),
        "redriven": headers.get("ovation_redrive", "0"),
        # Without a code of ours it was the broker who set it aside: maxlen, rejected.
        "code": headers.get("ovation_error_code", headers.get("x-first-death-reason")),
        "message": headers.get("ovation_error_message"),
        "stack": headers.get("ovation_error_stack"),
        "correlation_id": headers.get("correlation_id"),
        "body": readable(letter.body),
    }
