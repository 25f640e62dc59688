"""Deliveries are claimed for an attempt each, and what came of it is recorded."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID, uuid4

import structlog
from prometheus_client import Counter

from services.webhooks.domain.deliveries import (
    FAILING_FROM,
    DeliveryState,
    DueDelivery,
    Result,
    RetryPolicy,
    pause_seconds,
    retry_after_seconds,
)
from services.webhooks.domain.endpoints import DisabledBy
from services.webhooks.store import deliveries, endpoints, events
from services.webhooks.store.deliveries import DELIVERIES_DUE, LockedEndpoint
from shared.postgres.database import Transaction

log = structlog.get_logger()

ATTEMPTS = Counter("ovation_delivery_attempts", "Attempts to deliver an event.", ["outcome"])
FAILED = Counter("ovation_deliveries_failed", "Deliveries that were given up.")
# How many are looked at for those that may be sent: others of their subjects may be before them.
LOOKED_AT_LEAST, LOOKED_AT_EACH = 16, 4
ENDED_MAX = 500


async def claim_deliveries(
    tx: Transaction, endpoint: UUID, policy: RetryPolicy, *, endpoint_max: int, free_max: int
) -> tuple[list[DueDelivery], bool]:
    """
    Claim what may be sent to an endpoint now; return it, and whether there may be more at once.

    Of one subject only the first that is pending may be sent. An endpoint gets `endpoint_max`
    attempts at once, of all processes together, and one if it keeps failing.
    """
    locked = await deliveries.lock_open_endpoint(tx, endpoint)
    if locked is None:
        return [], False
    wanted = 1 if locked.failures >= FAILING_FROM else endpoint_max
    free = min(free_max, wanted - await deliveries.count_leased(tx, endpoint))
    if free <= 0:
        return [], False
    looked_at = LOOKED_AT_LEAST + LOOKED_AT_EACH * free
    found = await deliveries.candidates(tx, locked, looked_at)
    refused = [each.event for each in found if not each.is_granted]
    if refused:
        await deliveries.finish(tx, endpoint, refused, DeliveryState.CANCELLED, lease=None)
    granted = [each for each in found if each.is_granted]
    await deliveries.put_behind(tx, endpoint, [each.event for each in granted if not each.is_first])
    first = [each.event for each in granted if each.is_first]
    claimed: list[DueDelivery] = []
    if first:
        lease = uuid4()
        seconds = policy.lease_seconds
        claimed = await deliveries.lease(tx, locked, first[:free], claim=lease, seconds=seconds)
    is_more = len(first) < free and len(found) == looked_at
    return claimed, is_more


async def record_results(tx: Transaction, results: Sequence[Result], policy: RetryPolicy) -> None:
    """Record what came of attempts, those of one endpoint together."""
    ordered = sorted(results, key=lambda each: (each.due.endpoint, each.due.event))
    locked = await deliveries.lock_endpoints(tx, [each.due.endpoint for each in ordered])
    await deliveries.add_attempts(tx, ordered)
    for endpoint, group in groupby(ordered, key=lambda each: each.due.endpoint):
        await _record_of_endpoint(tx, locked[endpoint], list(group), policy)
    tx.wake(DELIVERIES_DUE)
    for result in results:
        tx.after_commit(lambda each=result: ATTEMPTS.labels(_outcome(each)).inc())  # type: ignore[misc]


async def end_overdue(tx: Transaction) -> bool:
    """Give up what was pending for too long, and cancel what deleted endpoints would get."""
    overdue = await deliveries.overdue(tx, ENDED_MAX)
    await _end(tx, overdue, DeliveryState.FAILED)
    deleted = await deliveries.of_deleted(tx, ENDED_MAX)
    await _end(tx, deleted, DeliveryState.CANCELLED)
    return ENDED_MAX in (len(overdue), len(deleted))


async def delete_old(tx: Transaction, kept: timedelta) -> bool:
    """Delete some events that were kept for long enough, with their deliveries and attempts."""
    deleted = await events.delete_old(tx, kept=kept, limit=ENDED_MAX)
    forgotten = await endpoints.forget_deleted(tx, ENDED_MAX)
    return ENDED_MAX in (deleted, forgotten)


async def _record_of_endpoint(
    tx: Transaction, endpoint: LockedEndpoint, results: Sequence[Result], policy: RetryPolicy
) -> None:
    arrived = [each.due.event for each in results if each.is_success]
    if arrived:
        await deliveries.finish(tx, endpoint.id, arrived, DeliveryState.DELIVERED, lease=None)
    failed = [each for each in results if not each.is_success]
    now = datetime.now(UTC)
    for result in failed:
        await _record_failure(tx, result, policy, now)
    if any(each.is_gone for each in failed):
        await endpoints.disable(tx, endpoint.id, DisabledBy.GONE)
        log.error("endpoint.gone", endpoint=str(endpoint.id), team=endpoint.team)
    failures = 0 if arrived else endpoint.failures + len(failed)
    waits = [retry_after_seconds(each, now) or 0.0 for each in failed]
    pause = pause_seconds(failures, max(waits, default=0.0))
    if failures or endpoint.failures or pause:
        await endpoints.record_failures(tx, endpoint.id, failures=failures, pause_seconds=pause)


async def _record_failure(
    tx: Transaction, result: Result, policy: RetryPolicy, now: datetime
) -> None:
    """Let a delivery wait for its next attempt, or give it up."""
    due = result.due
    wait = policy.wait_seconds(due.tries, random.random())  # noqa: S311 - it spreads retries
    wait = max(wait, retry_after_seconds(result, now) or 0.0)
    if (
        not result.is_gone
        and due.body is not None
        and now + timedelta(seconds=wait) < due.expires_at
    ):
        await deliveries.retry(tx, due, wait)
        return
    ended = await deliveries.finish(
        tx, due.endpoint, [due.event], DeliveryState.FAILED, lease=due.lease
    )
    if ended:
        _count_failed(tx, due.endpoint, due.event)


async def _end(tx: Transaction, found: Sequence[tuple[UUID, UUID]], state: DeliveryState) -> None:
    """End pending deliveries of several endpoints, which are locked for it in order."""
    await deliveries.lock_endpoints(tx, [endpoint for endpoint, _ in found])
    for endpoint, group in groupby(sorted(found), key=lambda each: each[0]):
        ended = [event for _, event in group]
        await deliveries.finish(tx, endpoint, ended, state, lease=None)
        if state is DeliveryState.FAILED:
            for event in ended:
                _count_failed(tx, endpoint, event)


def _count_failed(tx: Transaction, endpoint: UUID, event: UUID) -> None:
    log.error("delivery.failed", endpoint=str(endpoint), event_id=str(event))
    tx.after_commit(FAILED.inc)


def _outcome(result: Result) -> str:
    if result.is_success:
        return "delivered"
    return "refused" if result.status is not None else "no_answer"
