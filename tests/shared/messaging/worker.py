"""
One process of the kill test: `python -m tests.shared.messaging.worker produce|relay|consume`.

Producers count up one number a viewer, in the transaction that announces it; consumers write
down what they hear. All three may be killed at any moment.
"""

import asyncio
import os
import random
import sys
from collections.abc import Sequence
from uuid import UUID, uuid5

from shared.contracts.base import NAMESPACE, Event
from shared.contracts.envelope import Cause
from shared.contracts.routes import QUEUES
from shared.contracts.wallet import GiftPaymentRefused
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import Received
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.messaging.receiver import Handler
from shared.messaging.relay import Relay
from shared.observability.logging import configure_logging
from shared.postgres.database import Database, Transaction
from shared.postgres.statements import text

VIEWERS = 40
NEXT = text("UPDATE counters SET last = last + 1 WHERE viewer = :viewer RETURNING last")
HEARD = text("""
    INSERT INTO heard (viewer, sequence)
    SELECT * FROM unnest(CAST(:viewers AS text[]), CAST(:sequences AS bigint[]))
""")


def fact_of(viewer: str, number: int) -> Fact:
    gift: UUID = uuid5(NAMESPACE, f"{viewer}|{number}")
    event = GiftPaymentRefused(viewer=viewer, gift=gift, coins=1, reason="kill", balance_coins=0)
    return Fact(event, number, Cause("kill test"))


async def produce(database: Database, total: int) -> None:
    done = 0
    while done < total:
        try:
            await _count_up(database)
        except Exception:  # noqa: BLE001 - rolled back on purpose, or the server died
            await asyncio.sleep(0.02)
        else:
            done += 1


async def _count_up(database: Database) -> None:
    viewer = f"viewer-{random.randrange(VIEWERS)}"
    async with database.transaction() as tx:
        # The row is locked before the outbox is written: that keeps a viewer's facts in order.
        number = (await tx.execute(NEXT, {"viewer": viewer})).scalar_one()
        await publish(tx, [fact_of(viewer, number)])
        if random.random() < 0.02:
            raise RuntimeError("rolled back")


async def note(tx: Transaction, received: Sequence[Received]) -> None:
    await tx.execute(
        HEARD,
        {
            "viewers": [envelope.subject for envelope in received],
            "sequences": [int(envelope.sequence) for envelope in received],
        },
    )


async def main(role: str) -> None:
    configure_logging(role, level=os.environ.get("KILL_LOG", "ERROR"))
    env = os.environ
    stopping = asyncio.Event()
    database = Database(env["KILL_DATABASE"])
    if role == "produce":
        await asyncio.gather(*(produce(database, int(env["KILL_TOTAL"]) // 8) for _ in range(8)))
    elif role == "relay":
        broker = Broker(env["KILL_BROKER_OUT"], env["KILL_PASSWORD_OUT"], "wallet")
        await Relay(database, broker).run(stopping)
    else:
        broker = Broker(env["KILL_BROKER_IN"], env["KILL_PASSWORD_IN"], "gift")
        routes: dict[type[Event], Handler] = dict.fromkeys(QUEUES["gift.outcomes"], note)
        await Consumer("gift.outcomes", routes, database=database, broker=broker).run(stopping)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
