"""The events that the purchase service consumes."""

from services.purchase.commands.credits import complete_purchases
from services.purchase.commands.exclusions import record_exclusions
from services.purchase.commands.refund_decisions import complete_refunds, price_refunds
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
                CoinsFrozen: price_refunds,
                CoinsRefunded: complete_refunds,
                ExclusionStarted: record_exclusions,
                ExclusionEnded: record_exclusions,
            },
            database=database,
            broker=broker,
        )
    ]
