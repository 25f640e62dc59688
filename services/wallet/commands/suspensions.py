"""An operator suspends a wallet: it pays no gifts until it is resumed; its coins stay."""

from services.wallet.commands.queries import require_wallet
from services.wallet.domain.coins import COINS
from services.wallet.store import suspensions
from shared.backoffice.adjustments import audit
from shared.ledger.book import open_book
from shared.postgres.database import Transaction


async def suspend(tx: Transaction, user: str, *, operator: str, reason: str) -> None:
    await _set(tx, user, suspended=True, operator=operator, reason=reason)


async def resume(tx: Transaction, user: str, *, operator: str, reason: str) -> None:
    await _set(tx, user, suspended=False, operator=operator, reason=reason)


async def _set(tx: Transaction, user: str, *, suspended: bool, operator: str, reason: str) -> None:
    await require_wallet(tx, user)
    await open_book(tx, COINS, [(user, "suspension")])
    if await suspensions.save(tx, user, suspended=suspended):
        action = "wallet.frozen" if suspended else "wallet.unfrozen"
        await audit(tx, operator=operator, action=action, user=user, reason=reason)
