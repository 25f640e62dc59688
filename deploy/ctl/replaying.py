"""Giving a queue what it heard before, or never did: from the logs, or from the owners' tables."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import TypeAlias

from deploy.ctl.places import Places
from deploy.ctl.redelivery import Again, redeliver
from services.gift.commands import reannouncing as gift
from services.live.commands import counting as live
from shared.contracts.base import Event
from shared.contracts.routes import QUEUES
from shared.database import Transaction
from shared.messaging.log import Start, log_of, read_log
from shared.messaging.outbox import Fact, message_of

BEGINNING = datetime.fromtimestamp(0, UTC)

Facts: TypeAlias = Callable[[Transaction, datetime, datetime], AsyncIterator[Fact]]


def _gift_facts(tx: Transaction, since: datetime, until: datetime) -> AsyncIterator[Fact]:
    return gift.facts_between(tx, since=since, until=until)


# Who can say again what it announced; for the others there is the log.
OWNERS: Mapping[str, Facts] = {"gift": _gift_facts}


def heard_by(queue: str, *, only: Collection[str] = ()) -> set[type[Event]]:
    """Return the contracts bound to a queue, those of these names if any are given."""
    return {event for event in QUEUES[queue] if not only or event.name in only}


async def replay(
    places: Places,
    queue: str,
    *,
    start: Start,
    only: Collection[str] = (),
    service: str | None = None,
    dry_run: bool = False,
) -> int:
    """Publish to a queue what the logs hold of its events from a place on; return how many."""
    until = datetime.now(UTC)
    contracts = heard_by(queue, only=only)
    types = {contract.type() for contract in contracts}
    owners = sorted({contract.owner() for contract in contracts})
    count = 0
    async with places.connect() as connection:

        async def logged(stream: str) -> AsyncIterator[Again]:
            async for message in read_log(connection, stream, start=start):
                if message.type not in types:
                    continue
                # A time selects a whole chunk; and what is new now arrives by itself.
                if isinstance(start, datetime) and message.time < start:
                    continue
                if message.time > until:
                    return
                yield Again(
                    message.type,
                    message.message_id,
                    message.correlation_id,
                    message.headers,
                    message.body,
                )

        for owner in owners:
            if service in (None, owner):
                messages = logged(log_of(owner))
                if dry_run:
                    count += len([message async for message in messages])
                else:
                    count += await redeliver(connection, queue, messages)
    return count


async def reannounce(
    places: Places, service: str, queue: str, *, since: datetime, until: datetime
) -> int:
    """Publish to a queue what a service's own tables say it announced in that time."""
    contracts = heard_by(queue)

    async def facts(tx: Transaction) -> AsyncIterator[Again]:
        async for fact in OWNERS[service](tx, since, until):
            if type(fact.event) in contracts:
                yield _again(fact)

    reading: AbstractAsyncContextManager[Transaction] = places.reading(service)
    async with places.connect() as connection, reading as tx:
        return await redeliver(connection, queue, facts(tx))


async def rebuild_live(places: Places) -> tuple[int, int]:
    """
    Empty live's tables and fill them again; return how many facts came from gift and the log.

    What is older than the log comes from the gifts themselves. Where both have a fact it comes
    twice and counts once. What is announced meanwhile is counted as ever.
    """
    async with places.owning("live") as tx:
        await live.begin_again(tx)
    oldest = await _oldest(places, log_of("gift"))
    told = await reannounce(places, "gift", "live.gifts", since=BEGINNING, until=oldest)
    return told, await replay(places, "live.gifts", start="first")


async def _oldest(places: Places, stream: str) -> datetime:
    """Return when the first fact of a log occurred; of an empty one, now."""
    async with places.connect() as connection:
        async for message in read_log(connection, stream, start="first"):
            return message.time
    return datetime.now(UTC)


def _again(fact: Fact) -> Again:
    message = message_of(fact, fact.occurred_at or datetime.now(UTC))
    return Again(
        fact.event.type(),
        str(message.message_id),
        fact.cause.correlation_id,
        message.headers,
        message.body,
    )
