"""Refusals of purchase rules, as facts for teams that look for fraud."""

from datetime import UTC, datetime, timedelta
from uuid import uuid5

import structlog
from prometheus_client import Counter

from services.purchase.commands.purchases import PurchaseOrder
from services.purchase.domain.purchase_rules import Rule, rule_of
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.purchase import PurchaseRefused
from shared.errors import Refusal
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Part, Transaction
from shared.quotas import store as quotas
from shared.quotas.rules import DAY, Quota, TooOften

log = structlog.get_logger()

PURCHASES_REFUSED = Counter(
    "ovation_purchases_refused", "Purchases that a purchase rule refused, by the rule.", ["rule"]
)
for known in Rule:
    # An alert looks at the increase: it needs the zero before the first one.
    PURCHASES_REFUSED.labels(known.value)


async def publish_refusal(part: Part, order: PurchaseOrder, refusal: Refusal) -> None:
    """
    Publish that a rule refused a viewer, in a transaction of its own: theirs was rolled back.

    A process that dies in between publishes nothing, and the viewer has no answer either.
    """
    rule = rule_of(refusal)
    if rule is None:
        return
    PURCHASES_REFUSED.labels(rule).inc()
    async with part.transaction() as tx:
        await _publish_once(tx, order, rule, refusal)


async def _publish_once(tx: Transaction, order: PurchaseOrder, rule: str, refusal: Refusal) -> None:
    """Publish the first refusal of a viewer by this rule in a day; the others are only counted."""
    try:
        await quotas.use(tx, order.viewer, Quota(f"refused:{rule}", 1, DAY))
    except TooOften:
        return
    now = datetime.now(UTC)
    event = PurchaseRefused(
        refusal=uuid5(NAMESPACE, f"refused|{order.viewer}\n{rule}\n{now.isoformat()}"),
        viewer=order.viewer,
        rule=rule,
        refused_at=now,
        ends_at=_end_of(refusal, now),
        package=order.package,
        country=order.country,
        channel=order.channel.value,
    )
    log.info("purchase.refused", rule=rule)
    await publish(tx, [Fact(event, 1, Cause(order.correlation_id), now)], archive=True)


def _end_of(refusal: Refusal, now: datetime) -> datetime | None:
    ends_at = refusal.facts.get("ends_at")
    if isinstance(ends_at, datetime):
        return ends_at
    seconds = refusal.facts.get("retry_after_seconds")
    return now + timedelta(seconds=seconds) if isinstance(seconds, int) else None
