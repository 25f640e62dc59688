"""Giving a queue what it heard before, or never did: from the logs, or from the owners' tables."""

import sys
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from aio_pika.abc import AbstractConnection

from deploy.ctl.audit import recorded
from deploy.ctl.installation import Installation
from deploy.ctl.redelivery import Again, redeliver
from deploy.ctl.teams import teams
from services.gift.commands import reannouncing as gift
from services.live.commands import counting as live
from services.payout.commands import republish as payout
from services.purchase.commands import reannouncing as purchase
from services.wallet.commands import republish as wallet
from shared.contracts.base import Event
from shared.contracts.routes import EVENTS, QUEUES
from shared.messaging.facts import Fact
from shared.messaging.log import Start, log_of, newest_offset, read_log
from shared.messaging.outbox import message_of
from shared.postgres.database import Transaction

BEGINNING = datetime.fromtimestamp(0, UTC)


class Facts(Protocol):
    """What a service announced in a time, from its own tables."""

    def __call__(
        self, tx: Transaction, *, since: datetime, until: datetime
    ) -> AsyncIterator[Fact]: ...


@dataclass(frozen=True, slots=True)
class Owner:
    """A service that can say again what it announced: these events, under their ids."""

    facts_between: Facts
    says_again: tuple[type[Event], ...]


OWNERS: Mapping[str, Owner] = {
    "purchase": Owner(purchase.facts_between, purchase.SAID_AGAIN),
    "wallet": Owner(wallet.facts_between, wallet.SAID_AGAIN),
    "gift": Owner(gift.facts_between, gift.SAID_AGAIN),
    "payout": Owner(payout.facts_between, payout.SAID_AGAIN),
}


def heard_by(
    installation: Installation, queue: str, *, only: Collection[str] = ()
) -> set[type[Event]]:
    """Return the contracts a service's or a team's queue hears, of these names if any are given."""
    if queue in QUEUES:
        names = {event.name for event in QUEUES[queue]}
    else:
        names = {name for team in teams(installation) if team.queue == queue for name in team.hears}
    return {event for event in EVENTS if event.name in names and (not only or event.name in only)}


def said_again_to(installation: Installation, queue: str, service: str) -> list[str]:
    """Return the names of the events that a service can say again and a queue hears."""
    heard = heard_by(installation, queue)
    return sorted(event.name for event in heard & set(OWNERS[service].says_again))


async def replay(
    installation: Installation,
    queue: str,
    *,
    start: Start,
    only: Collection[str] = (),
    service: str | None = None,
    dry_run: bool = False,
) -> int:
    """Publish to a queue what the logs hold of its events from a place on; return how many."""
    contracts = heard_by(installation, queue, only=only)
    owners = sorted({each.owner() for each in contracts if service in (None, each.owner())})
    types = {contract.type() for contract in contracts}
    async with installation.connect() as connection:
        messages = _logged(connection, owners, start, types)
        if dry_run:
            return len([message async for message in messages])
        asked = {"queue": queue, "start": start, "only": sorted(only), "service": service}
        async with recorded(installation, "replay", **asked) as result:
            result["count"] = count = await redeliver(connection, queue, messages)
            return count


async def _logged(
    connection: AbstractConnection,
    owners: Collection[str],
    start: Start,
    types: Collection[str],
) -> AsyncIterator[Again]:
    """
    Yield what the logs of these owners hold of some types, from a place on.

    It ends where the log ended when this began: what is new now arrives by itself. What messages
    say of their time decides nothing about others: one of tomorrow would end it for all.
    """
    for owner in owners:
        end = await newest_offset(connection, log_of(owner))
        async for message in read_log(connection, log_of(owner), start=start):
            if end is None or message.offset > end:
                break
            if message.type not in types:
                continue
            # A log has what its owner said. Anything else would count if an operator repeated it.
            if message.user_id != owner:
                where = f"{log_of(owner)}, offset {message.offset}"
                sys.stderr.write(f"Skipped {where}: {message.user_id!r} said {message.type}.\n")
                continue
            # A time selects a whole chunk.
            if isinstance(start, datetime) and message.is_before(start):
                continue
            yield Again(
                owner,
                message.type,
                message.message_id,
                message.correlation_id,
                message.headers,
                message.body,
            )


async def republish(
    installation: Installation, service: str, queue: str, *, since: datetime, until: datetime
) -> int:
    """Publish to a queue what a service's own tables say it announced in that time."""
    contracts = heard_by(installation, queue)

    async def facts(tx: Transaction) -> AsyncIterator[Again]:
        async for fact in OWNERS[service].facts_between(tx, since=since, until=until):
            if type(fact.event) in contracts:
                yield _again(fact)

    reading: AbstractAsyncContextManager[Transaction] = installation.reading(service)
    sending = recorded(
        installation, "republish", service=service, queue=queue, since=since, until=until
    )
    async with installation.connect() as connection, reading as tx, sending as result:
        result["count"] = count = await redeliver(connection, queue, facts(tx))
        return count


async def rebuild_live(installation: Installation) -> tuple[int, int]:
    """
    Empty live's tables and fill them again; return how many facts came from gift and the log.

    What is older than the log comes from the gifts themselves. Where both have a fact it comes
    twice and counts once. What is announced meanwhile is counted as ever. Live announces nothing
    until the last fact was sent and heard: if this ends before that, run it again.
    """
    async with recorded(installation, "rebuild", service="live"), installation.owning("live") as tx:
        await live.begin_again(tx)
    oldest = await _oldest(installation, log_of("gift"))
    told = await republish(installation, "gift", "live.gifts", since=BEGINNING, until=oldest)
    logged = await replay(installation, "live.gifts", start="first")
    async with installation.owning("live") as tx:
        await live.end_filling(tx)
    return told, logged


async def _oldest(installation: Installation, stream: str) -> datetime:
    """Return when the first fact of a log occurred, as far as it can be read; if none can, now."""
    async with installation.connect() as connection:
        async for message in read_log(connection, stream, start="first"):
            if log_of(message.user_id) == stream and message.time is not None:
                return message.time
    return datetime.now(UTC)


def _again(fact: Fact) -> Again:
    message = message_of(fact, fact.occurred_at or datetime.now(UTC))
    return Again(
        fact.event.owner(),
        fact.event.type(),
        str(message.message_id),
        fact.cause.correlation_id,
        message.headers,
        message.body,
    )
