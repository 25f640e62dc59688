"""Keep every gift, once, in PostgreSQL: with Ovation's consumer kit."""

import asyncio
import os

import asyncpg
from ovation.contracts.gift import GiftSent
from ovation.kit.consumer import Consumer

consumer = Consumer(os.environ["BROKER"], os.environ["QUEUE"], database=os.environ["DATABASE"])


@consumer.on(GiftSent)
async def keep(tx, received):
    """Write the gifts of a batch; that they were handled commits with them."""
    await tx.executemany(
        "INSERT INTO gifts (id, data) VALUES ($1, $2)",
        [(envelope.id, envelope.data.model_dump_json()) for envelope in received],
    )


async def main():
    """Make the tables, then consume until somebody ends us."""
    await consumer.create_tables()
    connection = await asyncpg.connect(os.environ["DATABASE"])
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS gifts (id uuid PRIMARY KEY, data jsonb NOT NULL)"
    )
    await connection.close()
    await consumer.run()


asyncio.run(main())
