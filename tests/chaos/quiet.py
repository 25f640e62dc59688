"""Waiting until nothing is on its way any more, and what is if it never ends."""

import asyncio
import time
from typing import Any

from deploy.ctl.installation import Installation
from shared.messaging.topology import DEAD_LETTER_STREAM
from tests.chaos.books import Books
from tests.chaos.people import People

# A message that failed may wait five minutes for its last attempt.
QUIET_SECONDS_MAX = 420
POLL_SECONDS = 0.5
# The broker counts its queues every five seconds, so what it says may be as old as that.
STEADY_SECONDS = 6.0
LOGS = ("ovation.log.", DEAD_LETTER_STREAM)
DEAD_LETTERS = ".dlq"


async def until_quiet(books: Books, installation: Installation, people: People) -> dict[str, int]:
    """Return what has not come to an end: nothing, or all there is after a long wait."""
    deadline = time.monotonic() + QUIET_SECONDS_MAX
    quiet_since: float | None = None
    while True:
        moving = await on_its_way(books, installation, people)
        now = time.monotonic()
        if moving:
            quiet_since = None
        elif quiet_since is None:
            quiet_since = now
        elif now - quiet_since > STEADY_SECONDS:
            return {}
        if now > deadline:
            return moving
        await asyncio.sleep(POLL_SECONDS)


async def on_its_way(books: Books, installation: Installation, people: People) -> dict[str, int]:
    """Return what has yet to happen, by what it is; dead letters go nowhere and are left out."""
    found = await books.unfinished()
    found |= await _disputes(books, people)
    queues = await asyncio.to_thread(waiting, installation)
    found |= {name: count for name, count in queues.items() if not name.endswith(DEAD_LETTERS)}
    return {name: count for name, count in found.items() if count}


def waiting(installation: Installation) -> dict[str, int]:
    """Return how many messages each queue has that is no log."""
    queues: list[dict[str, Any]] = installation.manage("GET", installation.within("queues"))
    return {
        queue["name"]: int(queue.get("messages", 0))
        for queue in queues
        if not queue["name"].startswith(LOGS)
    }


async def _disputes(books: Books, people: People) -> dict[str, int]:
    """Count the disputes that purchase has not heard of, or wallet not to the end."""
    known = dict(await books.disputes("purchase"))
    # What was opened is a revision, and what the bank decided is another.
    behind = [
        dispute
        for dispute, decided in people.disputes.items()
        if known.get(dispute, 0) < 1 + decided
    ]
    between = set(known.items()) ^ await books.disputes("wallet")
    return {"purchase: disputes": len(behind), "wallet: disputes": len(between)}
