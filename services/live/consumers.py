"""The queue of the live service."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.live.commands.feed import Show
from services.live.commands.gift_totals import apply_gift_events
from services.live.store.personal_data import PERSONAL_DATA
from shared.backoffice.erasures import erase_users
from shared.contracts.envelope import Envelope
from shared.contracts.erasures import LiveDataErased
from shared.contracts.gift import (
    ComboEnded,
    GiftRestored,
    GiftReversed,
    GiftSent,
    MessageRemoved,
    MessageShown,
    UserErased,
)
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.postgres.database import Database, Transaction

# While gifts come one after another, batches begin so far apart: several gifts of one viewer within
# a batch change each of their scores once, and scores are most of what a gift costs. A gift that
# comes alone is shown at once.
SPACING_SECONDS = 0.2
SPACED_FROM = 16
GIFT_BATCH_MAX = 4_000


def build(database: Database, broker: Broker, *, show: Show) -> list[Consumer]:
    async def handle(tx: Transaction, received: Sequence[Envelope[Any]]) -> set[UUID]:
        return await apply_gift_events(tx, received, show=show)

    async def erase(tx: Transaction, received: Sequence[Envelope[Any]]) -> None:
        await erase_users(tx, received, PERSONAL_DATA, LiveDataErased, archive=False)

    events = (GiftSent, ComboEnded, GiftReversed, GiftRestored, MessageShown, MessageRemoved)
    return [
        Consumer(
            "live.gifts",
            {**dict.fromkeys(events, handle), UserErased: erase},
            database=database,
            broker=broker,
            batch_max=GIFT_BATCH_MAX,
            spacing_seconds=SPACING_SECONDS,
            spaced_from=SPACED_FROM,
            # Gifts, reversals, messages, and entries of feeds have permanent keys of their own.
            inbox=False,
        )
    ]
