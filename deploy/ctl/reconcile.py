"""
Reconciliation: what one service published, compared with what the next one applied.

An event that was not applied is looked for in its sender's outbox, in the queue and among the dead
letters. It is lost if it is in none of them; a lost event and a different amount are alarms.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from deploy.ctl.installation import Installation
from services.gift.store import reconciliation as gift
from services.payout.store import reconciliation as payout
from services.purchase.store import reconciliation as purchase
from services.wallet.store import reconciliation as wallet
from shared.backoffice.reconciliation import Source, Totals, add_amounts, add_hours
from shared.postgres.statements import text

Found = TypeVar("Found")

LOST, WRONG, UNEXPECTED = "lost", "wrong-amount", "unexpected"
ALARMS = (LOST, WRONG, UNEXPECTED)


@dataclass(frozen=True, slots=True)
class Flow:
    """Amounts that one service publishes and another applies, by events through a queue."""

    name: str
    source: tuple[str, Source]
    target: tuple[str, Source]
    events: tuple[str, ...]
    queue: str


FLOWS = (
    Flow(
        "purchases",
        ("purchase", purchase.PAID),
        ("wallet", wallet.CREDITED),
        ("purchase.paid",),
        "wallet.money",
    ),
    Flow(
        "gifts",
        ("wallet", wallet.PAID),
        ("gift", gift.PAID),
        ("wallet.gift_paid",),
        "gift.outcomes",
    ),
    Flow(
        "diamonds",
        ("gift", gift.SENT),
        ("payout", payout.EARNED),
        ("gift.sent",),
        "payout.gifts",
    ),
    Flow(
        "reversals",
        ("wallet", wallet.REVERSED),
        ("gift", gift.REVERSED),
        ("wallet.lot_reversed", "wallet.lot_restored"),
        "gift.reversals",
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """An amount that two services do not agree on, and where its event is."""

    flow: str
    id: str
    where: str
    published: int
    applied: int

    @property
    def is_alarm(self) -> bool:
        return self.where in ALARMS


@dataclass(frozen=True, slots=True)
class Compared:
    """An hour of a flow, and how many amounts of it were compared."""

    flow: str
    hour: datetime
    count: int


async def reconcile(
    installation: Installation, *, since: datetime, until: datetime
) -> AsyncIterator[Finding | Compared]:
    """Compare every flow hour by hour; yield each hour, and each difference in it."""
    for flow in FLOWS:
        published, applied = [
            add_hours(await _read(installation, service, source.hours, since=since, until=until))
            for service, source in (flow.source, flow.target)
        ]
        for hour in sorted(published.keys() | applied.keys()):
            yield Compared(flow.name, hour, published.get(hour, Totals(0, 0, 0)).count)
            if published.get(hour) != applied.get(hour):
                until_hour = min(until, hour + timedelta(hours=1))
                for finding in await _compare(installation, flow, max(since, hour), until_hour):
                    yield finding


async def _compare(
    installation: Installation, flow: Flow, since: datetime, until: datetime
) -> list[Finding]:
    """Compare the amounts of one hour one by one."""
    (publisher, source), (receiver, target) = flow.source, flow.target
    times = {"since": since, "until": until}
    published = add_amounts(await _read(installation, publisher, source.amounts, **times))
    applied = add_amounts(await _read(installation, receiver, target.amounts, **times))
    # Clocks differ: the receiver may have an amount in another hour.
    early = [key for key in published if key not in applied]
    applied |= add_amounts(await _read(installation, receiver, target.amounts_of, ids=early))
    late = [key for key in applied if key not in published]
    published |= add_amounts(await _read(installation, publisher, source.amounts_of, ids=late))
    missing = [key for key in published if published[key] != applied.get(key, 0)]
    waiting = await _in_outbox(installation, publisher, flow, missing)
    beyond = _beyond_outbox(installation, flow, [key for key in missing if key not in waiting])
    findings = []
    for key in sorted(published.keys() | applied.keys()):
        expected, found = published.get(key, 0), applied.get(key, 0)
        if expected == found:
            continue
        # An amount that was never published is in flight from nowhere.
        where = UNEXPECTED if not expected else waiting.get(key) or beyond[key]
        if where == LOST and found:
            where = WRONG
        findings.append(Finding(flow.name, key, where, expected, found))
    return findings


async def _read(
    installation: Installation,
    service: str,
    read: Callable[..., Awaitable[Found]],
    **about: Any,
) -> list[Found]:
    """Read every part of a service."""
    async with installation.opened(service) as database:
        return await database.read_each(partial(read, **about))


async def _in_outbox(
    installation: Installation, publisher: str, flow: Flow, ids: list[str]
) -> dict[str, str]:
    """Return which of these are still in their publisher's outboxes, or parked there."""
    found: dict[str, str] = {}
    if not ids:
        return found
    async with installation.opened(publisher) as database:
        for mailbox in database.mailboxes:
            async with mailbox.snapshot() as tx:
                rows = await tx.execute(_OUTBOX, {"events": list(flow.events), "ids": ids})
                found |= {row.id: "parked" if row.parked else "outbox" for row in rows}
    return found


def _beyond_outbox(installation: Installation, flow: Flow, ids: Collection[str]) -> dict[str, str]:
    """
    Return where events are that have left their publisher's outbox and were not applied.

    The auditor may only count dead letters: if fewer are there than events are missing, at least
    one event is elsewhere, and all count as being elsewhere.
    """
    if not ids:
        return {}
    bodies = installation.dead_letters_in(flow.queue)
    if bodies is None:
        are_dead = len(ids) <= installation.messages_in(f"{flow.queue}.dlq")
        dead_lettered = set(ids) if are_dead else set()
    else:
        dead_lettered = {key for key in ids if any(key in body for body in bodies)}
    elsewhere = "queue" if installation.messages_in(flow.queue) else LOST
    return {key: "dlq" if key in dead_lettered else elsewhere for key in ids}


_OUTBOX = text("""
    SELECT asked.id, bool_or(blocked.key IS NOT NULL) AS parked
    FROM unnest(CAST(:ids AS text[])) AS asked (id)
    JOIN outbox ON routing_key = ANY(CAST(:events AS text[]))
        AND position(asked.id IN convert_from(outbox.body, 'UTF8')) > 0
    LEFT JOIN outbox_blocked AS blocked
        ON blocked.share = outbox.share AND blocked.key = outbox.key AND blocked.retry_at IS NULL
    GROUP BY asked.id
""")
