"""What the purchase service hears."""

from services.purchase.commands.credits import complete_purchases
from shared.contracts.wallet import CoinsCredited
from shared.database import Database
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer


def build(database: Database, broker: Broker) -> list[Consumer]:
    return [
        Consumer(
            "purchase.credits",
            {CoinsCredited: complete_purchases},
            database=database,
            broker=broker,
        )
    ]
