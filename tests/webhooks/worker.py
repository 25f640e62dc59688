"""A worker as a process of its own, that a test can kill: `python -m tests.webhooks.worker`."""

import asyncio
import os

from services.webhooks.domain.deliveries import RetryPolicy
from services.webhooks.jobs.worker import DeliveryWorker, Limits
from shared.http.public_addresses import AddressPolicy
from shared.http.public_client import Destinations, PublicClient
from shared.keyring import Keyring
from shared.postgres.database import Database

LOOPBACK = Destinations(AddressPolicy.of((), loopback=True), loopback=True)


async def work():
    database = Database(os.environ["DATABASE"], pool_size=4)
    client = PublicClient(
        LOOPBACK, answer_seconds_max=2.0, connections_max=16, user_agent="test worker"
    )
    policy = RetryPolicy(first_seconds=0.05, factor=1.5, seconds_max=0.2, lease_seconds=3.0)
    keys = Keyring(os.environ["KEY"])
    worker = DeliveryWorker(database, client, keys, policy, Limits(8, 16))
    await worker.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(work())
