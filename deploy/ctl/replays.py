"""Sending events to one queue again: from the logs, or from their owners' tables."""

import sys
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from aio_pika.abc import AbstractConnection

from deploy.ctl.audit import recorded
from deploy.ctl.installation import Installation
from deploy.ctl.redelivery import Redelivery, redeliver
from deploy.ctl.teams import teams
from services.gift.commands import republish as gift
from services.live.store import rebuild as live
from services.payout.commands import republish as payout
from services.purchase.commands import republish as purchase
from services.wallet.commands import republish as wallet
from shared.contracts.base import Event
from shared.contracts.envelope import headers_of
from shared.contracts.routes import EVENTS, QUEUES
from shared.messaging.facts import Fact
from shared.messaging.log import Start, log_of, newest_offset, read_log
from shared.messaging.outbox import message_of
from shared.postgres.database import Database, Part, Transaction

BEGINNING = datetime.fromtimestamp(0, UTC)


class Facts(Protocol):
    """The events a service published between two times, from its own tables."""

    def __call__(
        self, tx: Transaction, *, since: datetime, until: datetime
    ) -> AsyncIterator[Fact]: ...


@dataclass(frozen=True, slots=True)
class Owner:
    """A service that can republish its events, with their ids."""

    facts_between: Facts
    events: tuple[type[Event], ...]
    # Those of no single user, where they are in another schema than those of users.
    reference_facts_between: Facts | None = None


OWNERS: Mapping[str, Owner] = {
    "purchase": Owner(purchase.facts_between, purchase.EVENTS),
    "wallet": Owner(wallet.facts_between, wallet.REPUBLISHED),
    "gift": Owner(gift.facts_between, gift.REPUBLISHED, gift.reference_facts_between),
    "payout": Owner(payout.facts_between, payout.REPUBLISHED, payout.reference_facts_between),
}


def events_of(
    installation: Installation, queue: str, *, only: Collection[str] = ()
) -> set[type[Event]]:
    """Return the events that a queue receives; with `only`, those of these names."""
    if queue in QUEUES:
        names = {event.name for event in QUEUES[queue]}
    else:
        names = {name for team in teams(installation) if team.queue == queue for name in team.hears}
    return {event for event in EVENTS if event.name in names and (not only or event.name in only)}


def republishable(installation: Installation, service: str, queue: str) -> list[str]:
    """Return the names of the events that a service can republish to a queue."""
    received = events_of(installation, queue)
    return sorted(event.name for event in received & set(OWNERS[service].events))


async def replay(
    installation: Installation,
    queue: str,
    *,
    start: Start,
    only: Collection[str] = (),
    service: str | None = None,
    dry_run: bool = False,
) -> int:
    """Send a queue its events from the logs, from a place on; return how many."""
    contracts = events_of(installation, queue, only=only)
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
) -> AsyncIterator[Redelivery]:
    """
    Yield the messages of these types from the logs of their owners, from a place on.

    Each log is read to where it ended at the beginning: later events arrive by themselves. The end
    is an offset, not a time, because a message's time is what its publisher wrote.
    """
    for owner in owners:
        end = await newest_offset(connection, log_of(owner))
        async for message in read_log(connection, log_of(owner), start=start):
            if end is None or message.offset > end:
                break
            if message.type not in types:
                continue
            # A log's owner alone publishes to it; the operator must not forward any other message.
            if message.user_id != owner:
                where = f"{log_of(owner)}, offset {message.offset}"
                sys.stderr.write(
                    f"Skipped {where}: {message.user_id!r} published {message.type}.\n"
                )
                continue
            # The broker starts at the chunk that contains the time.
            if isinstance(start, datetime) and message.is_before(start):
                continue
            yield Redelivery(
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
    """Send a queue the events of a service between two times, from its tables; return how many."""
    contracts = events_of(installation, queue)

    async def facts(database: Database) -> AsyncIterator[Redelivery]:
        for part, facts_between in histories(database, OWNERS[service]):
            async with part.snapshot() as tx:
                async for fact in facts_between(tx, since=since, until=until):
                    if fact.event.contract in contracts:
                        yield _redelivery(fact)

    opened: AbstractAsyncContextManager[Database] = installation.opened(service)
    sending = recorded(
        installation, "republish", service=service, queue=queue, since=since, until=until
    )
    async with installation.connect() as connection, opened as database, sending as result:
        result["count"] = count = await redeliver(connection, queue, facts(database))
        return count


def histories(database: Database, owner: Owner) -> Iterator[tuple[Part, Facts]]:
    """Yield every schema with facts of a service, and what reads them."""
    if database.part_count > 1 and owner.reference_facts_between is not None:
        yield database.reference, owner.reference_facts_between
    for part in database.parts:
        yield part, owner.facts_between


async def rebuild_live(installation: Installation) -> tuple[int, int]:
    """
    Empty live's tables and fill them again; return how many events came from gift and from the log.

    Events older than the log come from gift's tables. An event in both is sent twice and counts
    once. New events are counted meanwhile. Live publishes nothing until it has handled the last of
    these events; if this command is interrupted, run it again.
    """
    async with recorded(installation, "rebuild", service="live"), installation.owning("live") as tx:
        await live.begin_rebuild(tx)
    oldest = await _oldest(installation, log_of("gift"))
    republished = await republish(installation, "gift", "live.gifts", since=BEGINNING, until=oldest)
    replayed = await replay(installation, "live.gifts", start="first")
    async with installation.owning("live") as tx:
        await live.end_filling(tx)
    return republished, replayed


async def _oldest(installation: Installation, stream: str) -> datetime:
    """Return when the first event of a log occurred, or now if the log has none."""
    async with installation.connect() as connection:
        async for message in read_log(connection, stream, start="first"):
            if log_of(message.user_id) == stream and message.time is not None:
                return message.time
    return datetime.now(UTC)


def _redelivery(fact: Fact) -> Redelivery:
    message = message_of(fact, fact.occurred_at or datetime.now(UTC))
    return Redelivery(
        fact.event.contract.owner(),
        fact.event.contract.type(),
        str(message.message_id),
        fact.cause.correlation_id,
        headers_of(message.body),
        message.body,
    )
