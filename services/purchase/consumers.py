"""The events that the purchase service consumes."""

from collections.abc import Sequence

from services.purchase.commands.credits import complete_purchases
from services.purchase.commands.exclusions import record_exclusions
from services.purchase.commands.questions import record_usage
from services.purchase.commands.refund_decisions import complete_refunds, price_refunds
from services.purchase.store.personal_data import PERSONAL_DATA
from shared.backoffice.erasures import check_erasures, erase_users
from shared.contracts.erasures import PurchaseDataErased, PurchaseErasureChecked
from shared.contracts.gift import ErasureRequested, UserErased
from shared.contracts.spending_controls import ExclusionEnded, ExclusionStarted
from shared.contracts.wallet import CoinsCredited, CoinsFrozen, CoinsRefunded, UsageReported
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import Received
from shared.postgres.database import Database, Transaction


def build(database: Database, broker: Broker) -> list[Consumer]:
    async def check(tx: Transaction, received: Sequence[Received]) -> None:
        await check_erasures(tx, received, PERSONAL_DATA, PurchaseErasureChecked)

    async def erase(tx: Transaction, received: Sequence[Received]) -> None:
        await erase_users(tx, received, PERSONAL_DATA, PurchaseDataErased)

    return [
        Consumer(
            "purchase.credits",
            {
                CoinsCredited: complete_purchases,
                CoinsFrozen: price_refunds,
                CoinsRefunded: complete_refunds,
                UsageReported: record_usage,
                ExclusionStarted: record_exclusions,
                ExclusionEnded: record_exclusions,
                ErasureRequested: check,
                UserErased: erase,
            },
            database=database,
            broker=broker,
        )
    ]
