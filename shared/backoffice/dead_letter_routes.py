"""The routes by which operators look at a service's dead letters, and redrive one."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import ConfigDict

from shared.backoffice.dead_letters import (
    DeadLetters,
    DeadLettersBusy,
    NoSuchDeadLetter,
    NoSuchQueue,
    Redrive,
    RedriveForbidden,
    RedriveRequest,
)
from shared.backoffice.routes import Why
from shared.contracts.base import like
from shared.http import AllParts, IdempotencyKey, IdempotencyKeyMissing, from_state, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import Count, Instant, OperatorName, described
from shared.idempotency import KeyReused, fingerprint
from shared.identity.people import OwnMoney
from shared.identity.tokens import Identity, Unauthenticated
from shared.messaging.dead_letters import (
    BrokerUnavailable,
    DeadLetterQueues,
    Taken,
    refusal,
    times_redriven,
    type_of,
)
from shared.postgres.database import Database

READ_SCOPE = "dead-letters:read"
REDRIVE_SCOPE = "dead-letters:write"
DeadLetterReader = Annotated[Identity, operator_with(READ_SCOPE)]
Redriver = Annotated[Identity, operator_with(REDRIVE_SCOPE)]
# What a page shows. All of it is at the terminal.
LISTED_MAX = 50
BODY_CHARACTERS_MAX = 4_000
WORDS_CHARACTERS_MAX = 500

DeadLetterId = Annotated[
    UUID,
    described(
        "The dead letter, as the list of its queue names it; after a redrive it is another one.",
        "1f0e6a3c-52b1-5d0c-9a51-0d6a2a1c7e44",
    ),
]
QueueName = Annotated[
    str, described("The queue whose consumer gave up on the message.", "wallet.gifts")
]
Queue = Annotated[
    str,
    Query(
        max_length=100,
        description="The queue whose consumer gave up on the messages.",
        examples=["wallet.gifts"],
    ),
]
# Set once the service runs and has a broker.
Queues = Annotated[DeadLetterQueues | None, from_state("dead_letters")]


class RedriveState(Body):
    """That a dead letter was sent to its queue again."""

    model_config = ConfigDict(from_attributes=True)

    dead_letter: DeadLetterId
    queue: QueueName
    message: Annotated[str, like("5e0c8f57-3b1c-5a4e-9d7f-2c8f1a0b6d11")]
    """The message, as its publisher called it; an event's is the `id` of its document."""
    operator: OperatorName
    reason: Annotated[str, like("payout 1.4.2 is rolled out")]
    """Why, as the operator said it."""
    redriven_at: Instant
    """When it was recorded, and put into the outbox."""


class RedriveResult(RedriveState):
    """What became of a request to redrive a dead letter."""

    is_removed: Annotated[bool, like(True)]
    """
    Whether the dead letter left its queue. Until the broker confirms the message, it stays: ask
    again later, with the same key or a new one. Nothing is sent twice.
    """


class DeadLetterState(Body):
    """A message that a service could not handle, and why."""

    dead_letter: DeadLetterId
    message: Annotated[str, like("5e0c8f57-3b1c-5a4e-9d7f-2c8f1a0b6d11")]
    """The message, as its publisher called it; an event's is the `id` of its document."""
    type: Annotated[str, like("dev.ovation.gift.sent.v1")]
    """The type of the event, in the words of its publisher."""
    code: Annotated[str, like("unknown-version")]
    """
    Why it was set aside: a stable code of ours, the name of an error, or the broker's own reason.
    """
    detail: Annotated[str, like("dev.ovation.gift.sent.v2")]
    """The same for people; empty if there is no more to say."""
    stack: Annotated[str, like("0a1b2c3d4e5f")]
    """A hash of the place in the code where it failed: equal ones failed alike. Can be empty."""
    attempts: Annotated[str, like("5")]
    """How often it was tried, as the service wrote it; empty if the broker gave up."""
    times_redriven: Count
    """How often it was redriven before, and came back."""
    published_by: Annotated[str, like("gift")]
    """The broker user who put it here, as the broker checked; empty if it had none."""
    correlation_id: Annotated[str, like("5c0f1c1e6f0d4a0b9f6f0a9c1d2e3f40")]
    """What it is part of, in all logs; in the words of its publisher."""
    not_redriven_because: Annotated[
        str | None, like(None, "foreign-publisher: its queue refused its publisher")
    ]
    """Why it may not be redriven; null if it may be."""
    redrive: RedriveState | None
    """
    That it was sent again and has yet to leave its queue; null if not. Redrive it again to finish.
    """
    body: Annotated[str, like('{"specversion": "1.0"}')]
    """The first 4,000 characters of the message. A stranger may have written them."""
    is_cut: Annotated[bool, like(False)]
    """Whether the message is longer."""


class DeadLetterList(Body):
    """The oldest dead letters of a queue."""

    queue: QueueName
    as_of: Instant
    """When they were looked at."""
    items: list[DeadLetterState]
    """The oldest first, at most fifty."""


class NewRedrive(Why):
    """Which queue a dead letter is of, and why it can be handled now."""

    queue: Annotated[str, described("The queue whose consumer gave up on it.", "wallet.gifts")]


def add_dead_letters(router: APIRouter, service: str) -> None:
    """Add the routes about a service's dead letters."""
    path = f"/operator/{service}/dead-letters"

    async def list_dead_letters(
        queue: Queue, _: DeadLetterReader, db: AllParts, queues: Queues
    ) -> DeadLetterList:
        """List the oldest dead letters of a queue; they stay where they are."""
        items = await _reachable(db, queues, queue).read(queue)
        return DeadLetterList(
            queue=queue,
            as_of=datetime.now(UTC),
            items=[_shown(each, redrive) for each, redrive in items[:LISTED_MAX]],
        )

    async def redrive_dead_letter(
        dead_letter: DeadLetterId,
        wanted: NewRedrive,
        key: IdempotencyKey,
        caller: Redriver,
        db: AllParts,
        queues: Queues,
    ) -> RedriveResult:
        """Send a dead letter to its queue again, and remove it once the broker has the message."""
        request = RedriveRequest(
            dead_letter,
            wanted.queue,
            caller.user,
            key,
            fingerprint(wanted) + dead_letter.bytes,
            wanted.reason,
        )
        redrive, is_removed = await _reachable(db, queues, wanted.queue).redrive(
            request, route=f"/v1{path}/{{dead_letter}}/redrive"
        )
        state = RedriveState.model_validate(redrive).model_dump()
        return RedriveResult(**state, is_removed=is_removed)

    looking = (Unauthenticated, ScopeMissing, NoSuchQueue, BrokerUnavailable, DeadLettersBusy)
    router.add_api_route(
        path,
        list_dead_letters,
        tags=["operator-work"],
        name=f"list_{service}_dead_letters",
        responses=refusals(*looking),
    )
    router.add_api_route(
        f"{path}/{{dead_letter}}/redrive",
        redrive_dead_letter,
        methods=["POST"],
        tags=["operator-work"],
        name=f"redrive_{service}_dead_letter",
        responses=refusals(
            *looking,
            *(NoSuchDeadLetter, RedriveForbidden, OwnMoney, KeyReused, IdempotencyKeyMissing),
        ),
    )


def _reachable(db: Database, queues: DeadLetterQueues | None, queue: str) -> DeadLetters:
    if queues is None:
        raise BrokerUnavailable(queue=queue[:100])
    return DeadLetters(db, queues)


def _shown(taken: Taken, redrive: Redrive | None) -> DeadLetterState:
    delivery = taken.delivery
    body = delivery.body.decode(errors="replace")

    def header(name: str) -> str:
        return str(delivery.headers.get(name, ""))[:WORDS_CHARACTERS_MAX]

    return DeadLetterState(
        dead_letter=taken.id,
        message=delivery.original_id,
        type=type_of(delivery)[:WORDS_CHARACTERS_MAX],
        # Without a code of ours the broker dead-lettered it: maxlen, rejected.
        code=header("ovation_error_code") or header("x-first-death-reason"),
        detail=header("ovation_error_message"),
        stack=header("ovation_error_stack"),
        attempts=header("ovation_attempts"),
        times_redriven=times_redriven(delivery),
        published_by=delivery.user_id,
        correlation_id=header("correlation_id"),
        not_redriven_because=refusal(delivery, taken.queue),
        redrive=None if redrive is None else RedriveState.model_validate(redrive),
        body=body[:BODY_CHARACTERS_MAX],
        is_cut=len(body) > BODY_CHARACTERS_MAX,
    )
