"""What the wallet hears."""

from collections.abc import Sequence

from services.wallet import commands
from services.wallet.settings import Settings
from shared.contracts.gift import GiftRequested
from shared.contracts.purchase import PurchasePaid
from shared.database import Database, Transaction
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import Received


def build(settings: Settings, database: Database, broker: Broker) -> list[Consumer]:
    async def credit_purchases(tx: Transaction, received: Sequence[Received]) -> None:
        await commands.credit_purchases(tx, received, settings)

    return [
        Consumer(
            "wallet.money", {PurchasePaid: credit_purchases}, database=database, broker=broker
        ),
        Consumer(
            "wallet.gifts",
            {GiftRequested: commands.pay_for_gifts},
            database=database,
            broker=broker,
        ),
    ]
