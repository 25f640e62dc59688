"""Automatic payouts: requested by a job as their creators would, with the same checks."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from operator import attrgetter
from uuid import uuid5

import structlog

from services.payout.commands.fraud import read_facts_of_others
from services.payout.commands.payouts import PayoutOrder, request_payout
from services.payout.commands.quotes import offer_quote
from services.payout.commands.rate_plans import read_rate
from services.payout.domain.fraud_rules import FactsOfOthers
from services.payout.domain.rates import Rules
from services.payout.domain.schedules import (
    BelowThreshold,
    Schedule,
    ScheduleKind,
    next_period,
    next_try,
)
from services.payout.store import payouts, queries
from services.payout.store import schedules as store
from shared.contracts.base import NAMESPACE
from shared.errors import Refusal
from shared.ledger.entries import MAIN
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

DUE_MAX = 100
REQUEST_HASH = b"auto"


async def set_schedule(
    tx: Transaction, schedule: Schedule, rules: Rules, *, now: datetime
) -> Schedule:
    """Write what a creator chose; the first payout is requested when the next period begins."""
    if schedule.currency is not None:
        # A currency that cannot be paid is refused now, and not at night.
        rate = await read_rate(tx, schedule.creator, rules, now)
        rules.exchange.rate(rate.currency, schedule.currency, now.date())
    schedule = replace(schedule, next_at=next_period(schedule.kind, now, rules.time_zone))
    await store.save(tx, schedule)
    return await read_schedule(tx, schedule.creator)


async def read_schedule(tx: Transaction, creator: str) -> Schedule:
    """Return what a creator chose; nothing, if they never did."""
    known = await store.find(tx, creator)
    if known is None:
        return Schedule(creator, ScheduleKind.NONE, *([None] * 7))
    return known


async def request_due(database: Database, rules: Rules, *, now: datetime) -> bool:
    """
    Request the payouts whose time has come; return whether there may be more.

    What is wrong with one creator's payout keeps no other from theirs.
    """
    due = partial(store.due, now=now)
    found = await database.read_first(due, DUE_MAX, key=attrgetter("next_at", "creator"))
    failed: Exception | None = None
    for schedule in found:
        try:
            await _request_or_postpone(database, schedule, rules, now)
        except Exception as error:  # noqa: BLE001 - raised again when all had their turn
            failed = error
    if failed is not None:
        raise failed
    return len(found) == DUE_MAX


async def _request_or_postpone(
    database: Database, schedule: Schedule, rules: Rules, now: datetime
) -> None:
    part = database.part_for(schedule.creator)
    others = await read_facts_of_others(database, schedule.creator, rules.fraud, now=now)
    try:
        async with part.transaction() as tx:
            await _request(tx, schedule, rules, now, others)
    except Refusal as refused:
        async with part.transaction() as tx:
            await store.advance(
                tx,
                schedule,
                tried_at=now,
                next_at=next_try(schedule, now, rules.time_zone),
                refusal=refused.code(),
            )
        log.info("schedule.refused", creator=schedule.creator, reason=refused.code())


async def _request(
    tx: Transaction,
    schedule: Schedule,
    rules: Rules,
    now: datetime,
    others: FactsOfOthers | None,
) -> None:
    """
    Request the payout of a schedule's period, unless it was requested before.

    The schedule moves on in the same transaction, so a restart repeats nothing and loses nothing.
    """
    begins = next_period(schedule.kind, now, rules.time_zone)
    if not await store.advance(tx, schedule, tried_at=now, next_at=begins, refusal=None):
        return
    creator, key = schedule.creator, schedule.key(now, rules.time_zone)
    if await payouts.find_by_key(tx, creator, key):
        return
    if schedule.threshold_diamonds is not None:
        available = (await queries.balances(tx, creator)).get(MAIN, 0)
        if available < schedule.threshold_diamonds:
            raise BelowThreshold(
                threshold_diamonds=schedule.threshold_diamonds, available_diamonds=available
            )
    quote = await offer_quote(tx, creator, None, rules, currency=schedule.currency)
    order = PayoutOrder(
        creator,
        quote.id,
        key,
        REQUEST_HASH,
        str(uuid5(NAMESPACE, f"{key}\n{creator}")),
        schedule.age_years,
        schedule.country,
    )
    await request_payout(tx, order, rules=rules, others=others)
