"""What the gift service consumes."""

from collections.abc import Sequence

from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.erasures import record_checks, record_erased
from services.gift.commands.levels import save_levels
from services.gift.commands.outcomes import Listener, apply_outcomes
from services.gift.commands.reversals import reverse_gifts
from services.gift.commands.rooms import update_rooms
from shared.contracts.erasures import (
    LiveDataErased,
    PayoutDataErased,
    PayoutErasureChecked,
    PurchaseDataErased,
    PurchaseErasureChecked,
    WalletDataErased,
    WalletErasureChecked,
    WebhooksDataErased,
)
from shared.contracts.live import GuestJoined, GuestLeft, LevelReached, RoomClosed, RoomOpened
from shared.contracts.wallet import GiftPaid, GiftPaymentRefused, LotRestored, LotReversed
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import Received
from shared.postgres.database import Database, Transaction

CHECKED = (PurchaseErasureChecked, WalletErasureChecked, PayoutErasureChecked)
ROOMS = (RoomOpened, RoomClosed, GuestJoined, GuestLeft)
ERASED = (
    *(PurchaseDataErased, WalletDataErased, PayoutDataErased),
    *(LiveDataErased, WebhooksDataErased),
)
# Each message has up to 1,000 gifts, which are locked and published in its transaction.
REVERSALS_BATCH_MAX = 5


def build(
    database: Database, broker: Broker, *, catalogue_cache: CatalogueCache, resolve: Listener
) -> list[Consumer]:
    async def outcomes(tx: Transaction, received: Sequence[Received]) -> None:
        await apply_outcomes(
            tx, received, catalogue=await catalogue_cache.current(), resolve=resolve
        )

    return [
        Consumer(
            "gift.outcomes",
            {GiftPaid: outcomes, GiftPaymentRefused: outcomes},
            database=database,
            broker=broker,
        ),
        Consumer(
            "gift.reversals",
            {LotReversed: reverse_gifts, LotRestored: reverse_gifts},
            database=database,
            broker=broker,
            batch_max=REVERSALS_BATCH_MAX,
        ),
        Consumer(
            "gift.erasures",
            {
                **dict.fromkeys(CHECKED, record_checks),
                **dict.fromkeys(ERASED, record_erased),
            },
            database=database,
            broker=broker,
        ),
        Consumer("gift.levels", {LevelReached: save_levels}, database=database, broker=broker),
        Consumer(
            "gift.rooms",
            dict.fromkeys(ROOMS, update_rooms),
            database=database,
            broker=broker,
            # Rooms are of no single viewer: whoever gives in one asks for it.
            users=dict.fromkeys(ROOMS),
        ),
    ]
