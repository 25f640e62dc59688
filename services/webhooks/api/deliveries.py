"""What was delivered, or not, and how to have it sent again."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from services.webhooks.api.dependencies import (
    OR_READER,
    OR_WRITER,
    Policy,
    ReadTeam,
    WrittenTeam,
    request_of,
)
from services.webhooks.api.endpoints import OWN, EventName
from services.webhooks.commands import events, replays
from services.webhooks.commands.endpoints import lock_endpoint, read_endpoint, record
from services.webhooks.domain.deliveries import (
    Delivery,
    DeliveryState,
    NoSuchDelivery,
    NothingToReplay,
)
from services.webhooks.domain.endpoints import EndpointDisabled
from services.webhooks.store import delivery_log
from services.webhooks.store.delivery_log import Chosen
from shared.contracts.base import in_unit, like
from shared.http import (
    BadCursor,
    IdempotencyKey,
    IdempotencyKeyMissing,
    Limit,
    Moment,
    Page,
    Reference,
    exact_page,
    number_in,
    refusals,
)
from shared.http.auth import Caller
from shared.http.bodies import Body
from shared.http.fields import EndpointId, EventId, Instant
from shared.http.pages import Cursor
from shared.idempotency import KeyReused
from shared.quotas.rules import TooOften

router = APIRouter(prefix="/teams/{team}/endpoints/{endpoint}", tags=["webhooks"])


InState = Annotated[
    DeliveryState | None,
    Query(description="Only deliveries in this state; without it, all.", examples=["failed"]),
]
OfName = Annotated[
    EventName | None,
    Query(description="Only events of this name; without it, all.", examples=["gift.sent"]),
]


class DeliveryResponse(Body):
    """
    One event for an endpoint.

    It is `pending` until it is `delivered`, or given up (`failed`); `due_at` is its next attempt.
    It is `cancelled` if the team may not have the event any more.
    """

    model_config = ConfigDict(from_attributes=True)

    event: EventId
    name: Annotated[str, like("gift.sent")]
    """The event's name; its type is `dev.ovation.` and this and its version."""
    subject: Annotated[str, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d101")]
    """What the event is about: a gift, a purchase, a user."""
    state: Annotated[DeliveryState, like("delivered")]
    """
    How far it is: `pending` until it is `delivered`, or given up (`failed`) and to be replayed;
    `cancelled` if the team may not have the event any more.
    """
    attempts: Annotated[int, in_unit("attempts", 1)]
    """How often it was tried."""
    due_at: Annotated[Instant | None, like(None, "2026-11-23T12:01:00Z")]
    """When it is tried next; null unless it is `pending`."""
    created_at: Instant
    """When the event came for this endpoint."""
    finished_at: Annotated[Instant, like("2026-11-23T12:00:01Z")] | None
    """When it was delivered, given up or cancelled; null while it is `pending`."""


class AttemptResponse(Body):
    """
    One request: `status` is what was answered, `answer` its first characters.

    Without an answer `error` says why. A number that is missing ended with its process.
    """

    model_config = ConfigDict(from_attributes=True)

    number: Annotated[int, like(1)]
    """Which attempt it was, counted from 1. A number that is missing ended with its process."""
    began_at: Instant
    """When the request was sent."""
    milliseconds: Annotated[int, in_unit("milliseconds", 85)]
    """How long it took until the answer, or the error."""
    status: Annotated[int, like(200)] | None
    """The HTTP status of the answer; null if there was none."""
    error: Annotated[str | None, like(None, "timeout")]
    """Why there was no answer; null if there was one."""
    answer: Annotated[str, like("ok")] | None
    """The first characters of the answer's body; null if there was none."""


class DeliveryLogResponse(DeliveryResponse):
    """A delivery with its document, which is null once it is not kept, and its attempts."""

    document: Annotated[
        dict[str, Any] | None,
        like(
            {
                "specversion": "1.0",
                "type": "dev.ovation.gift.sent.v1",
                "source": "/ovation/gift",
                "subject": "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d101",
            }
        ),
    ]
    """The CloudEvents document that was sent; null once it is not kept any more."""
    tried: list[AttemptResponse]
    """The attempts, the oldest first."""


class ReplayRequest(Body):
    """What is sent again: one `event`, what came from `since` to `until`, or all that `failed`."""

    model_config = ConfigDict(extra="forbid")

    event: Annotated[UUID | None, like(None, "5e0c8f57-3b1c-5a4e-9d7f-2c8f1a0b6d11")] = None
    """One event to send again; null if it is chosen otherwise."""
    since: Annotated[Moment | None, like(None, "2026-11-22T00:00:00Z")] = None
    """Send again what came from then on; null if it is chosen otherwise."""
    until: Annotated[Moment | None, like(None, "2026-11-23T00:00:00Z")] = None
    """With `since`: what came before this; null for now."""
    failed: Annotated[bool, Field(strict=True, examples=[True, False])] = False
    """Send again all that was given up."""


class ReplayResponse(Body):
    """How many deliveries are sent again; with 10,000 there may be more."""

    deliveries: Annotated[int, in_unit("deliveries", 12)]
    """How many deliveries are sent again; with 10,000 there may be more, so ask again."""


class PingResponse(Body):
    """The event that is sent: its type is `dev.ovation.webhooks.ping.v1`."""

    event: EventId


@router.get(
    "/deliveries",
    responses=refusals(*OWN, BadCursor),
    openapi_extra=OR_READER,
)
async def list_deliveries(
    endpoint: EndpointId,
    team: ReadTeam,
    db: Reference,
    state: InState = None,
    event_name: OfName = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[DeliveryResponse]:
    """Read what was sent to an endpoint, or is still to be sent, the newest first."""
    before = number_in(cursor)
    async with db.transaction() as tx:
        await read_endpoint(tx, team, endpoint)
        found = await delivery_log.list_before(
            tx, endpoint, state=state, name=event_name, before=before, limit=limit + 1
        )
    return exact_page(found, limit, lambda each: [each[0]], lambda each: _shown(each[1]))


@router.get(
    "/deliveries/{event}",
    responses=refusals(*OWN, NoSuchDelivery),
    openapi_extra=OR_READER,
)
async def read_delivery(
    endpoint: EndpointId, event: EventId, team: ReadTeam, db: Reference
) -> DeliveryLogResponse:
    """Read one delivery: what is sent, and what was answered."""
    async with db.transaction() as tx:
        await read_endpoint(tx, team, endpoint)
        found = await delivery_log.read(tx, endpoint, event)
        if found is None:
            raise NoSuchDelivery
        body = await delivery_log.read_body(tx, event)
        tried = await delivery_log.attempts_of(tx, endpoint, event)
    return DeliveryLogResponse(
        **dict(_shown(found)),
        document=None if body is None else json.loads(body),
        tried=[AttemptResponse.model_validate(each) for each in tried],
    )


@router.post(
    "/replays",
    status_code=201,
    responses=refusals(
        *(*OWN, NothingToReplay, EndpointDisabled, IdempotencyKeyMissing, KeyReused, TooOften)
    ),
    openapi_extra=OR_WRITER,
)
async def replay_deliveries(
    endpoint: EndpointId,
    body: ReplayRequest,
    team: WrittenTeam,
    key: IdempotencyKey,
    caller: Caller,
    policy: Policy,
    db: Reference,
) -> ReplayResponse:
    """Send again what was delivered or given up, with the ids it had."""
    is_range = body.since is not None or body.until is not None
    if [body.event is not None, is_range, body.failed].count(True) != 1:
        raise NothingToReplay
    chosen = Chosen(body.event, body.since, body.until, body.failed)
    request = request_of(team, caller, key, body)
    async with db.transaction() as tx:
        known = await lock_endpoint(tx, team, endpoint)
        count = await replays.replay_deliveries(tx, request, known, chosen, policy)
    return ReplayResponse(deliveries=count)


@router.post(
    "/pings",
    status_code=201,
    responses=refusals(*OWN, EndpointDisabled, IdempotencyKeyMissing, TooOften),
    openapi_extra=OR_WRITER,
)
async def ping_endpoint(
    endpoint: EndpointId,
    team: WrittenTeam,
    key: IdempotencyKey,
    caller: Caller,
    policy: Policy,
    db: Reference,
) -> PingResponse:
    """Send an event that means nothing, to see that the endpoint takes and verifies it."""
    async with db.transaction() as tx:
        known = await lock_endpoint(tx, team, endpoint)
        if not known.is_enabled:
            raise EndpointDisabled
        event, is_new = await events.send_ping(tx, known, key, policy)
        if is_new:
            await record(tx, request_of(team, caller), "endpoint.pinged", known, event=event)
    return PingResponse(event=event)


def _shown(delivery: Delivery) -> DeliveryResponse:
    return DeliveryResponse.model_validate(delivery)
