"""
Dead letters of a service, looked at and redriven by an operator through its API.

A redrive is a row of `redrives` and a message of the outbox, in one transaction. Only when the
broker has confirmed that message does the dead letter leave its queue. If the service stops in
between, the dead letter is still there: the next request finishes the work, and sends nothing
twice.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from pydantic_core import from_json

from shared.backoffice.adjustments import audit
from shared.errors import Kind, Refusal
from shared.http.people import PERSON_FIELDS
from shared.idempotency import KeyReused, record_key
from shared.identity.people import require_other_person
from shared.messaging import outbox
from shared.messaging.dead_letters import (
    DeadLetterQueues,
    Taken,
    redrive_id,
    redrive_of,
    refusal,
)
from shared.postgres.database import Database, Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

CONFIRM_SECONDS_MAX = 8.0
CONFIRM_POLL_SECONDS = 0.05
# Looks at one queue take turns: what one holds, the others would not find.
TURN_SECONDS_MAX = 5
# Whom an event names beside those whom requests name: a share's creator, guests of a stream.
ALSO_NAMED = ("shared_by", "guests")
PEOPLE_MAX = 50


class NoSuchQueue(Refusal):
    """This service consumes no queue of this name."""

    kind = Kind.NOT_FOUND


class NoSuchDeadLetter(Refusal):
    """This dead letter is not among the oldest of its queue: it was redriven, or dropped."""

    kind = Kind.NOT_FOUND


class RedriveForbidden(Refusal):
    """The owner of this event did not publish it: it is evidence, and is never sent again."""

    kind = Kind.FORBIDDEN


class DeadLettersBusy(Refusal):
    """Another operator looks at the dead letters of this queue; nothing was done, try again."""

    kind = Kind.UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Redrive:
    """That a dead letter was sent to its queue again: by whom, when and why."""

    dead_letter: UUID
    queue: str
    message: str
    operator: str
    reason: str
    redriven_at: datetime


@dataclass(frozen=True, slots=True)
class RedriveRequest:
    """A dead letter that an operator wants redriven; a repeat has the same key."""

    dead_letter: UUID
    queue: str
    operator: str
    key: str
    request_hash: bytes
    reason: str


class DeadLetters:
    """The dead letters of a service's queues."""

    def __init__(self, database: Database, queues: DeadLetterQueues) -> None:
        self._database = database
        self._queues = queues

    async def read(self, queue: str) -> list[tuple[Taken, Redrive | None]]:
        """Return the oldest dead letters of a queue, and who redrove those that are still there."""
        async with self.held(queue) as found:
            known = await self._redrives([each.id for each in found])
        # A copy of a dead letter is the same one: both leave together, unless one is forged.
        best = {each.id: each for each in sorted(found, key=_is_redrivable)}
        in_turn = dict.fromkeys(each.id for each in found)
        return [(best[dead_letter], known.get(dead_letter)) for dead_letter in in_turn]

    async def redrive(self, request: RedriveRequest, *, route: str) -> tuple[Redrive, bool]:
        """Send a dead letter to its queue again; return that, and whether it left its own."""
        await self._check_key(request)
        async with self.held(request.queue) as found:
            copies = [each for each in found if each.id == request.dead_letter]
            if not copies:
                known = await self._redrives([request.dead_letter])
                if request.dead_letter not in known:
                    raise NoSuchDeadLetter(dead_letter=request.dead_letter)
                return known[request.dead_letter], True
            # A stranger's copy of it neither stops it nor leaves with it.
            copies = [each for each in copies if _is_redrivable(each)] or copies[:1]
            redrive = await self._send(copies[0], request, route)
            if not await self._is_confirmed(request.dead_letter):
                return redrive, False
            for each in copies:
                await each.remove()
        return redrive, True

    async def _send(self, taken: Taken, request: RedriveRequest, route: str) -> Redrive:
        if reason := refusal(taken.delivery, taken.queue):
            raise RedriveForbidden(reason=reason)
        people = people_of(taken.delivery.body)
        for person in people:
            require_other_person(operator=request.operator, user=person)
        async with self._database.reference.transaction() as tx:
            is_new = await _record(tx, request, taken.delivery.original_id)
            if is_new:
                await outbox.send(tx, [redrive_of(taken)])
                await audit(
                    tx,
                    operator=request.operator,
                    action="dead_letter.redriven",
                    user=people[0] if people else "",
                    reason=request.reason,
                    queue=taken.queue,
                    message=taken.delivery.original_id,
                    dead_letter=request.dead_letter,
                    code=str(taken.delivery.headers.get("ovation_error_code", ""))[:100],
                )
            tx.after_commit(lambda: record_key(route, is_new=is_new))
        return (await self._redrives([request.dead_letter]))[request.dead_letter]

    async def _check_key(self, request: RedriveRequest) -> None:
        async with self._database.reference.transaction() as tx:
            await _check_key(tx, request)

    async def _redrives(self, dead_letters: Sequence[UUID]) -> dict[UUID, Redrive]:
        async with self._database.reference.transaction() as tx:
            rows = await tx.execute(_FIND, {"dead_letters": list(dead_letters)})
        return {row.dead_letter: _redrive(row) for row in rows}

    async def _is_confirmed(self, dead_letter: UUID) -> bool:
        """Wait for the relay to delete the message, which it does once the broker confirmed it."""
        about = {"message": redrive_id(dead_letter)}
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + CONFIRM_SECONDS_MAX
        async with self._database.reference.transaction() as tx:
            row = (await tx.execute(_WAITING, about)).first()
        while row is not None and loop.time() < give_up_at:
            await asyncio.sleep(CONFIRM_POLL_SECONDS)
            async with self._database.reference.transaction() as tx:
                if not await tx.execute(_STILL_WAITING, {"id": row.id}):
                    row = None
        return row is None

    @asynccontextmanager
    async def held(self, queue: str) -> AsyncIterator[Sequence[Taken]]:
        """Hold the oldest dead letters of a queue, when no other operator does."""
        if queue not in self._queues.queues:
            raise NoSuchQueue(queue=queue[:100])
        session = await self._database.connect_directly()
        try:
            try:
                await session.execute(f"SET lock_timeout = '{TURN_SECONDS_MAX}s'")
                await session.execute(_TAKE_TURN, f"dead-letters:{queue}")
            except asyncpg.LockNotAvailableError as error:
                raise DeadLettersBusy(queue=queue) from error
            async with self._queues.taken(queue) as found:
                yield found
        finally:
            session.terminate()


def people_of(body: bytes) -> list[str]:
    """Return whom an event is about, whose it is first; nobody, if it cannot be read."""
    try:
        envelope = from_json(body)
        data = envelope["data"]
        given = [envelope["partitionkey"]]
        for field in (*sorted(PERSON_FIELDS), *ALSO_NAMED):
            named = data.get(field)
            given += named if isinstance(named, list) else [named]
    except (ValueError, LookupError, TypeError, AttributeError):
        return []
    return list(dict.fromkeys(each for each in given if isinstance(each, str) and each))[
        :PEOPLE_MAX
    ]


def _is_redrivable(taken: Taken) -> bool:
    return refusal(taken.delivery, taken.queue) is None


async def _check_key(tx: Transaction, request: RedriveRequest) -> None:
    about = {"operator": request.operator, "key": request.key}
    row = (await tx.execute(_BY_KEY, about)).first()
    if row is not None and row.request_hash != request.request_hash:
        raise KeyReused(dead_letter=row.dead_letter)


async def _record(tx: Transaction, request: RedriveRequest, message: str) -> bool:
    """Return whether this is the first redrive of the dead letter."""
    added = await tx.execute(
        _RECORD,
        {
            "dead_letter": request.dead_letter,
            "operator": request.operator,
            "key": request.key,
            "hash": request.request_hash,
            "queue": request.queue,
            "message": message,
            "reason": request.reason,
        },
    )
    if not added:
        # Another request may have used the key since it was looked at.
        await _check_key(tx, request)
    return bool(added)


_redrive = RowMapper(Redrive)
_TAKE_TURN = "SELECT pg_advisory_lock(hashtextextended($1, 0))"
_RECORD = text("""
    INSERT INTO redrives (
        dead_letter, operator, idempotency_key, request_hash, queue, message, reason
    )
    VALUES (:dead_letter, :operator, :key, :hash, :queue, :message, :reason)
    ON CONFLICT DO NOTHING
    RETURNING dead_letter
""")
_FIND = text("""
    SELECT dead_letter, queue, message, operator, reason, redriven_at FROM redrives
    WHERE dead_letter = ANY(CAST(:dead_letters AS uuid[]))
""")
_BY_KEY = text("""
    SELECT dead_letter, request_hash FROM redrives
    WHERE operator = :operator AND idempotency_key = :key
""")
_WAITING = text("SELECT id FROM outbox WHERE message_id = :message ORDER BY id LIMIT 1")
_STILL_WAITING = text("SELECT FROM outbox WHERE id = :id")
