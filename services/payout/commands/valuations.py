"""What creators are owed is what their diamonds are worth at their rate of the moment."""

from collections.abc import Iterable
from datetime import UTC, datetime

from services.payout.domain.money import note_rate, revalue
from services.payout.domain.rate_plans import STANDARD_PLAN, Rate
from services.payout.domain.rates import DIAMONDS, Rules
from services.payout.store import creators as store
from services.payout.store.creators import Creator
from shared.ledger.book import Book, open_book
from shared.postgres.database import Transaction

REFERENCE = "revalue:{}"
REVALUED_MAX = 500


async def open_books(tx: Transaction, references: Iterable[tuple[str, str]], rules: Rules) -> Book:
    """
    Lock creators as `open_book` does, and revalue them first if their rate has changed.

    Every entry in diamonds goes through here, so none is posted at a rate that others are not.
    """
    book, _ = await open_known_books(tx, references, rules)
    return book


async def open_known_books(
    tx: Transaction, references: Iterable[tuple[str, str]], rules: Rules
) -> tuple[Book, dict[str, Creator]]:
    """Do the same, and return what is known about each creator as well."""
    asked = list(references)
    book = await open_book(tx, DIAMONDS, asked)
    known = await store.read(tx, book.users, at=book.recorded_at)
    if await _revalue(tx, book, known, rules):
        # The accounts are loaded again, with what was written.
        book = await open_book(tx, DIAMONDS, asked)
    for name, accounts in book.users.items():
        note_rate(accounts, known[name].rate)
    return book, known


async def revalue_all(tx: Transaction, rules: Rules) -> bool:
    """Revalue creators who have no entries since a new rate; return whether there may be more."""
    creators = await store.outdated(tx, rules.rates, datetime.now(UTC), REVALUED_MAX)
    if creators:
        await open_books(tx, [(creator, "revalue") for creator in creators], rules)
    return len(creators) == REVALUED_MAX


async def _revalue(tx: Transaction, book: Book, known: dict[str, Creator], rules: Rules) -> bool:
    """Bring creators to their rate of the moment; return whether anything was posted."""
    changed = {}
    posted = False
    for name, accounts in book.users.items():
        creator = known.get(name)
        if creator is None:
            rate = rules.rates.rate(STANDARD_PLAN, book.recorded_at)
            changed[name] = known[name] = _new_creator(rate)
            continue
        rate = _rate_now(creator, rules, book.recorded_at)
        if rate != creator.rate:
            reference = REFERENCE.format(accounts.version + 1)
            posted |= revalue(accounts, creator.rate, rate, reference=reference)
            creator.set_rate(rate)
            changed[name] = creator
    if posted:
        await book.write(tx)
    await store.save(tx, changed)
    return posted


def _new_creator(rate: Rate) -> Creator:
    return Creator(None, 0, rate.version, rate.currency, rate.value_minor_per_1000)


def _rate_now(creator: Creator, rules: Rules, at: datetime) -> Rate:
    """Return a creator's rate; what only a newer instance knows stays as that left it."""
    if not rules.rates.knows(creator.plan, creator.rate_version):
        return creator.rate
    return rules.rates.rate(creator.plan, at)
