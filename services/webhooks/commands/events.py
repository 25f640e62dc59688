"""Events arrive: each becomes one delivery for each endpoint that gets it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog
from pydantic_core import to_json

from services.webhooks.domain.deliveries import RetryPolicy
from services.webhooks.domain.endpoints import Endpoint
from services.webhooks.domain.personal_data import people_in
from services.webhooks.domain.quotas import PINGS
from services.webhooks.store import events
from services.webhooks.store.deliveries import DELIVERIES_DUE, PING
from services.webhooks.store.events import NewEvent
from shared.contracts.envelope import Envelope
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

log = structlog.get_logger()

SOURCE = "/ovation/webhooks"


async def record_events(
    tx: Transaction, received: Sequence[Envelope[Any]], policy: RetryPolicy
) -> None:
    """
    Record the deliveries that follow from events: one for each endpoint and event, ever.

    An event that comes again finds its deliveries, whatever became of them.
    """
    endpoints = await events.endpoints_of(tx, [each.data.contract.name for each in received])
    wanted = [
        (_event(envelope), endpoints[envelope.data.contract.name])
        for envelope in received
        if envelope.data.contract.name in endpoints
    ]
    if await events.add(tx, wanted, lasts=policy.lasts):
        tx.wake(DELIVERIES_DUE)


async def send_ping(
    tx: Transaction, endpoint: Endpoint, key: str, policy: RetryPolicy
) -> tuple[UUID, bool]:
    """Send an endpoint an event that means nothing; return its id, and whether it is a new one."""
    ping = uuid5(NAMESPACE_URL, f"webhooks.ping|{endpoint.id}|{key}")
    now = datetime.now(UTC)
    document = {
        "specversion": "1.0",
        "id": str(ping),
        "type": f"dev.ovation.{PING}.v1",
        "source": SOURCE,
        "subject": str(ping),
        "time": now,
        "datacontenttype": "application/json",
        "data": {"endpoint": endpoint.id, "team": endpoint.team},
    }
    event = NewEvent(
        id=ping,
        name=PING,
        source=SOURCE,
        subject=str(ping),
        sequence="0",
        people=(),
        occurred_at=now,
        body=to_json(document).decode(),
    )
    added = await events.add(tx, [(event, [endpoint.id])], lasts=policy.lasts)
    if added:
        await quotas.use(tx, endpoint.team, PINGS)
        tx.wake(DELIVERIES_DUE)
    return ping, bool(added)


def _event(envelope: Envelope[Any]) -> NewEvent:
    """
    Return an event with its document, as its publisher wrote it.

    What the publisher did not write is not added: teams with a broker do not get it either.
    """
    named = people_in(envelope.data.model_dump(mode="json"))
    return NewEvent(
        id=envelope.id,
        name=envelope.data.contract.name,
        source=envelope.source,
        subject=envelope.subject,
        sequence=envelope.sequence,
        people=tuple(sorted({*named, envelope.partitionkey})),
        occurred_at=envelope.time,
        body=envelope.model_dump_json(exclude_unset=True),
    )
