"""The events that the payout service consumes."""

from collections.abc import Sequence

from services.payout.commands.earnings import apply_fraud_warnings, follow_gifts
from services.payout.domain.rates import Rules
from shared.contracts.gift import GiftRestored, GiftReversed, GiftSent
from shared.contracts.purchase import PurchaseRiskFlagged
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import Received
from shared.messaging.receiver import Stale
from shared.postgres.database import Database, Transaction

# Diamonds mature over days and no request waits for them: as soon as gifts come one after another,
# they are booked twice a second.
SPACING_SECONDS = 0.5
SPACED_FROM = 8


def build(database: Database, broker: Broker, rules: Rules) -> list[Consumer]:
    async def gifts(tx: Transaction, received: Sequence[Received]) -> Stale:
        return await follow_gifts(tx, received, rules)

    async def warnings(tx: Transaction, received: Sequence[Received]) -> None:
        await apply_fraud_warnings(tx, received, rules)

    return [
        Consumer(
            "payout.gifts",
            {
                GiftSent: gifts,
                GiftReversed: gifts,
                GiftRestored: gifts,
                PurchaseRiskFlagged: warnings,
            },
            database=database,
            broker=broker,
            spacing_seconds=SPACING_SECONDS,
            # A gift is earned under its own reference, revisions are known by their number, and a
            # warning only ever lets diamonds wait longer: all of it once and for ever.
            inbox=False,
            spaced_from=SPACED_FROM,
        )
    ]
