"""
What a service says about its own work: what waits, what is late, and what it did with a message.

Operators read it; nothing here changes anything, and nothing names a person.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from shared.backoffice.in_flight import InFlight, count_in_flight
from shared.contracts.routes import QUEUES
from shared.http import AllParts, from_state, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import Count, Instant, described
from shared.identity.tokens import Identity, Unauthenticated
from shared.messaging.delivery import service_of
from shared.messaging.depths import QueueDepths
from shared.postgres.database import Database, Transaction
from shared.postgres.statements import text

OPERATIONS_SCOPE = "books:read"
OperationsReader = Annotated[Identity, operator_with(OPERATIONS_SCOPE)]
Depths = Annotated[QueueDepths | None, from_state("depths")]
# More than this need no exact number.
WAITING_MAX = 100_000
BLOCKED_MAX = 100


QueueName = Annotated[
    str, described("The queue: the service and what it is for.", "wallet.gifts", "wallet.money")
]
ServiceName = Annotated[str, described("The service that answers.", "wallet")]
MessageId = Annotated[
    UUID,
    described(
        "The message; an event's is the `id` of its CloudEvents document.",
        "5e0c8f57-3b1c-5a4e-9d7f-2c8f1a0b6d11",
    ),
]


class _Read(Body):
    model_config = ConfigDict(from_attributes=True)


class QueueState(_Read):
    """What waits in a queue of the service, and what the service could not handle."""

    queue: QueueName
    waiting: Annotated[int | None, Field(examples=[0])]
    """How many messages wait to be handled, in all partitions; null if the broker is away."""
    dead_letters: Annotated[int | None, Field(examples=[0])]
    """How many messages were set aside for good; null if the broker is away."""


class BlockedMessage(_Read):
    """A message the broker refused; what has the same key waits behind it."""

    message_id: MessageId
    reason: Annotated[str, Field(examples=["NO_ROUTE"])]
    """Why the broker refused it, in its own words."""
    parked: Annotated[bool, Field(examples=[False])]
    """Whether it is not tried again until an operator says so."""
    behind: Count
    """How many messages of its key are yet to leave, itself among them."""
    blocked_at: Instant
    """When the broker first refused it."""


class OutboxState(Body):
    """What is yet to be published."""

    waiting: Count
    """How many messages are yet to leave; 100,000 stand for that many or more in one part."""
    oldest_at: Instant | None
    """When the oldest of them was written; null if none waits."""
    blocked: list[BlockedMessage]
    """What the broker refuses, the oldest first, at most a hundred."""


class WorkState(Body):
    """Work of one type that waits for an outcome."""

    type: Annotated[str, Field(examples=["purchase", "refund"])]
    """What kind of work it is."""
    states: Annotated[dict[str, int], Field(examples=[{"pending": 2, "paid": 1}])]
    """How much of it is open in each state."""
    overdue: Annotated[int, Field(examples=[0])]
    """How much of it waits for longer than it should in its state."""


class OperationsState(Body):
    """How a service's work stands."""

    service: ServiceName
    as_of: Instant
    """When it was read; what queues hold may be five seconds older."""
    queues: list[QueueState]
    """Each queue that the service consumes."""
    outbox: OutboxState
    """What the service is yet to publish."""
    work: list[WorkState]
    """What waits for an outcome; nothing in services that have no such work."""


class HandledMessage(_Read):
    """When the consumer of a queue handled a message."""

    queue: QueueName
    received_at: Instant
    """When its effects were committed."""


class MessageProgress(Body):
    """What a service did with a message."""

    service: ServiceName
    message: MessageId
    handled: list[HandledMessage]
    """The queues whose consumers handled it, in the last 35 days."""
    waits_in_outbox: Annotated[bool, Field(examples=[False])]
    """Whether the service is yet to publish it."""
    blocked: list[BlockedMessage]
    """Itself, if the broker refuses it."""


def add_operations(router: APIRouter, service: str, in_flight: Sequence[InFlight] = ()) -> None:
    """Add the routes by which operators see how the work of a service stands."""

    async def read_operations(_: OperationsReader, db: AllParts, depths: Depths) -> OperationsState:
        """Read what waits in the service's queues and outbox, and what is overdue."""
        return OperationsState(
            service=service,
            as_of=datetime.now(UTC),
            queues=[QueueState.model_validate(each) for each in await depths.read()]
            if depths is not None
            else [],
            outbox=await _read_outbox(db),
            work=[
                WorkState(type=each.type, states=dict(states), overdue=overdue)
                for each in in_flight
                for states, overdue in [await count_in_flight(db, each)]
            ],
        )

    async def read_message(
        message: MessageId, _: OperationsReader, db: AllParts
    ) -> MessageProgress:
        """Read which of the service's queues handled a message, and whether it is yet to leave."""
        return await _read_message(db, service, message)

    for suffix, route in (("operations", read_operations), ("messages/{message}", read_message)):
        router.add_api_route(
            f"/operator/{service}/{suffix}",
            route,
            tags=["operator-work"],
            name=f"{route.__name__.replace('read_', f'read_{service}_')}",
            responses=refusals(Unauthenticated, ScopeMissing),
        )


async def _read_outbox(database: Database) -> OutboxState:
    waiting, oldest, blocked = 0, [], []
    for mailbox in database.mailboxes:
        async with mailbox.transaction() as tx:
            pending = (await tx.execute(_PENDING, {"limit": WAITING_MAX})).one()
            waiting += pending.waiting
            oldest += [pending.oldest_at] if pending.oldest_at else []
            blocked += await _blocked(tx)
    return OutboxState(
        waiting=waiting, oldest_at=min(oldest, default=None), blocked=blocked[:BLOCKED_MAX]
    )


async def _blocked(tx: Transaction, message: UUID | None = None) -> list[BlockedMessage]:
    rows = await tx.execute(_BLOCKED, {"message": message, "limit": BLOCKED_MAX})
    return [BlockedMessage.model_validate(row) for row in rows]


async def _read_message(database: Database, service: str, message: UUID) -> MessageProgress:
    queues = [queue for queue in QUEUES if service_of(queue) == service]
    found = MessageProgress(
        service=service, message=message, handled=[], waits_in_outbox=False, blocked=[]
    )
    for mailbox in database.mailboxes:
        async with mailbox.transaction() as tx:
            handled = await tx.execute(_HANDLED, {"queues": queues, "message": message})
            found.handled += [HandledMessage.model_validate(row) for row in handled]
            waits = {"message": message, "limit": WAITING_MAX}
            found.waits_in_outbox |= bool(await tx.execute(_WAITS, waits))
            found.blocked += await _blocked(tx, message)
    return found


_PENDING = text("""
    SELECT count(*) AS waiting, min(created_at) AS oldest_at
    FROM (SELECT created_at FROM outbox ORDER BY id LIMIT :limit) AS oldest
""")
# Without the key: it may be a user's id.
_BLOCKED = text("""
    SELECT message_id, reason, retry_at IS NULL AS parked, blocked_at,
           (SELECT count(*) FROM outbox WHERE outbox.share = blocked.share
                AND outbox.key = blocked.key) AS behind
    FROM outbox_blocked AS blocked
    WHERE message_id = coalesce(CAST(:message AS uuid), message_id)
    ORDER BY blocked_at LIMIT :limit
""")
_HANDLED = text("""
    SELECT queue, received_at FROM inbox
    WHERE queue = ANY(CAST(:queues AS text[])) AND message_id = :message
    ORDER BY received_at
""")
_WAITS = text("""
    SELECT FROM (SELECT message_id FROM outbox ORDER BY id LIMIT :limit) AS oldest
    WHERE message_id = :message LIMIT 1
""")
