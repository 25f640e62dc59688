"""Endpoints and their secrets."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from services.webhooks.api.dependencies import (
    OR_READER,
    OR_WRITER,
    Addresses,
    Keys,
    ReadTeam,
    WrittenTeam,
    request_of,
)
from services.webhooks.commands import endpoints as commands
from services.webhooks.commands.secrets import MadeSecret, rotate_secret
from services.webhooks.domain.endpoints import (
    DESCRIPTION_CHARACTERS_MAX,
    OVERLAP_SECONDS,
    OVERLAP_SECONDS_MAX,
    DisabledBy,
    Endpoint,
    EndpointChange,
    EventNotGranted,
    NoSuchEndpoint,
    NoSuchTeam,
    NotTheTeam,
    TooManyEndpoints,
)
from services.webhooks.store import endpoints as store
from shared.contracts.base import in_unit, like
from shared.errors import Kind, Refusal
from shared.http import (
    BadCursor,
    IdempotencyKey,
    IdempotencyKeyMissing,
    Limit,
    Page,
    Reference,
    exact_page,
    moment_in,
    refusals,
)
from shared.http.auth import Caller
from shared.http.bodies import Body
from shared.http.fields import EndpointId, Instant, TeamName
from shared.http.pages import Cursor
from shared.http.public_client import URL_CHARACTERS_MAX, BadUrl, Destinations
from shared.idempotency import KeyReused
from shared.identity.tokens import Unauthenticated
from shared.quotas.rules import TooOften

EVENTS_MAX = 200
OWN = (Unauthenticated, NotTheTeam, NoSuchEndpoint)
EventName = Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=64)]
EventNames = Annotated[list[EventName], Field(min_length=1, max_length=EVENTS_MAX)]
Url = Annotated[str, Field(min_length=1, max_length=URL_CHARACTERS_MAX)]
Description = Annotated[
    str, Field(max_length=DESCRIPTION_CHARACTERS_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")
]
# For the documents: "not a secret, an example of one".
SECRET_LIKE = "whsec_bm90IGEgc2VjcmV0LCBhbiBleGFtcGxlIG9mIG9uZQ=="  # noqa: S105 - an example
Overlap = Annotated[int, Field(strict=True, ge=0, le=OVERLAP_SECONDS_MAX)]

router = APIRouter(prefix="/teams/{team}", tags=["webhooks"])


class UrlRefused(Refusal):
    """Events cannot be sent to this address; `why` says what is wrong with it."""

    kind = Kind.INVALID


class TeamResponse(Body):
    """What a team may have: an operator grants it."""

    team: TeamName
    events: Annotated[list[str], like(["gift.sent", "purchase.paid"])]
    """The names of the events that an operator has granted; empty for none."""


class EndpointRequest(Body):
    """Where events are to be sent, and which."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[Url, like("https://analytics.example.com/ovation")]
    """
    Where each event is posted, by HTTPS. Addresses inside networks are refused (`url-refused`).
    """
    events: Annotated[EventNames, like(["gift.sent"])]
    """Which of the granted events are posted, by name."""
    description: Annotated[Description, like("for the warehouse")] = ""
    """A note to yourselves."""


class EndpointChangeRequest(Body):
    """What is to be different; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[Url, like("https://analytics.example.com/ovation")] | None = None
    """Where each event is posted from now on; null leaves it as it is."""
    events: Annotated[EventNames, like(["gift.sent"])] | None = None
    """Which of the granted events are posted from now on; null leaves it as it is."""
    description: Annotated[Description, like("for the warehouse")] | None = None
    """A note to yourselves; null leaves it as it is."""
    enabled: Annotated[bool, Field(strict=True, examples=[True])] | None = None
    """
    Whether events are posted. `true` also ends a pause, and enables an endpoint that answered 410;
    null leaves it as it is.
    """


class EndpointResponse(Body):
    """
    An endpoint.

    `disabled` says why it gets nothing: `caller` if it was asked for, `gone` if it answered 410.
    `failures` are failed attempts since the last successful one.
    """

    model_config = ConfigDict(from_attributes=True)

    endpoint: Annotated[EndpointId, Field(validation_alias="id")]
    team: TeamName
    url: Annotated[str, like("https://analytics.example.com/ovation")]
    """Where each event is posted."""
    description: Annotated[str, like("for the warehouse")]
    """The note that was given; empty for none."""
    events: Annotated[list[str], like(["gift.sent"])]
    """Which events are posted, by name."""
    enabled: Annotated[bool, Field(validation_alias="is_enabled"), like(True)]
    """Whether events are posted."""
    disabled: Annotated[DisabledBy | None, like(None, "gone")]
    """
    Why nothing is posted: the team or an operator asked for it (`caller`), or the endpoint answered
    410 (`gone`). Null while it is enabled.
    """
    failures: Annotated[int, in_unit("attempts", 0)]
    """How many attempts failed since the last that did not."""
    paused_until: Annotated[Instant | None, like(None, "2026-11-23T12:05:00Z")]
    """
    Until when nothing is tried, because attempts kept failing; null if nothing waits for that.
    """
    created_at: Instant
    """When it was added."""
    changed_at: Instant
    """When it was last changed."""


class SecretResponse(Body):
    """
    A secret, shown once: what verifies the signatures of deliveries.

    A repeat of the request shows it again for an hour; then `secret` is null.
    """

    secret: Annotated[str, like(SECRET_LIKE)] | None
    """
    What verifies the signatures of deliveries (Standard Webhooks). Null in a repeat of the request
    that comes later than an hour.
    """
    created_at: Instant
    """When it was made."""


class NewEndpointResponse(EndpointResponse):
    """An endpoint with its secret, which is shown only now."""

    secret: Annotated[str, like(SECRET_LIKE)] | None
    """
    What verifies the signatures of deliveries (Standard Webhooks): keep it, for it is shown only
    now. Null in a repeat of the request that comes later than an hour.
    """


class RotationRequest(Body):
    """For how long the secret before signs beside the new one; 0 ends it at once."""

    model_config = ConfigDict(extra="forbid")

    overlap_seconds: Annotated[Overlap, in_unit("seconds", 86_400)] = OVERLAP_SECONDS
    """For how long the secret before signs beside the new one; 0 ends it at once."""


@router.get(
    "",
    responses=refusals(Unauthenticated, NotTheTeam, NoSuchTeam),
    openapi_extra=OR_READER,
)
async def read_team(team: ReadTeam, db: Reference) -> TeamResponse:
    """Read which events a team may have."""
    async with db.transaction() as tx:
        granted = await commands.require_team(tx, team)
    return TeamResponse(team=team, events=sorted(granted))


@router.post(
    "/endpoints",
    status_code=201,
    responses=refusals(
        *(*OWN, NoSuchTeam, EventNotGranted, TooManyEndpoints),
        *(UrlRefused, IdempotencyKeyMissing, KeyReused, TooOften),
    ),
    openapi_extra=OR_WRITER,
)
async def add_endpoint(
    body: EndpointRequest,
    team: WrittenTeam,
    key: IdempotencyKey,
    caller: Caller,
    keys: Keys,
    addresses: Addresses,
    db: Reference,
) -> NewEndpointResponse:
    """Add an endpoint. Its secret is in this answer, and in no other."""
    _require_url(addresses, body.url)
    async with db.transaction() as tx:
        made = await commands.add_endpoint(
            tx,
            keys,
            request_of(team, caller, key, body),
            url=body.url,
            description=body.description,
            events=tuple(sorted(set(body.events))),
        )
    known = EndpointResponse.model_validate(made.endpoint)
    return NewEndpointResponse.model_construct(**dict(known), secret=made.secret.value)


@router.get(
    "/endpoints",
    responses=refusals(Unauthenticated, NotTheTeam, BadCursor),
    openapi_extra=OR_READER,
)
async def list_endpoints(
    team: ReadTeam, db: Reference, cursor: Cursor = None, limit: Limit = 50
) -> Page[EndpointResponse]:
    """Read a team's endpoints, the oldest first."""
    after = moment_in(cursor)
    async with db.transaction() as tx:
        found = await store.list_after(tx, team, after, limit + 1)
    return exact_page(
        found,
        limit,
        lambda each: [each.created_at.isoformat(), str(each.id)],
        EndpointResponse.model_validate,
    )


@router.get(
    "/endpoints/{endpoint}",
    responses=refusals(*OWN),
    openapi_extra=OR_READER,
)
async def read_endpoint(endpoint: EndpointId, team: ReadTeam, db: Reference) -> EndpointResponse:
    """Read one endpoint."""
    async with db.transaction() as tx:
        return _shown(await commands.read_endpoint(tx, team, endpoint))


@router.patch(
    "/endpoints/{endpoint}",
    responses=refusals(*OWN, NoSuchTeam, EventNotGranted, UrlRefused, TooOften),
    openapi_extra=OR_WRITER,
)
async def change_endpoint(
    endpoint: EndpointId,
    body: EndpointChangeRequest,
    team: WrittenTeam,
    caller: Caller,
    addresses: Addresses,
    db: Reference,
) -> EndpointResponse:
    """
    Change an endpoint. While it is disabled its events are not kept for it.

    What was pending when it was disabled is sent once it is enabled, if that is within days.
    """
    if body.url is not None:
        _require_url(addresses, body.url)
    change = EndpointChange(
        url=body.url,
        description=body.description,
        events=None if body.events is None else tuple(sorted(set(body.events))),
        enabled=body.enabled,
    )
    async with db.transaction() as tx:
        changed = await commands.change_endpoint(tx, request_of(team, caller), endpoint, change)
    return _shown(changed)


@router.delete(
    "/endpoints/{endpoint}",
    status_code=204,
    responses=refusals(*OWN),
    openapi_extra=OR_WRITER,
)
async def delete_endpoint(
    endpoint: EndpointId, team: WrittenTeam, caller: Caller, db: Reference
) -> None:
    """Delete an endpoint. Nothing is sent to it any more."""
    async with db.transaction() as tx:
        await commands.delete_endpoint(tx, request_of(team, caller), endpoint)


@router.post(
    "/endpoints/{endpoint}/secrets",
    status_code=201,
    responses=refusals(*OWN, IdempotencyKeyMissing, KeyReused, TooOften),
    openapi_extra=OR_WRITER,
)
async def rotate_endpoint_secret(
    endpoint: EndpointId,
    body: RotationRequest,
    team: WrittenTeam,
    key: IdempotencyKey,
    caller: Caller,
    keys: Keys,
    db: Reference,
) -> SecretResponse:
    """Replace the secret. For the overlap deliveries have a signature of each."""
    request = request_of(team, caller, key, body)
    async with db.transaction() as tx:
        known = await commands.lock_endpoint(tx, team, endpoint)
        made, is_new = await rotate_secret(
            tx, keys, known, key, request.hash, overlap_seconds=body.overlap_seconds
        )
        if is_new:
            facts = {"overlap_seconds": body.overlap_seconds}
            await commands.record(tx, request, "endpoint.secret_rotated", known, **facts)
    return _secret(made)


def _shown(endpoint: Endpoint) -> EndpointResponse:
    return EndpointResponse.model_validate(endpoint)


def _secret(made: MadeSecret) -> SecretResponse:
    return SecretResponse(secret=made.value, created_at=made.secret.created_at)


def _require_url(addresses: Destinations, url: str) -> None:
    try:
        addresses.require_url(url)
    except BadUrl as bad:
        raise UrlRefused(why=str(bad)) from None
