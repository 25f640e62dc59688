"""What the live service hears."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.live.commands.counting import follow
from services.live.commands.feeding import Show
from shared.contracts.envelope import Envelope
from shared.contracts.gift import (
    ComboEnded,
    GiftRestored,
    GiftReversed,
    GiftSent,
    MessageRemoved,
    MessageShown,
)
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.postgres.database import Database, Transaction

# Under a storm of thousands of gifts a second batches grow, and begin so far apart: what one viewer
# gives within a batch changes each of their scores once, and that is most of what a storm costs.
# Below it a batch begins as soon as the one before has ended.
SPACING_SECONDS = 0.4
SPACED_FROM = 1_000
BATCH_MAX = 4_000


def build(database: Database, broker: Broker, *, show: Show) -> list[Consumer]:
    async def follow_gifts(tx: Transaction, received: Sequence[Envelope[Any]]) -> set[UUID]:
        return await follow(tx, received, show=show)

    heard = (GiftSent, ComboEnded, GiftReversed, GiftRestored, MessageShown, MessageRemoved)
    return [
        Consumer(
            "live.gifts",
            dict.fromkeys(heard, follow_gifts),
            database=database,
            broker=broker,
            batch_max=BATCH_MAX,
            spacing_seconds=SPACING_SECONDS,
            spaced_from=SPACED_FROM,
        )
    ]
