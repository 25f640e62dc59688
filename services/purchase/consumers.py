"""What the purchase service hears."""

from services.purchase.commands.credits import complete_purchases
from services.purchase.commands.exclusions import heed_exclusions
from services.purchase.commands.refund_decisions import mark_burnt, weigh_frozen
from shared.contracts.wallet import (
    CoinsCredited,
    CoinsFrozen,
    CoinsRefunded,
    ExclusionEnded,
    ExclusionStarted,
)
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.postgres.database import Database


def build(database: Database, broker: Broker) -> list[Consumer]:
    return [
        Consumer(
            "purchase.credits",
            {
                CoinsCredited: complete_purchases,
                CoinsFrozen: weigh_frozen,
                CoinsRefunded: mark_burnt,
                ExclusionStarted: heed_exclusions,
                ExclusionEnded: heed_exclusions,
            },
            database=database,
            broker=broker,
        )
    ]
