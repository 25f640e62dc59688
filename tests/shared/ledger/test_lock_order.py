"""All transactions lock accounts in one order, so none waits for another in a circle."""

import asyncio
import random

import asyncpg

from shared.ledger.book import open_book

TRANSACTIONS = 8
ROUNDS = 60


async def test_crossing_transactions_that_open_accounts_never_deadlock(database_of, postgres):
    """Of each round's users some have an account already; all others are opened by several."""
    database = database_of("wallet", pool_size=TRANSACTIONS)
    chance = random.Random(7)
    deadlocks = 0

    async def lock(users):
        nonlocal deadlocks
        try:
            async with database.transaction() as tx:
                book = await open_book(tx, "coins", [(user, "test") for user in users])
                assert set(book.users) == set(users)
                assert all(accounts.version == 0 for accounts in book.users.values())
        except asyncpg.DeadlockDetectedError:
            deadlocks += 1

    for number in range(ROUNDS):
        users = [f"{number:03} {place}" for place in range(6)]
        await lock(chance.sample(users, 3))
        await asyncio.gather(*(lock(chance.sample(users, 4)) for _ in range(TRANSACTIONS)))

    assert deadlocks == 0
    name = database.name
    # A session that ends tells the statistics all it has counted.
    await database.close()
    assert await _deadlocks(postgres, name) == 0


async def _deadlocks(postgres, name):
    connection = await asyncpg.connect(postgres.dsn())
    try:
        return await connection.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = $1", name
        )
    finally:
        await connection.close()
