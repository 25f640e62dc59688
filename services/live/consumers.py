"""What the live service hears."""

from collections.abc import Sequence
from typing import Any

from services.live.commands.counting import follow
from services.live.commands.feeding import Show
from shared.contracts.envelope import Envelope
from shared.contracts.gift import ComboEnded, GiftRestored, GiftReversed, GiftSent
from shared.database import Database, Transaction
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer

# Under a storm rooms are shown four times a second. What one viewer gives within one batch changes
# each of their scores once, so this is most of what a storm costs; a quiet room has no such wait.
SPACING_SECONDS = 0.25


def build(database: Database, broker: Broker, *, show: Show) -> list[Consumer]:
    async def follow_gifts(tx: Transaction, received: Sequence[Envelope[Any]]) -> None:
        await follow(tx, received, show=show)

    heard = (GiftSent, ComboEnded, GiftReversed, GiftRestored)
    return [
        Consumer(
            "live.gifts",
            dict.fromkeys(heard, follow_gifts),
            database=database,
            broker=broker,
            spacing_seconds=SPACING_SECONDS,
        )
    ]
