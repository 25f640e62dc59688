"""What the live service hears."""

from services.live.commands.counting import count_gifts, take_back
from shared.contracts.gift import GiftRestored, GiftReversed, GiftSent
from shared.database import Database
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer

# A room is shown ten times a second: to count its gifts more often would show nothing sooner.
SPACING_SECONDS = 0.1


def build(database: Database, broker: Broker) -> list[Consumer]:
    return [
        Consumer(
            "live.gifts",
            {GiftSent: count_gifts, GiftReversed: take_back, GiftRestored: take_back},
            database=database,
            broker=broker,
            spacing_seconds=SPACING_SECONDS,
        )
    ]
