"""Post the operator's money to the ledger, once per reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.purchase.domain.books import ASSET
from shared.ledger.book import open_book
from shared.ledger.entries import Posting
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class Entry:
    """Money that moves; its reference makes sure that it is posted once."""

    reference: str
    kind: str
    legs: Mapping[str, int]
    currency: str

    @property
    def postings(self) -> tuple[Posting, ...]:
        return tuple(
            Posting(account, self.currency, amount)
            for account, amount in self.legs.items()
            if amount
        )


async def post(tx: Transaction, entries: Sequence[tuple[str, Entry]]) -> None:
    """Post the entries of viewers that were not posted before; their purchases are locked."""
    moving = [(viewer, entry) for viewer, entry in entries if entry.postings]
    if not moving:
        return
    references = [(viewer, entry.reference) for viewer, entry in moving]
    # Nothing seals these books.
    book = await open_book(tx, ASSET, references, is_sealed=False)
    for viewer, entry in moving:
        accounts = book[viewer]
        if entry.reference in accounts.outcomes:
            continue
        accounts.post(
            kind=entry.kind,
            reference=entry.reference,
            postings=entry.postings,
            request_hash=entry.reference.encode(),
        )
        accounts.record_result()
    await book.write(tx)
