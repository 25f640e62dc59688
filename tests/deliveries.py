"""Facts as they arrive at a consumer, without a broker in between; and what was announced."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from shared.contracts.envelope import Cause, encode, headers_of
from shared.contracts.gift import ErasureRequested, UserErased
from shared.messaging.broker import Broker
from shared.messaging.delivery import Delivery
from shared.messaging.outbox import message_of
from shared.postgres.database import Transaction
from shared.postgres.statements import text

BEGINNING, END = (datetime(year, 1, 1, tzinfo=UTC) for year in (2000, 2100))


def a_broker(service):
    """An address nobody connects to: deliveries are handed over directly."""
    return Broker(f"amqp://{service}@127.0.0.1:9/ovation", "unused", service)


def a_delivery(event, *, user=None, correlation_id="story", sequence=1, at=None):
    """The event as its owner would have published it, now or at another time."""
    body = encode(
        event,
        sequence=sequence,
        occurred_at=at or datetime.now(UTC),
        cause=Cause(correlation_id),
    )
    return Delivery(body, event.type(), str(event.id), user or event.owner(), {})


def an_erasure(user, *, forfeit=False):
    """The two facts by which a service hears that a person is to be erased, and is."""
    erasure, now = uuid4(), datetime.now(UTC)
    asked = ErasureRequested(erasure=erasure, user=user, forfeit=forfeit)
    return asked, UserErased(erasure=erasure, user=user, erased_at=now, forfeit=forfeit)


def as_delivered(fact):
    """A fact as an operator sends it again, with everything it travels with."""
    message = message_of(fact, fact.occurred_at)
    headers = {**headers_of(message.body), "ovation_said_by": fact.event.owner()}
    return Delivery(message.body, fact.event.type(), str(message.message_id), "ovationctl", headers)


async def _in_outbox(database):
    """The name and the body of every message there; one that was sent again is one message."""
    asked = text("SELECT message_id, routing_key, body FROM outbox ORDER BY id")
    first = {}
    async with database.transaction() as tx:
        for row in await tx.execute(asked):
            first.setdefault(row.message_id, (row.routing_key, row.body))
    return list(first.values())


async def announced_by_id(database):
    """The name, sequence and data of every fact in the outbox, by its id."""
    told = [(name, json.loads(body)) for name, body in await _in_outbox(database)]
    return {each["id"]: (name, each["sequence"], each["data"]) for name, each in told}


async def said_again(database, facts_between, *, since=BEGINNING, until=END):
    """The facts that a service says again from its own tables."""
    facts = []
    for part in database.parts:
        async with part.snapshot() as tx:
            facts += [fact async for fact in facts_between(tx, since=since, until=until)]
    return facts


def by_id(facts):
    """Facts as `announced_by_id` shows those of the outbox."""
    told = [(fact.event.name, json.loads(as_delivered(fact).body)) for fact in facts]
    return {each["id"]: (name, each["sequence"], each["data"]) for name, each in told}


async def announced(database, name=None):
    """The data of every fact in the outbox, in order; of one name, if given."""
    return [
        {"name": said, **json.loads(body)["data"]}
        for said, body in await _in_outbox(database)
        if name in (None, said)
    ]


async def forget_inbox(database):
    """Empty the inbox, as time does: what follows must not rely on it."""
    for mailbox in database.mailboxes:
        async with mailbox.transaction() as tx:
            await tx.execute(text("DELETE FROM inbox"))


@contextmanager
def rows_returned(monkeypatch):
    """Note how many rows each statement returned."""
    counts = []
    execute = Transaction.execute

    async def counted(self, *about):
        rows = await execute(self, *about)
        counts.append(len(rows))
        return rows

    with monkeypatch.context() as changed:
        changed.setattr(Transaction, "execute", counted)
        yield counts
