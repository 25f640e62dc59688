"""What creators are owed is what their diamonds are worth at the rate in force."""

from collections.abc import Iterable

from services.payout.domain.money import RATE_NOTE, diamonds_of, revalue
from services.payout.domain.rates import DIAMONDS, Rules, worth_minor
from services.payout.store import creators as store
from services.payout.store.creators import Creator
from shared.ledger.book import Book, open_book
from shared.postgres.database import Transaction

REFERENCE = "revalue:{}"
REVALUED_MAX = 500


async def open_books(tx: Transaction, references: Iterable[tuple[str, str]], rules: Rules) -> Book:
    """
    Lock creators as `open_book` does, and revalue them first if the rate has changed.

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
    known = await store.read(tx, book.users)
    if await _revalue(tx, book, known, rules):
        # The accounts are loaded again, with what was written.
        book = await open_book(tx, DIAMONDS, asked)
    for accounts in book.users.values():
        accounts.notes[RATE_NOTE] = rules.value_minor_per_1000
    return book, known


async def revalue_all(tx: Transaction, rules: Rules) -> bool:
    """Revalue creators who have no entries since a new rate; return whether there may be more."""
    creators = await store.outdated(tx, rules, REVALUED_MAX)
    if creators:
        await open_books(tx, [(creator, "revalue") for creator in creators], rules)
    return len(creators) == REVALUED_MAX


async def _revalue(tx: Transaction, book: Book, known: dict[str, Creator], rules: Rules) -> bool:
    """Bring creators to the rate in force, new ones too; return whether anything was posted."""
    in_force = rules.rate_version, rules.currency, rules.value_minor_per_1000
    changed = {}
    posted = False
    for name, accounts in book.users.items():
        creator = known.get(name)
        if creator is None:
            changed[name] = known[name] = Creator(None, 0, *in_force)
        elif (creator.currency, creator.value_minor_per_1000) != in_force[1:]:
            owed_minor = worth_minor(diamonds_of(accounts), creator.value_minor_per_1000)
            reference = REFERENCE.format(accounts.version + 1)
            posted |= revalue(accounts, creator.currency, owed_minor, rules, reference=reference)
            creator.rate_version, creator.currency, creator.value_minor_per_1000 = in_force
            changed[name] = creator
    if posted:
        await book.write(tx)
    await store.save(tx, changed)
    return posted
