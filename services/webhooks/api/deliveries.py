"""What was delivered, or not, and how to have it sent again."""

import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

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
from shared.idempotency import KeyReused
from shared.quotas.rules import TooOften

router = APIRouter(prefix="/teams/{team}/endpoints/{endpoint}", tags=["webhooks"])


class DeliveryResponse(BaseModel):
    """
    One event for an endpoint.

    It is `pending` until it is `delivered`, or given up (`failed`); `due_at` is its next attempt.
    It is `cancelled` if the team may not have the event any more.
    """

    model_config = ConfigDict(from_attributes=True)

    event: UUID
    name: str
    subject: str
    state: DeliveryState
    attempts: int
    due_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


class AttemptResponse(BaseModel):
    """
    One request: `status` is what was answered, `answer` its first characters.

    Without an answer `error` says why. A number that is missing ended with its process.
    """

    model_config = ConfigDict(from_attributes=True)

    number: int
    began_at: datetime
    milliseconds: int
    status: int | None
    error: str | None
    answer: str | None


class DeliveryLogResponse(DeliveryResponse):
    """A delivery with its document, which is null once it is not kept, and its attempts."""

    document: dict[str, Any] | None
    tried: list[AttemptResponse]


class ReplayRequest(BaseModel):
    """What is sent again: one `event`, what came from `since` to `until`, or all that `failed`."""

    model_config = ConfigDict(extra="forbid")

    event: UUID | None = None
    since: Moment | None = None
    until: Moment | None = None
    failed: Annotated[bool, Field(strict=True)] = False


class ReplayResponse(BaseModel):
    """How many deliveries are sent again; with 10,000 there may be more."""

    deliveries: int


class PingResponse(BaseModel):
    """The event that is sent: its type is `dev.ovation.webhooks.ping.v1`."""

    event: UUID


@router.get(
    "/deliveries",
    responses=refusals(*OWN, BadCursor),
    openapi_extra=OR_READER,
)
async def list_deliveries(
    endpoint: UUID,
    team: ReadTeam,
    db: Reference,
    state: DeliveryState | None = None,
    event_name: Annotated[EventName | None, Query(description="Only events of this name.")] = None,
    cursor: str | None = None,
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
    endpoint: UUID, event: UUID, team: ReadTeam, db: Reference
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
    endpoint: UUID,
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
    endpoint: UUID,
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
