"""The wallets of a batch: read, decided one fact after another, written with all that follows."""

from collections.abc import Collection, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from services.wallet.commands.facts import GIFTS_MAX, debt_fact, reversal_facts
from services.wallet.domain.coins import Legs, Lot, decide
from services.wallet.domain.derivation import Hold, PurchaseFacts, derive
from services.wallet.store import lots as lot_store
from services.wallet.store.lots import NewLot
from services.wallet.store.purchase_facts import purchase_facts, save_purchase_facts
from shared.contracts.base import WalletEvent
from shared.contracts.envelope import Cause
from shared.ledger.book import Book
from shared.ledger.entries import LockedAccounts
from shared.messaging import archive
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

# What is to be announced, with the number of the decision it is about.
Published: TypeAlias = tuple[WalletEvent, int]


@dataclass(slots=True)
class ViewerWallet:
    """One viewer's coins and what is known of their money, as a batch is decided."""

    accounts: LockedAccounts
    lots: dict[UUID, Lot]
    facts: PurchaseFacts
    before: dict[UUID, Lot]
    opened: list[NewLot] = field(default_factory=list)
    # What led to the last change: the cause of what is announced about all of it.
    cause: Cause = field(default_factory=lambda: Cause("unknown"))

    def lots_of(self, purchase: UUID) -> list[Lot]:
        return [lot for lot in self.lots.values() if lot.purchase == purchase]

    def changed(self) -> list[Lot]:
        """The lots whose coins are elsewhere now than when the batch began."""
        return [lot for lot in self.lots.values() if lot != self.before.get(lot.id)]

    def derive(self) -> Legs:
        """Put all coins where the facts say they are; return what moved for that."""
        return derive(self.lots, self.facts)

    def decide(self, legs: Legs, *, kind: str, reference: str, request_hash: bytes) -> None:
        """Post what moved under a reference; the caller records the result."""
        decide(self.accounts, legs, kind=kind, reference=reference, request_hash=request_hash)

    def held(self, hold: Hold | None) -> dict[UUID, int]:
        """How many coins of each lot are held for this reason now."""
        return {lot: coins for lot, coins in hold.held.items() if coins} if hold else {}


async def open_wallets(
    tx: Transaction, book: Book, purchases: Collection[UUID]
) -> dict[str, ViewerWallet]:
    """Read all that facts about these purchases may touch; the book has locked the viewers."""
    lots = await lot_store.lots_to_derive(tx, book.users, purchases)
    related = {lot.purchase for of_user in lots.values() for lot in of_user.values()}
    facts = await purchase_facts(tx, book.users, related | set(purchases))
    return {
        user: ViewerWallet(
            accounts=book[user],
            lots=lots[user],
            facts=facts[user],
            before={lot.id: copy(lot) for lot in lots[user].values()},
        )
        for user in book.users
    }


async def write_wallets(
    tx: Transaction,
    book: Book,
    wallets: Mapping[str, ViewerWallet],
    facts: Iterable[Fact],
    now: datetime,
) -> None:
    """Write everything that was decided, and announce which gifts gained or lost their money."""
    consequences = await _consequences(tx, wallets.values(), now)
    await book.write(tx)
    await lot_store.add_lots(tx, [new for wallet in wallets.values() for new in wallet.opened])
    changed = [(user, lot) for user, wallet in wallets.items() for lot in wallet.changed()]
    await lot_store.save_lots(tx, changed)
    await save_purchase_facts(tx, {user: wallet.facts for user, wallet in wallets.items()})
    await archive.store_facts(tx, consequences)
    await publish(tx, [*facts, *consequences])


async def _consequences(
    tx: Transaction, wallets: Iterable[ViewerWallet], now: datetime
) -> list[Fact]:
    """
    Tell how debts changed over the batch, and which gifts stand reversed from now on.

    What came and went within the batch never happened to others.
    """
    moved: list[tuple[ViewerWallet, Lot, Lot]] = []
    for wallet in wallets:
        for lot in wallet.changed():
            before = wallet.before.get(lot.id, lot)
            if lot.debt != before.debt or lot.reversed != before.reversed:
                lot.revision += 1
                moved.append((wallet, lot, before))
    changed = [(wallet.accounts.user, lot, before) for wallet, lot, before in moved]
    gifts = await lot_store.changed_gifts(tx, changed, gifts_max=GIFTS_MAX)
    facts: list[Fact] = []
    for wallet, lot, before in moved:
        grew = lot.reversed > before.reversed
        parts = gifts[lot.id]
        facts += reversal_facts(wallet.accounts, lot, parts, grew=grew, cause=wallet.cause, now=now)
        if lot.debt != before.debt:
            change = lot.debt - before.debt
            facts.append(debt_fact(wallet.accounts, lot, change, wallet.cause, now))
    return facts
