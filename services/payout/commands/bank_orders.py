"""The waiting list of payments by bank file, as their provider uses it."""

from uuid import UUID

from services.payout.domain.bank_files import BankOrder
from services.payout.store import bank_orders
from shared.postgres.database import Database


class BankOrders:
    """
    Payments that are ordered of a bank; each call is transactions of its own.

    An attempt's id does not say whose it is: it is looked for in every part.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, attempt: UUID, *, amount_minor: int, currency: str, account: str
    ) -> BankOrder | None:
        """Order a payment once; None if the attempt's creator has no such account."""
        for part in self._database.parts:
            async with part.transaction() as tx:
                await bank_orders.add(
                    tx, attempt, amount_minor=amount_minor, currency=currency, account=account
                )
                if order := await bank_orders.find(tx, attempt):
                    return order
        return None

    async def find(self, attempt: UUID) -> BankOrder | None:
        for part in self._database.parts:
            async with part.transaction() as tx:
                if order := await bank_orders.find(tx, attempt):
                    return order
        return None
