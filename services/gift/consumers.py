"""What the gift service hears."""

from collections.abc import Sequence

from services.gift.commands.levels import keep_levels
from services.gift.commands.offering import Shelf
from services.gift.commands.reversing import reverse_gifts
from services.gift.commands.rooms import follow_rooms
from services.gift.commands.settling import Listener, settle_gifts
from shared.contracts.live import GuestJoined, GuestLeft, LevelReached, RoomClosed, RoomOpened
from shared.contracts.wallet import GiftPaid, GiftPaymentRefused, LotRestored, LotReversed
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import Received
from shared.postgres.database import Database, Transaction


def build(database: Database, broker: Broker, *, shelf: Shelf, tell: Listener) -> list[Consumer]:
    async def settle(tx: Transaction, received: Sequence[Received]) -> None:
        await settle_gifts(tx, received, catalogue=await shelf.current(), tell=tell)

    return [
        Consumer(
            "gift.outcomes",
            {GiftPaid: settle, GiftPaymentRefused: settle},
            database=database,
            broker=broker,
        ),
        Consumer(
            "gift.reversals",
            {LotReversed: reverse_gifts, LotRestored: reverse_gifts},
            database=database,
            broker=broker,
        ),
        Consumer("gift.levels", {LevelReached: keep_levels}, database=database, broker=broker),
        Consumer(
            "gift.rooms",
            dict.fromkeys((RoomOpened, RoomClosed, GuestJoined, GuestLeft), follow_rooms),
            database=database,
            broker=broker,
        ),
    ]
