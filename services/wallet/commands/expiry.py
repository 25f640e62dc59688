"""Promotional coins that were not spent in time expire."""

from datetime import datetime

from services.wallet.domain.coins import COINS, EXPIRED, Legs, decide
from services.wallet.store import lots as lot_store
from services.wallet.store.queries import users_of_expired_lots
from shared.contracts.envelope import Cause
from shared.contracts.wallet import CoinsExpired
from shared.ledger.book import open_book
from shared.ledger.entries import MAIN
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

EXPIRE_REFERENCE = "expire:{}"
EXPIRING_USERS_MAX = 200


async def expire_lots(tx: Transaction, *, now: datetime) -> bool:
    """Expire lots whose time is over; return whether there may be more."""
    users = await users_of_expired_lots(tx, now=now, limit=EXPIRING_USERS_MAX)
    if not users:
        return False
    book = await open_book(tx, COINS, [(user, "expire") for user in users])
    lots = await lot_store.open_lots(tx, users)
    facts, changed = [], []
    for user in users:
        accounts = book[user]
        for lot in lots[user]:
            if lot.expires_at is None or lot.expires_at > now or lot.held:
                continue
            legs, coins = Legs(), lot.spendable
            legs.move(coins, MAIN, EXPIRED)
            lot.remaining -= coins
            lot.expired += coins
            reference = EXPIRE_REFERENCE.format(lot.id)
            decide(accounts, legs, kind="expiry", reference=reference, request_hash=lot.id.bytes)
            event = CoinsExpired(
                viewer=user, lot=lot.id, coins=coins, balance_coins=accounts.balance(MAIN, COINS)
            )
            version = accounts.record_result(event.model_dump_json()).number
            facts.append(Fact(event, version, Cause(str(lot.id)), book.recorded_at))
            changed.append((user, lot))
    await book.write(tx)
    await lot_store.save_lots(tx, changed)
    await publish(tx, facts)
    return len(users) == EXPIRING_USERS_MAX
