"""Work that waits: messages in outboxes, and dead letters."""

import asyncio
from collections.abc import AsyncIterator

from deploy.config.services import DATABASES
from deploy.ctl import outboxes
from deploy.ctl.doctor.findings import Examined, Problem
from deploy.ctl.teams import queues


async def look_at_outboxes(examined: Examined) -> AsyncIterator[Problem]:
    """Look how long messages wait in each service's outbox, and which are blocked."""
    limit = examined.limits.outbox_seconds
    for service in DATABASES:
        total, *blocked = await outboxes.waiting(examined.servers, service)
        age = float(str(total["oldest_seconds"]))
        if age > limit:
            waiting = f"{total['messages']} messages wait, the oldest for {age:.0f} s"
            yield Problem(service, f"{waiting}; the limit is {limit:.0f} s")
        for row in blocked:
            yield Problem(
                service,
                f"the key {row['key']} is {row['state']}, with {row['messages']} messages:"
                f" {row['reason']}",
                f"ovationctl outbox unpark {service} --key {row['key']}, once its reason is gone",
            )


async def look_at_dead_letters(examined: Examined) -> AsyncIterator[Problem]:
    """Count the dead letters of each queue, as the auditor."""
    servers, limit = examined.servers, examined.limits.dead_letters
    for queue in await asyncio.to_thread(queues, servers):
        count = await asyncio.to_thread(servers.messages_in, f"{queue}.dlq")
        if count > limit:
            yield Problem(
                queue,
                f"{count} dead letters; the limit is {limit}",
                f"ovationctl dlq show --queue {queue}, then runbooks/growing-dlq.md",
            )
