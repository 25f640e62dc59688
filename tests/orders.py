"""Every order in which the same facts can arrive, each with a database of its own."""

from datetime import UTC, datetime
from itertools import permutations

from shared.contracts.routes import QUEUES
from shared.postgres.statements import text
from tests.deliveries import a_delivery


async def ends(database_of, service, build, facts, queries, *, before=(), prepare=None):
    """
    What a service ends with, for every order of the facts, heard one by one.

    The first order and its reverse are heard all at once too, each fact twice: a batch may hold a
    message and its repetition. `before` is heard first, and always; `prepare` does what no fact
    does. What the queries return must not depend on the clock.
    """
    # When a fact occurred is part of it, whenever it is heard.
    at = datetime.now(UTC)
    orders = list(permutations(facts))
    ways = [[[fact] for fact in order] for order in orders]
    ways += [[[*order, *order]] for order in (orders[0], orders[-1])]
    found = []
    for batches in ways:
        database = database_of(service)
        if prepare is not None:
            await prepare(database)
        consumers = build(database)
        for batch in (*([fact] for fact in before), *batches):
            await _hear(consumers, batch, at)
        named = ", ".join(fact.name for batch in batches for fact in batch)
        found.append((named, await _state(database, queries)))
    return found


def assert_all_equal(found):
    """Name the first order that ended elsewhere than the very first."""
    (_, expected), *others = found
    for order, state in others:
        assert state == expected, f"another end after {order}"
    return expected


async def _hear(consumers, facts, at):
    for consumer in consumers:
        mine = [fact for fact in facts if type(fact) in QUEUES[consumer.queue]]
        if mine:
            await consumer.receive([a_delivery(fact, at=at) for fact in mine])


async def _state(database, queries):
    async with database.transaction() as tx:
        dead_letters = await tx.execute(
            text("SELECT 1 FROM outbox WHERE exchange <> 'ovation.events'")
        )
        assert not dead_letters, "a fact was set aside"
        return [[tuple(row) for row in await tx.execute(text(query))] for query in queries]
