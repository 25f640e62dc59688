"""
What a service says about its own work: what waits, what is late, and what it did with a message.

Operators read it; nothing here changes anything, and nothing names a person.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict

from shared.backoffice.in_flight import InFlight, count_in_flight
from shared.contracts.base import in_unit, like
from shared.contracts.routes import QUEUES
from shared.http import AllParts, from_state, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import EventId, Instant
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


class _Read(Body):
    model_config = ConfigDict(from_attributes=True)


class QueueState(_Read):
    """
    What waits in a queue of the service, and what it could not handle.

    Both are null if the broker does not answer.
    """

    queue: Annotated[str, like("wallet.gift-requests")]
    """The queue, as RabbitMQ knows it."""
    waiting: Annotated[int, in_unit("messages", 0)] | None
    """How many messages wait in it; null if the broker does not answer."""
    dead_letters: Annotated[int, in_unit("messages", 0)] | None
    """How many the service could not handle and set aside; null if the broker does not answer."""


class BlockedMessage(_Read):
    """A message the broker refused, and how many wait behind it; parked, it is not tried again."""

    message_id: EventId
    reason: Annotated[str, like("The broker refused it.")]
    """Why the broker did not take it."""
    parked: bool
    """Whether it is not tried again until an operator acts."""
    behind: Annotated[int, in_unit("messages", 3)]
    """How many messages of the same user wait behind it."""
    blocked_at: Instant
    """Since when it is blocked."""


class OutboxState(Body):
    """What is yet to be published, at most 100,000, and since when the oldest of it waits."""

    waiting: Annotated[int, in_unit("messages", 0)]
    """How many messages are yet to be published; 100,000 stands for more."""
    oldest_at: Annotated[Instant | None, like(None, "2026-11-23T12:00:00Z")]
    """Since when the oldest of them waits; null if none does."""
    blocked: Annotated[list[BlockedMessage], like([])]
    """At most 100 messages that the broker refused; empty if it took all."""


class WorkState(Body):
    """Work of one type that waits for an outcome, by state, and how much of it is overdue."""

    type: Annotated[str, like("gift")]
    """What waits: gifts, payouts, refunds and so on."""
    states: Annotated[dict[str, int], like({"requested": 3})]
    """How much of it is in each open state."""
    overdue: Annotated[int, like(0)]
    """How much of it waits longer than its outcome should take."""


class OperationsState(Body):
    """How a service's work stands."""

    service: Annotated[str, like("gift")]
    """The service of Ovation that answers."""
    as_of: Instant
    """When it was counted."""
    queues: list[QueueState]
    """Its queues; empty if it knows no broker."""
    outbox: OutboxState
    """What it has yet to publish."""
    work: list[WorkState]
    """What waits for an outcome, by type."""


class HandledMessage(_Read):
    """When the consumer of a queue handled a message."""

    queue: Annotated[str, like("wallet.gift-requests")]
    """The queue, as RabbitMQ knows it."""
    received_at: Instant
    """When its consumer handled the message."""


class MessageProgress(Body):
    """
    What a service did with a message: which queues handled it, and whether it is yet to leave.

    What was handled is known for 35 days.
    """

    service: Annotated[str, like("wallet")]
    """The service of Ovation that answers."""
    message: EventId
    handled: list[HandledMessage]
    """The queues of the service that handled it; empty if none did in the last 35 days."""
    waits_in_outbox: bool
    """Whether the service has yet to publish it."""
    blocked: Annotated[list[BlockedMessage], like([])]
    """The message itself, if the broker refused it; else empty."""


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

    async def read_message(message: EventId, _: OperationsReader, db: AllParts) -> MessageProgress:
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
