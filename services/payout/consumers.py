"""What the payout service hears."""

from services.payout.commands.earning import earn_diamonds
from shared.contracts.gift import GiftSent
from shared.database import Database
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer

# Diamonds mature over days: nobody waits for them, so they are booked in large batches.
SPACING_SECONDS = 0.25


def build(database: Database, broker: Broker) -> list[Consumer]:
    return [
        Consumer(
            "payout.gifts",
            {GiftSent: earn_diamonds},
            database=database,
            broker=broker,
            spacing_seconds=SPACING_SECONDS,
        )
    ]
