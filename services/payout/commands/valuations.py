"""What creators are owed is what their diamonds are worth at the rate in force."""

from collections.abc import Iterable

from services.payout.domain.money import RATE_NOTE, diamonds_of, revalue
from services.payout.domain.rates import DIAMONDS, Rules, worth_minor
from services.payout.store import valuations as store
from shared.ledger.book import Book, open_book
from shared.postgres.database import Transaction

REFERENCE = "revalue:{}"
REVALUED_MAX = 500


async def open_books(tx: Transaction, references: Iterable[tuple[str, str]], rules: Rules) -> Book:
    """
    Lock creators as `open_book` does, and revalue them first if the rate has changed.

    Every entry in diamonds goes through here, so none is posted at a rate that others are not.
    """
    asked = list(references)
    book = await open_book(tx, DIAMONDS, asked)
    if await _revalue(tx, book, rules):
        # The accounts are loaded again, with what was written.
        book = await open_book(tx, DIAMONDS, asked)
    for accounts in book.users.values():
        accounts.notes[RATE_NOTE] = rules.value_minor_per_1000
    return book


async def revalue_all(tx: Transaction, rules: Rules) -> bool:
    """Revalue creators who have no entries since a new rate; return whether there may be more."""
    creators = await store.outdated(tx, rules, REVALUED_MAX)
    creators += await store.unvalued(tx, REVALUED_MAX - len(creators))
    if creators:
        await open_books(tx, [(creator, "revalue") for creator in creators], rules)
    return len(creators) == REVALUED_MAX


async def _revalue(tx: Transaction, book: Book, rules: Rules) -> bool:
    """Revalue creators at another rate; return whether anything was posted."""
    rates = await store.rates_of(tx, list(book.users))
    unvalued = [creator for creator in book.users if creator not in rates]
    in_books = await store.owed_of(tx, unvalued) if unvalued else {}
    in_force = rules.currency, rules.value_minor_per_1000
    outdated = [creator for creator in book.users if rates.get(creator) != in_force]
    posted = False
    for creator in outdated:
        accounts = book[creator]
        if creator in rates:
            currency, rate = rates[creator]
            owed_minor = {currency: worth_minor(diamonds_of(accounts), rate)}
        else:
            owed_minor = in_books.get(creator, {})
        posted |= revalue(
            accounts, owed_minor, rules, reference=REFERENCE.format(accounts.version + 1)
        )
    if unvalued:
        await store.lower_lifetime(tx, unvalued)
    if outdated:
        await book.write(tx)
        await store.save(tx, outdated, rules)
    return posted
