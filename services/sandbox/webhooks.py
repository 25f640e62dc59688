"""Signed webhooks, delivered at least once: https://www.standardwebhooks.com."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import structlog

from shared.http.webhooks import Signatures

log = structlog.get_logger()

RETRY_SECONDS = (0.2, 0.5, 1, 2, 4, 8, 15, 30, 30, 30, 30)
ANSWER_SECONDS_MAX = 10
CONCURRENT_MAX = 20
# What is told to those who pay out; all else is about payments.
TRANSFER_EVENTS = ("transfer.", "account.")


class Webhooks:
    """All events, and where those of each kind go."""

    def __init__(
        self,
        *,
        payments_secret: str,
        transfers_secret: str,
        payments_url: str,
        transfers_url: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._payments = (payments_url, Signatures(payments_secret))
        self._transfers = (transfers_url, Signatures(transfers_secret))
        self._client = httpx.AsyncClient(timeout=ANSWER_SECONDS_MAX, transport=transport)
        self._slots = asyncio.Semaphore(CONCURRENT_MAX)
        self._deliveries: set[asyncio.Task[None]] = set()
        self.events: dict[str, dict[str, Any]] = {}

    def publish(self, kind: str, about: dict[str, Any]) -> None:
        """Keep an event and deliver it in the background."""
        identifier = f"evt_{uuid4().hex}"
        event: dict[str, Any] = {
            "id": identifier,
            "type": kind,
            "created_at": datetime.now(UTC).isoformat(),
            # As it is now: by the time of a retry the payment may have gone on.
            "data": {"object": json.loads(json.dumps(about))},
        }
        self.events[identifier] = event
        self.deliver(event)

    def deliver(self, event: dict[str, Any]) -> None:
        task = asyncio.create_task(self._deliver(event))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def close(self) -> None:
        for task in self._deliveries:
            task.cancel()
        await self._client.aclose()

    async def _deliver(self, event: dict[str, Any]) -> None:
        for wait_seconds in (*RETRY_SECONDS, None):
            async with self._slots:
                if await self._attempt(event):
                    return
            if wait_seconds is not None:
                await asyncio.sleep(wait_seconds)
        log.warning("webhook.given_up", webhook=event["id"], type=event["type"])

    async def _attempt(self, event: dict[str, Any]) -> bool:
        body = json.dumps(event, separators=(",", ":"))
        now = datetime.now(UTC)
        is_transfer = event["type"].startswith(TRANSFER_EVENTS)
        url, signatures = self._transfers if is_transfer else self._payments
        headers = {
            "content-type": "application/json",
            # The same over all retries: by it the receiver knows a repeat.
            "webhook-id": event["id"],
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signatures.sign(event["id"], now, body),
        }
        try:
            # The client's own timeout is per read: a receiver that drips would keep its slot.
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                answer = await self._client.post(url, content=body.encode(), headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            log.info("webhook.unanswered", webhook=event["id"], error=repr(error)[:200])
            return False
        return answer.is_success
