"""
An instance that fails at one point: `python -m tests.shared.messaging.mortal POINT`.

It says which shares it has, whenever they change. When it is told to, it writes one fact of a
viewer of its shares, whom it names. Then it kills itself: after the `commit`, before anything is
published; or after the `publication`, before the row is deleted. At `pause` it stops itself, as
SIGSTOP does, when it has read the row and not yet published it.
"""

import asyncio
import os
import signal
import sys

from shared.amqp.confirms import Publisher
from shared.messaging import outbox_rows
from shared.messaging.broker import Broker
from shared.messaging.outbox import SHARES, publish, share_of
from shared.messaging.relay import Relay
from shared.observability.logging import configure_logging
from shared.observability.metrics import RELAY_LEADER
from shared.postgres.database import Database
from tests.shared.messaging.conftest import a_fact


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def pause_before_publication() -> None:
    """Stop this process once, with a batch in its hands."""
    publish = Publisher.publish

    async def paused(self, messages, **more):
        Publisher.publish = publish
        os.kill(os.getpid(), signal.SIGSTOP)
        return await publish(self, messages, **more)

    Publisher.publish = paused  # type: ignore[method-assign]


def shares() -> list[int]:
    return [share for share in range(SHARES) if RELAY_LEADER.labels(share)._value.get()]  # noqa: SLF001


async def tell_shares() -> None:
    told: list[int] = []
    while True:
        if (now := shares()) != told:
            told = now
            print("shares", *told, flush=True)
        await asyncio.sleep(0.02)


async def main(point: str) -> None:
    configure_logging("mortal", level="ERROR")
    database = Database(os.environ["MORTAL_DATABASE"])
    broker = Broker(os.environ["MORTAL_BROKER"], os.environ["MORTAL_PASSWORD"], "wallet")
    if point == "publication":
        outbox_rows.Outbox.delete = die  # type: ignore[assignment]
    relaying = asyncio.create_task(Relay(database, broker).run(asyncio.Event()))
    telling = asyncio.create_task(tell_shares())
    await asyncio.to_thread(sys.stdin.readline)
    if point == "pause":
        pause_before_publication()
    names = (f"viewer-{number}" for number in range(1_000))
    viewer = next(name for name in names if share_of(name) in shares())
    print("viewer", viewer, flush=True)
    async with database.transaction() as tx:
        await publish(tx, [a_fact(viewer=viewer)])
        if point == "commit":
            tx.after_commit(die)
    await asyncio.gather(relaying, telling)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
