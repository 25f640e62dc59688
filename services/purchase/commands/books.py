"""Keeping the operator's money in books: once per cause, in two legs or more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.purchase.domain.money import UNIT
from shared.ledger.book import open_book
from shared.ledger.entries import Posting
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement of money, under the cause that makes it happen once."""

    cause: str
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


async def post(tx: Transaction, viewer: str, entries: Sequence[Entry]) -> None:
    """Post what was not posted before; the viewer's purchase is locked."""
    moving = [entry for entry in entries if entry.postings]
    if not moving:
        return
    book = await open_book(tx, UNIT, [(viewer, entry.cause) for entry in moving])
    holder = book[viewer]
    for entry in moving:
        if entry.cause in holder.outcomes:
            continue
        holder.post(
            kind=entry.kind,
            cause=entry.cause,
            postings=entry.postings,
            request_hash=entry.cause.encode(),
        )
        holder.conclude("{}")
    await book.write(tx)
