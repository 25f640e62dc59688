"""The events that the payout service consumes."""

from collections.abc import Sequence

from services.payout.commands.earnings import apply_fraud_warnings, follow_gifts
from services.payout.commands.fraud import record_fundings
from services.payout.commands.streams import record_streams
from services.payout.domain.rates import Rules
from services.payout.store.personal_data import PERSONAL_DATA
from shared.backoffice.erasures import check_erasures, erase_users
from shared.contracts.erasures import PayoutDataErased, PayoutErasureChecked
from shared.contracts.gift import (
    ErasureRequested,
    GiftRestored,
    GiftReversed,
    GiftSent,
    UserErased,
)
from shared.contracts.live import RoomClosed, RoomOpened
from shared.contracts.purchase import PurchasePaid, PurchaseRiskFlagged
from shared.contracts.shares import GiftShared, ShareRestored, ShareReversed
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import Received
from shared.messaging.receiver import EVERY_PART, Stale
from shared.postgres.database import Database, Transaction

# Diamonds mature over days and no request waits for them: as soon as gifts come one after another,
# they are booked twice a second.
SPACING_SECONDS = 0.5
SPACED_FROM = 8


def build(database: Database, broker: Broker, rules: Rules) -> list[Consumer]:
    async def gifts(tx: Transaction, received: Sequence[Received]) -> Stale:
        def is_here(user: str) -> bool:
            return database.part_for(user).number == tx.part

        return await follow_gifts(tx, received, rules, is_here=is_here)

    async def warnings(tx: Transaction, received: Sequence[Received]) -> None:
        await apply_fraud_warnings(tx, received, rules)

    async def purchases(tx: Transaction, received: Sequence[Received]) -> None:
        await record_fundings(tx, received)

    async def streams(tx: Transaction, received: Sequence[Received]) -> None:
        await record_streams(tx, received)

    async def check(tx: Transaction, received: Sequence[Received]) -> None:
        await check_erasures(tx, received, PERSONAL_DATA, PayoutErasureChecked)

    async def erase(tx: Transaction, received: Sequence[Received]) -> None:
        await erase_users(tx, received, PERSONAL_DATA, PayoutDataErased)

    return [
        Consumer(
            "payout.gifts",
            {
                GiftSent: gifts,
                GiftReversed: gifts,
                GiftRestored: gifts,
                GiftShared: gifts,
                ShareReversed: gifts,
                ShareRestored: gifts,
                PurchaseRiskFlagged: warnings,
                PurchasePaid: purchases,
                RoomOpened: streams,
                RoomClosed: streams,
                ErasureRequested: check,
                UserErased: erase,
            },
            database=database,
            broker=broker,
            spacing_seconds=SPACING_SECONDS,
            # A gift is earned under its own reference, revisions are known by their number, and a
            # warning only ever lets diamonds wait longer, a lot is paid once, a stream begins and
            # ends once: all of it for ever.
            inbox=False,
            spaced_from=SPACED_FROM,
            users={
                GiftSent: "creator",
                GiftReversed: "creator",
                GiftRestored: "creator",
                # It is about a lot, and so about creators of any part.
                PurchaseRiskFlagged: EVERY_PART,
                # Who earns in a room may be in any part.
                RoomOpened: EVERY_PART,
                RoomClosed: EVERY_PART,
            },
        )
    ]
