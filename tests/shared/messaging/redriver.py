"""
A service that is killed while it redrives: `python -m tests.shared.messaging.redriver POINT ID`.

It kills itself when it has the dead letter in its hands and committed nothing (`taken`), after the
commit (`commit`), when the broker has the message (`confirmed`), or after the removal (`removed`).
"""

import asyncio
import os
import signal
import sys
from uuid import UUID

from shared.backoffice import dead_letters
from shared.backoffice.dead_letters import DeadLetters, RedriveRequest
from shared.messaging.broker import Broker
from shared.messaging.dead_letters import DeadLetterQueues, Taken
from shared.messaging.relay import Relay
from shared.observability.logging import configure_logging
from shared.postgres.database import Database


async def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(point: str, dead_letter: UUID) -> None:
    configure_logging("redriver", level="ERROR")
    database = Database(os.environ["MORTAL_DATABASE"])
    broker = Broker(os.environ["MORTAL_BROKER"], os.environ["MORTAL_PASSWORD"], "wallet")
    if point == "taken":
        dead_letters._record = die  # type: ignore[assignment] # noqa: SLF001
    elif point == "commit":
        DeadLetters._is_confirmed = die  # type: ignore[assignment, method-assign] # noqa: SLF001
    elif point == "confirmed":
        Taken.remove = die  # type: ignore[assignment, method-assign]
    request = RedriveRequest(dead_letter, "wallet.gifts", "opal", "k-1", b"h", "it is mended")
    relaying = asyncio.create_task(Relay(database, broker).run(asyncio.Event()))
    await DeadLetters(database, DeadLetterQueues(broker)).redrive(request, route="/test")
    await die()
    await relaying


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], UUID(sys.argv[2])))
