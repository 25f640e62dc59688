"""What the wallet consumes."""

from collections.abc import Sequence

from services.wallet.commands.forfeitures import forfeit_coins
from services.wallet.commands.gift_payments import pay_for_gifts
from services.wallet.commands.purchase_events import apply_purchase_events
from services.wallet.domain.limits import Rules
from services.wallet.settings import Settings
from services.wallet.store.personal_data import PERSONAL_DATA
from shared.backoffice.erasures import check_erasures, erase_users
from shared.contracts.erasures import WalletDataErased, WalletErasureChecked
from shared.contracts.gift import ErasureRequested, GiftRequested, UserErased
from shared.contracts.routes import QUEUES
from shared.messaging.broker import Broker
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import Received
from shared.messaging.receiver import Stale
from shared.postgres.database import Database, Transaction


def build(settings: Settings, rules: Rules, database: Database, broker: Broker) -> list[Consumer]:
    async def money(tx: Transaction, received: Sequence[Received]) -> Stale:
        return await apply_purchase_events(tx, received, settings)

    async def gifts(tx: Transaction, received: Sequence[Received]) -> None:
        await pay_for_gifts(tx, received, rules)

    async def check(tx: Transaction, received: Sequence[Received]) -> None:
        await check_erasures(tx, received, PERSONAL_DATA, WalletErasureChecked)

    async def erase(tx: Transaction, received: Sequence[Received]) -> None:
        await forfeit_coins(tx, received)
        await erase_users(tx, received, PERSONAL_DATA, WalletDataErased)

    return [
        # One handler for all that happens to money: it is followed in the order of arrival.
        Consumer(
            "wallet.money",
            {
                **dict.fromkeys(QUEUES["wallet.money"], money),
                ErasureRequested: check,
                UserErased: erase,
            },
            database=database,
            broker=broker,
        ),
        # A gift is decided under its own reference, once and for ever.
        Consumer(
            "wallet.gifts", {GiftRequested: gifts}, database=database, broker=broker, inbox=False
        ),
    ]
