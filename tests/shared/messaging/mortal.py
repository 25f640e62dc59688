"""
An instance that dies at one point: `python -m tests.shared.messaging.mortal commit|publication`.

It owns all parts, says so, and writes one fact when it is told to. It kills itself after the
commit, before anything is published; or after the publication, before the row is deleted.
"""

import asyncio
import os
import signal
import sys

from shared.messaging import outbox_rows
from shared.messaging.broker import Broker
from shared.messaging.outbox import PARTS, publish
from shared.messaging.relay import Relay
from shared.observability.logging import configure_logging
from shared.observability.metrics import RELAY_LEADER
from shared.postgres.database import Database
from tests.shared.messaging.conftest import a_fact

READY = "ready"


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(after: str) -> None:
    configure_logging("mortal", level="ERROR")
    database = Database(os.environ["MORTAL_DATABASE"])
    broker = Broker(os.environ["MORTAL_BROKER"], os.environ["MORTAL_PASSWORD"], "wallet")
    if after == "publication":
        outbox_rows.delete = die  # type: ignore[assignment]
    relaying = asyncio.create_task(Relay(database, broker).run(asyncio.Event()))
    while not all(RELAY_LEADER.labels(part)._value.get() for part in range(PARTS)):  # noqa: SLF001
        await asyncio.sleep(0.05)
    print(READY, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    async with database.transaction() as tx:
        await publish(tx, [a_fact()])
        if after == "commit":
            tx.after_commit(die)
    await relaying


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
