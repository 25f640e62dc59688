"""Endpoints: added, changed, deleted; each change is on record."""

from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from services.webhooks.commands.secrets import MadeSecret, add_secret, show_again
from services.webhooks.domain.endpoints import (
    ENDPOINTS_MAX,
    DisabledBy,
    Endpoint,
    EndpointChange,
    NoSuchEndpoint,
    NoSuchTeam,
    TooManyEndpoints,
    require_granted,
)
from services.webhooks.domain.quotas import ENDPOINT_CHANGES, ENDPOINTS
from services.webhooks.store import endpoints
from services.webhooks.store.deliveries import DELIVERIES_DUE
from services.webhooks.store.endpoints import NewEndpoint
from shared.backoffice.adjustments import audit
from shared.idempotency import Key, KeyReused, count_key
from shared.keyring import Keyring
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

ROUTE = "/v1/teams/{team}/endpoints"


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for something of a team, under which key, and a hash of what exactly."""

    team: str
    caller: str
    key: str = ""
    hash: bytes = b""


@dataclass(frozen=True, slots=True)
class MadeEndpoint:
    """An endpoint with its secret, which is None once it is not shown any more."""

    endpoint: Endpoint
    secret: MadeSecret


async def add_endpoint(
    tx: Transaction,
    keys: Keyring,
    request: Request,
    *,
    url: str,
    description: str,
    events: tuple[str, ...],
) -> MadeEndpoint:
    """Add an endpoint with a new secret; a repeat of the request finds the one that it made."""
    granted = await require_team(tx, request.team)
    await endpoints.lock_team(tx, request.team)
    known = await endpoints.find_by_key(tx, request.team, request.key)
    if known is not None:
        endpoint, made_by = known
        if made_by != request.hash:
            raise KeyReused(endpoint=endpoint.id)
        tx.after_commit(lambda: count_key(ROUTE, Key.REPEATED))
        return MadeEndpoint(endpoint, await show_again(tx, keys, endpoint.id, request.key))
    require_granted(events, granted)
    await quotas.use(tx, request.team, ENDPOINTS)
    if await endpoints.count(tx, request.team) >= ENDPOINTS_MAX:
        raise TooManyEndpoints(endpoints_max=ENDPOINTS_MAX)
    new = NewEndpoint(uuid4(), request.team, request.key, request.hash, url, description, events)
    endpoint = await endpoints.add(tx, new)
    secret = await add_secret(tx, keys, endpoint.id, request.key, request.hash, overlap_seconds=0)
    await record(tx, request, "endpoint.added", endpoint, url=url, events=events)
    tx.after_commit(lambda: count_key(ROUTE, Key.NEW))
    return MadeEndpoint(endpoint, secret)


async def change_endpoint(
    tx: Transaction, request: Request, endpoint: UUID, change: EndpointChange
) -> Endpoint:
    """Change an endpoint; what is enabled again begins without its failures."""
    granted = await require_team(tx, request.team)
    known = await lock_endpoint(tx, request.team, endpoint)
    if change.events is not None:
        require_granted(change.events, granted)
    wanted = replace(
        known,
        url=known.url if change.url is None else change.url,
        description=known.description if change.description is None else change.description,
        events=known.events if change.events is None else change.events,
    )
    if change.enabled is False and known.is_enabled:
        wanted = replace(wanted, disabled=DisabledBy.CALLER)
    if change.enabled:
        wanted = replace(wanted, disabled=None)
    if wanted == known:
        return known
    await quotas.use(tx, request.team, ENDPOINT_CHANGES)
    if wanted.url != known.url or wanted.disabled != known.disabled:
        wanted = replace(wanted, failures=0, paused_until=None)
    saved = await endpoints.save(tx, wanted)
    await record(
        tx,
        request,
        "endpoint.changed",
        saved,
        url=saved.url,
        events=saved.events,
        disabled=saved.disabled,
    )
    tx.wake(DELIVERIES_DUE)
    return saved


async def delete_endpoint(tx: Transaction, request: Request, endpoint: UUID) -> None:
    """Delete an endpoint: nothing is sent to it any more."""
    known = await lock_endpoint(tx, request.team, endpoint)
    await endpoints.delete(tx, known.id)
    await record(tx, request, "endpoint.deleted", known, url=known.url)


async def read_endpoint(tx: Transaction, team: str, endpoint: UUID) -> Endpoint:
    """Return an endpoint of a team, or refuse."""
    found = await endpoints.read(tx, team, endpoint)
    if found is None:
        raise NoSuchEndpoint
    return found


async def lock_endpoint(tx: Transaction, team: str, endpoint: UUID) -> Endpoint:
    """Lock an endpoint of a team, or refuse."""
    found = await endpoints.lock(tx, team, endpoint)
    if found is None:
        raise NoSuchEndpoint
    return found


async def require_team(tx: Transaction, team: str) -> frozenset[str]:
    """Return what a team was granted; refuse one that was granted nothing."""
    granted = await endpoints.granted_to(tx, team)
    if not granted:
        raise NoSuchTeam
    return granted


async def record(
    tx: Transaction, request: Request, action: str, endpoint: Endpoint, **facts: object
) -> None:
    """Write into the audit log who changed what; the line can never be changed."""
    by = "the team" if request.caller == request.team else "an operator"
    await audit(
        tx,
        operator=request.caller,
        action=action,
        user="",
        reason=f"requested by {by}",
        team=endpoint.team,
        endpoint=endpoint.id,
        **facts,
    )
