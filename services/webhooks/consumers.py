"""The queues of the webhooks service."""

from collections.abc import Sequence
from typing import Any

from services.webhooks.commands.events import record_events
from services.webhooks.domain.deliveries import RetryPolicy
from services.webhooks.store.personal_data import PERSONAL_DATA
from shared.backoffice.erasures import erase_users
from shared.contracts.envelope import Envelope
from shared.contracts.erasures import WebhooksDataErased
from shared.contracts.gift import UserErased
from shared.contracts.routes import QUEUES
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.postgres.database import Database, Transaction


def build(database: Database, broker: Broker, policy: RetryPolicy) -> list[Consumer]:
    async def record(tx: Transaction, received: Sequence[Envelope[Any]]) -> None:
        await record_events(tx, received, policy)

    async def erase(tx: Transaction, received: Sequence[Envelope[Any]]) -> None:
        await erase_users(tx, received, PERSONAL_DATA, WebhooksDataErased, archive=False)

    return [
        Consumer(
            "webhooks.events",
            dict.fromkeys(QUEUES["webhooks.events"], record),
            database=database,
            broker=broker,
            # An endpoint and an event have one delivery, which is kept for as long.
            inbox=False,
        ),
        Consumer("webhooks.erasures", {UserErased: erase}, database=database, broker=broker),
    ]
