"""
The worker: claims what is due, posts it, and records what came of it.

No transaction is open during a request. A process that dies in the middle leaves a lease behind;
once that has ended, another attempt is made with the same id.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog
from standardwebhooks.webhooks import Webhook

from services.webhooks.commands.deliveries import claim_deliveries, record_results
from services.webhooks.commands.secrets import valid_secrets
from services.webhooks.domain.deliveries import DueDelivery, Result, RetryPolicy, readable
from services.webhooks.store.deliveries import (
    DELIVERIES_DUE,
    due_endpoints,
    seconds_to_next,
)
from shared.contracts.envelope import CONTENT_TYPE
from shared.http.public_client import NoAnswer, PublicClient
from shared.keyring import Keyring
from shared.messaging.broker import supervise
from shared.postgres.batching import Batcher
from shared.postgres.database import Database
from shared.postgres.wakeups import stopped_by, wait

log = structlog.get_logger()

# How often it is looked whether another process left something behind.
LOOK_SECONDS = 5.0
# The least pause while an endpoint has as many attempts as it may: one that ends wakes us.
PAUSE_SECONDS = 0.2
ENDPOINTS_MAX = 50
RECORDED_AT_ONCE_MAX = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """How many attempts are made at once: at one endpoint by all, and by this process."""

    per_endpoint: int
    in_all: int


class DeliveryWorker:
    """Delivers what is due, until it is stopped; any number of processes may have one."""

    def __init__(
        self,
        database: Database,
        client: PublicClient,
        keys: Keyring,
        policy: RetryPolicy,
        limits: Limits,
    ) -> None:
        self._database = database
        self._client = client
        self._keys = keys
        self._policy = policy
        self._limits = limits
        self._results: Batcher[Result, None] = Batcher(self._record, batch_max=RECORDED_AT_ONCE_MAX)
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until we stop; what is being sent then is finished."""
        try:
            await supervise("deliveries", lambda: self._deliver(stopping), stopping)
        finally:
            if self._running:
                await asyncio.wait(self._running)

    async def _deliver(self, stopping: asyncio.Event) -> None:
        woken = asyncio.Event()
        wakeups = self._database.wakeups
        wakeups.own(woken, {DELIVERIES_DUE})
        try:
            async with stopped_by(stopping, woken):
                while not stopping.is_set():
                    woken.clear()
                    if not await self._start_due(woken):
                        await wait(woken, await self._pause_seconds())
        finally:
            wakeups.leave(woken)

    async def _start_due(self, woken: asyncio.Event) -> bool:
        """Begin what may be sent now; return whether there may be more at once."""
        async with self._database.transaction() as tx:
            endpoints = await due_endpoints(tx, ENDPOINTS_MAX)
        is_more = False
        for endpoint in endpoints:
            free = self._limits.in_all - len(self._running)
            if free <= 0:
                return False
            is_more |= await self._start_due_of(endpoint, free, woken)
        return is_more

    async def _start_due_of(self, endpoint: UUID, free: int, woken: asyncio.Event) -> bool:
        async with self._database.transaction() as tx:
            claimed, is_more = await claim_deliveries(
                tx,
                endpoint,
                self._policy,
                endpoint_max=self._limits.per_endpoint,
                free_max=free,
            )
            secrets = await valid_secrets(tx, self._keys, [endpoint]) if claimed else {}
        for due in claimed:
            task = asyncio.create_task(self._attempt(due, secrets.get(endpoint, [])))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            task.add_done_callback(lambda _: woken.set())
        return is_more

    async def _attempt(self, due: DueDelivery, secrets: Sequence[str]) -> None:
        result = await self._post(due, secrets)
        log.info(
            "delivery.attempted",
            endpoint=str(due.endpoint),
            event_id=str(due.event),
            type=due.name,
            attempt=due.number,
            status=result.status,
            error=result.error,
        )
        try:
            await self._results.submit(result)
        except Exception as error:  # noqa: BLE001 - the lease ends, and it is sent again
            log.warning("delivery.unrecorded", event_id=str(due.event), error=repr(error)[:200])

    async def _post(self, due: DueDelivery, secrets: Sequence[str]) -> Result:
        """Make one request, and return what came of it."""
        began_at, began = datetime.now(UTC), time.monotonic()
        status, error, answer, retry_after = None, None, None, None
        if due.body is None or not secrets:
            error = "not-kept" if due.body is None else "secret-unreadable"
        else:
            headers = headers_of(due, secrets, at=began_at)
            try:
                answered = await self._client.post(due.url, body=due.body.encode(), headers=headers)
            except NoAnswer as no:
                error = no.reason
            else:
                status, answer = answered.status, readable(answered.beginning)
                retry_after = answered.headers.get("Retry-After")
        return Result(
            due=due,
            began_at=began_at,
            milliseconds=int((time.monotonic() - began) * 1_000),
            status=status,
            error=error,
            answer=answer,
            retry_after=retry_after,
        )

    async def _record(self, results: Sequence[Result]) -> Sequence[None]:
        async with self._database.transaction() as tx:
            await record_results(tx, results, self._policy)
        return [None] * len(results)

    async def _pause_seconds(self) -> float:
        async with self._database.transaction() as tx:
            seconds = await seconds_to_next(tx)
        if seconds is None:
            return LOOK_SECONDS
        return min(max(seconds, PAUSE_SECONDS), LOOK_SECONDS)


def headers_of(due: DueDelivery, secrets: Sequence[str], *, at: datetime) -> dict[str, str]:
    """
    Return the headers that https://www.standardwebhooks.com describes.

    Each secret signs once: a receiver that knows one of them can verify.
    """
    assert due.body is not None
    webhook_id = str(due.event)
    signatures = (Webhook(secret).sign(webhook_id, at, due.body) for secret in secrets)
    return {
        "content-type": CONTENT_TYPE,
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
