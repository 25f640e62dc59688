"""
Dead letters: what a service or a team could not handle, why, and whether it is tried again.

Of a team's queue they are also what it lost: a full one lets its oldest messages go, and the
broker itself says why (`maxlen`).

A letter is sent again only if it is known who said it first, and that this is the owner of its
event: anything else would become true because an operator repeated it.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aio_pika.abc import AbstractConnection, AbstractIncomingMessage, AbstractQueue

from deploy.ctl.audit import recorded
from deploy.ctl.installation import Installation
from deploy.ctl.redelivery import Again, redeliver
from deploy.ctl.teams import queues
from shared.contracts.decoding import ORIGINAL_PUBLISHER_HEADER, owner_of
from shared.messaging.delivery import OPERATOR_USER, service_of

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


async def count(installation: Installation) -> list[dict[str, object]]:
    """Return how many letters each queue has, and for what reasons."""
    rows: list[dict[str, object]] = []
    for queue in queues(installation):
        letters = [letter async for letter in look(installation, Wanted(queue))]
        if letters:
            reasons = Counter(str(letter["code"]) for letter in letters)
            publishers = Counter(str(letter["user_id"]) for letter in letters)
            rows.append(
                {
                    "queue": queue,
                    "letters": len(letters),
                    "reasons": dict(reasons),
                    "user_ids": dict(publishers),
                }
            )
    return rows


async def look(installation: Installation, wanted: Wanted) -> AsyncIterator[dict[str, object]]:
    """Yield letters; they stay where they are, in their order."""
    async with installation.connect() as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(f"{wanted.queue}.dlq", passive=True)
        shown = 0
        # What is not acknowledged goes back to its place when the channel closes.
        async for letter in _take(queue):
            if wanted.names(letter) and shown < wanted.count_max:
                shown += 1
                yield _shown(letter, wanted.queue)


@dataclass(frozen=True, slots=True)
class Redriven:
    """How many letters went to their queue again, and why others were not let through, by id."""

    count: int
    refused: Mapping[str, str]


async def redrive(installation: Installation, wanted: Wanted) -> Redriven:
    """Send letters to their queue again and forget them; those nobody answers for stay."""
    async with installation.connect() as connection, _chosen(connection, wanted) as letters:
        refused, again = {}, []
        for letter in letters:
            if reason := refusal(letter, wanted.queue):
                refused[_id_of(letter)] = reason
            else:
                again.append(letter)
        ids = [_id_of(letter) for letter in again]
        async with recorded(
            installation,
            "dlq.redrive",
            queue=wanted.queue,
            ids=ids,
            count=len(ids),
            refused=refused,
        ):
            messages = _as_messages(again, wanted.queue)
            await redeliver(connection, wanted.queue, messages)
            # A crash before this repeats messages, which their inbox knows; it loses none.
            for letter in again:
                await letter.ack()
        return Redriven(len(again), refused)


async def drop(installation: Installation, wanted: Wanted) -> int:
    """Forget letters for good; return how many."""
    async with installation.connect() as connection, _chosen(connection, wanted) as letters:
        ids = [_id_of(letter) for letter in letters]
        async with recorded(installation, "dlq.drop", queue=wanted.queue, ids=ids, count=len(ids)):
            for letter in letters:
                await letter.ack()
        return len(ids)


def refusal(letter: AbstractIncomingMessage, queue: str) -> str | None:
    """Return why a letter may not be sent again, or None if its owner said it."""
    if letter.headers.get("ovation_error_code") == "foreign-publisher":
        return "foreign-publisher: its queue refused it because of who said it"
    kind = _type_of(letter)
    original, owner = _original_publisher(letter, queue), owner_of(kind)
    if original is None:
        return f"put there by {letter.user_id!r}, which is neither {queue}'s service nor its owner"
    if original != owner:
        return f"{kind or 'without a type'} was said by {original!r}, and is not its to say"
    return None


def _original_publisher(letter: AbstractIncomingMessage, queue: str) -> str | None:
    """
    Return who said first what is in a letter, as far as the broker or a forwarder answers for it.

    `user_id` is checked by the broker. The queue's own service parked the letter, or tried its
    message again; an operator repeated it; or the broker itself set aside what its owner said.
    """
    user, headers = letter.user_id or "", letter.headers
    named = headers.get(ORIGINAL_PUBLISHER_HEADER)
    if user == OPERATOR_USER:
        return named if isinstance(named, str) else None
    if user == service_of(queue):
        if isinstance(named, str):
            return named
        # Of the version before, which heard its own retries and operators about everything.
        given = headers.get("ovation_publisher", user)
        return owner_of(_type_of(letter)) if given in (user, OPERATOR_USER) else str(given)
    return user if user == owner_of(_type_of(letter)) else None


@asynccontextmanager
async def _chosen(
    connection: AbstractConnection, wanted: Wanted
) -> AsyncIterator[list[AbstractIncomingMessage]]:
    """Hold the letters that are meant; those that are not acknowledged go back to their place."""
    channel = await connection.channel()
    queue = await channel.declare_queue(f"{wanted.queue}.dlq", passive=True)
    chosen: list[AbstractIncomingMessage] = []
    async for letter in _take(queue):
        if wanted.names(letter) and len(chosen) < wanted.count_max:
            chosen.append(letter)
    yield chosen
    await channel.close()


async def _take(queue: AbstractQueue) -> AsyncIterator[AbstractIncomingMessage]:
    """Take each letter once: no more than there were, or what we put back would come round."""
    assert queue.declaration_result.message_count is not None
    for _ in range(queue.declaration_result.message_count):
        letter = await queue.get(fail=False)
        if letter is None:
            return
        yield letter


async def _as_messages(
    letters: Sequence[AbstractIncomingMessage], queue: str
) -> AsyncIterator[Again]:
    for letter in letters:
        headers = {
            name: value
            for name, value in letter.headers.items()
            if not name.startswith(_OF_THE_FAILURE)
        }
        redriven = _number(headers.get("ovation_redrive")) + 1
        yield Again(
            original_publisher=_original_publisher(letter, queue) or "",
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


def _shown(letter: AbstractIncomingMessage, queue: str) -> dict[str, object]:
    headers = letter.headers
    return {
        "id": _id_of(letter),
        "type": _type_of(letter),
        # Who put it there, checked by the broker. Headers say whatever that one wrote.
        "user_id": letter.user_id,
        "header_publisher": headers.get("ovation_publisher"),
        "header_said_by": headers.get(ORIGINAL_PUBLISHER_HEADER),
        "not_redriven_because": refusal(letter, queue),
        "attempts": headers.get("ovation_attempts"),
        "redriven": headers.get("ovation_redrive", "0"),
        # Without a code of ours it was the broker who set it aside: maxlen, rejected.
        "code": headers.get("ovation_error_code", headers.get("x-first-death-reason")),
        "message": headers.get("ovation_error_message"),
        "stack": headers.get("ovation_error_stack"),
        "correlation_id": headers.get("correlation_id"),
        "body": readable(letter.body),
    }
