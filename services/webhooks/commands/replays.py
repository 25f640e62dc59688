"""Replays: what ended is sent again, with the ids it had."""

from services.webhooks.commands.endpoints import Request, record
from services.webhooks.domain.deliveries import RetryPolicy
from services.webhooks.domain.endpoints import Endpoint, EndpointDisabled
from services.webhooks.domain.quotas import REPLAYS
from services.webhooks.store import delivery_log
from services.webhooks.store.deliveries import DELIVERIES_DUE
from services.webhooks.store.delivery_log import Chosen
from shared.idempotency import KeyReused
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

# By one request: what is left is replayed by the next.
REPLAYED_MAX = 10_000


async def replay_deliveries(
    tx: Transaction, request: Request, endpoint: Endpoint, chosen: Chosen, policy: RetryPolicy
) -> int:
    """
    Send deliveries of a locked endpoint again that have ended; return how many.

    What is still pending is sent in any case. An event whose body is not kept any more is not.
    """
    known = await delivery_log.find_replay(tx, endpoint.id, request.key)
    if known is not None:
        count, made_by = known
        if made_by != request.hash:
            raise KeyReused(endpoint=endpoint.id)
        return count
    if not endpoint.is_enabled:
        raise EndpointDisabled
    await quotas.use(tx, endpoint.team, REPLAYS)
    count = await delivery_log.replay(
        tx, endpoint.id, chosen, lasts=policy.lasts, limit=REPLAYED_MAX
    )
    await delivery_log.add_replay(
        tx, endpoint.id, key=request.key, request_hash=request.hash, deliveries=count
    )
    await record(
        tx,
        request,
        "endpoint.replayed",
        endpoint,
        deliveries=count,
        event=chosen.event,
        since=chosen.since,
        until=chosen.until,
        only_failed=chosen.only_failed,
    )
    tx.wake(DELIVERIES_DUE)
    return count
