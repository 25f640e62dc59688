"""
Comparing what one service announced with what the next one did.

What is missing is looked for where it may be: in the sender's outbox, in the queue, among the dead
letters. Only what is nowhere is lost, and only that, or another amount, is wrong.
"""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from deploy.ctl.installation import Installation
from services.gift.store import tallies as gift
from services.payout.store import reconciliation as payout
from services.purchase.store import tallies as purchase
from services.wallet.store import reconciliation as wallet
from shared.backoffice.reconciliation import Side, Tally
from shared.postgres.database import Transaction

LOST, WRONG, UNEXPECTED = "lost", "wrong-amount", "unexpected"
ALARMS = (LOST, WRONG, UNEXPECTED)


@dataclass(frozen=True, slots=True)
class Flow:
    """Things one service announces and another acts on, through an event and a queue."""

    name: str
    source: tuple[str, Side]
    target: tuple[str, Side]
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
    """Something that two services do not agree about, and where it is."""

    flow: str
    id: str
    where: str
    announced: int
    done: int

    @property
    def is_alarm(self) -> bool:
        return self.where in ALARMS


@dataclass(frozen=True, slots=True)
class Compared:
    """An hour of a flow, and how many things began in it."""

    flow: str
    hour: datetime
    things: int


async def reconcile(
    installation: Installation, *, since: datetime, until: datetime
) -> AsyncIterator[Finding | Compared]:
    """Compare every flow by the hour; yield each hour, and what does not agree in it."""
    for flow in FLOWS:
        service, side = flow.source
        async with installation.reading(service) as tx:
            announced = await side.hours(tx, since=since, until=until)
        service, side = flow.target
        async with installation.reading(service) as tx:
            done = await side.hours(tx, since=since, until=until)
        for hour in sorted(announced.keys() | done.keys()):
            yield Compared(flow.name, hour, announced.get(hour, Tally(0, 0, 0)).count)
            if announced.get(hour) != done.get(hour):
                until_hour = min(until, hour + timedelta(hours=1))
                for finding in await _look(installation, flow, max(since, hour), until_hour):
                    yield finding


async def _look(
    installation: Installation, flow: Flow, since: datetime, until: datetime
) -> list[Finding]:
    """Compare the things of one hour one by one."""
    (source, source_side), (target, target_side) = flow.source, flow.target
    async with installation.reading(source) as tx:
        announced = await source_side.things(tx, since=since, until=until)
    async with installation.reading(target) as tx:
        done = await target_side.things(tx, since=since, until=until)
        # The other side may have it under another hour: a clock is not a reason for an alarm.
        done |= await target_side.named(tx, [key for key in announced if key not in done])
    async with installation.reading(source) as tx:
        announced |= await source_side.named(tx, [key for key in done if key not in announced])
        missing = [key for key in announced if announced[key] != done.get(key, 0)]
        waiting = await _waiting(tx, flow, missing)
    gone = [key for key in missing if key not in waiting]
    beyond = _beyond(installation, flow, gone)
    findings = []
    for key in sorted(announced.keys() | done.keys()):
        said, acted = announced.get(key, 0), done.get(key, 0)
        if said == acted:
            continue
        # What nobody announced is not on its way from anywhere.
        where = UNEXPECTED if not said else waiting.get(key) or beyond[key]
        if where == LOST and acted:
            where = WRONG
        findings.append(Finding(flow.name, key, where, said, acted))
    return findings


async def _waiting(tx: Transaction, flow: Flow, ids: list[str]) -> dict[str, str]:
    """Return which of these have not left their sender: in the outbox, or parked there."""
    rows = await tx.execute(_OUTBOX, {"events": list(flow.events), "ids": ids}) if ids else []
    return {row.id: "parked" if row.parked else "outbox" for row in rows}


def _beyond(installation: Installation, flow: Flow, ids: Collection[str]) -> dict[str, str]:
    """
    Say where things are that have left their sender and did not arrive.

    Whoever may not look into letters counts them: more things than letters are not all letters.
    """
    if not ids:
        return {}
    letters = installation.letters_in(flow.queue)
    if letters is None:
        in_letters = set(ids if len(ids) <= installation.waiting_in(f"{flow.queue}.dlq") else ())
    else:
        in_letters = {key for key in ids if any(key in letter for letter in letters)}
    elsewhere = "queue" if installation.waiting_in(flow.queue) else LOST
    return {key: "dlq" if key in in_letters else elsewhere for key in ids}


_OUTBOX = text("""
    SELECT asked.id, bool_or(blocked.key IS NOT NULL) AS parked
    FROM unnest(CAST(:ids AS text[])) AS asked (id)
    JOIN outbox ON routing_key = ANY(CAST(:events AS text[]))
        AND position(asked.id IN convert_from(outbox.body, 'UTF8')) > 0
    LEFT JOIN outbox_blocked AS blocked
        ON blocked.part = outbox.part AND blocked.key = outbox.key AND blocked.retry_at IS NULL
    GROUP BY asked.id
""")
