"""Certificates: of what each diamond of a payout was, and so each cent."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from services.payout.commands.clawbacks import RESTORATION_REFERENCE
from services.payout.commands.maturity import MATURE_REFERENCE
from services.payout.commands.payouts import RESERVE_REFERENCE
from services.payout.domain import provenance as domain
from services.payout.domain.payouts import NoSuchPayout, Payout
from services.payout.domain.provenance import (
    SOURCE_OF_KIND,
    CertificateLine,
    Credit,
    Part,
    Reserved,
    Source,
)
from services.payout.store import payouts
from services.payout.store import provenance as store
from shared.ledger.recall import hold_archives
from shared.postgres.database import Transaction

# Steps that give a payout's diamonds back: what they make available is what the payout was of.
_GIVEN_BACK = frozenset(("failed", "rejected", "returned"))


@dataclass(frozen=True, slots=True)
class Certificate:
    """A payout, and its lines: their diamonds and money are exactly the payout's."""

    payout: Payout
    lines: Sequence[CertificateLine]


async def read_certificate(tx: Transaction, creator: str, payout_id: UUID) -> Certificate:
    payout = await payouts.find(tx, creator, payout_id)
    if payout is None:
        raise NoSuchPayout
    parts = [part async for part in parts_of(tx, payout)]
    lines = domain.certificate_lines(
        parts, net_minor=payout.amount_minor, fee_minor=payout.fee_minor
    )
    return Certificate(payout, lines)


async def parts_of(tx: Transaction, payout: Payout, *, after: int = 0) -> AsyncIterator[Part]:
    """Yield the parts that a payout's diamonds were, after the first so many; in a fixed order."""
    # What is still to be looked at, the next one last: some diamonds of a payout, by how many of
    # its diamonds come before them. A payout that gave diamonds back is older than the one that
    # got them.
    waiting = [(str(payout.id), after, payout.diamonds - after)]
    await hold_archives(tx)
    while waiting:
        identifier, skip, take = waiting.pop()
        reserved = await _reserved(tx, payout.creator, identifier)
        start = reserved.left_before + skip
        available = await store.credits_between(
            tx, payout.creator, start, start + take, before=reserved.number
        )
        given_back = []
        found = 0
        for credit, before, diamonds in domain.taken_of(available, start, start + take):
            found += diamonds
            if credit.kind in _GIVEN_BACK:
                older, skipped = await _payout_of(tx, payout.creator, credit)
                given_back.append((older, skipped + before, diamonds))
                continue
            parts = await _parts_of_credit(tx, payout.creator, credit)
            for part, of_part in domain.cut(parts, before, diamonds):
                yield replace(part, diamonds=of_part)
        assert found == take, f"{found} of {take} diamonds of payout {identifier} became available"
        waiting += reversed(given_back)


async def _reserved(tx: Transaction, creator: str, payout: str) -> Reserved:
    found = await store.find_reserved(tx, creator, RESERVE_REFERENCE.format(payout))
    assert found is not None, f"payout {payout} has reserved nothing"
    return found


async def _payout_of(tx: Transaction, creator: str, credit: Credit) -> tuple[str, int]:
    """
    Return the payout that gave diamonds back, by `payout:<id>:<step>`, and how many it had before.

    It gives them back from its first to its last, where they come back in parts.
    """
    assert credit.reference is not None
    payout = credit.reference.split(":")[1]
    reserved = await _reserved(tx, creator, payout)
    before = await store.given_back(
        tx, creator, payout, after=reserved.number, before=credit.number
    )
    left = reserved.diamonds - credit.diamonds
    return payout, max(0, min(before, left))


async def _parts_of_credit(tx: Transaction, creator: str, credit: Credit) -> Sequence[Part]:
    """Return what brought the diamonds of an entry, in a fixed order."""
    if credit.kind == "earn":
        parts = await store.born_available(tx, creator, credit.number)
    elif credit.kind == "mature":
        parts = await store.matured(tx, creator, int(_named(credit, MATURE_REFERENCE)[0]))
    elif credit.kind == "restore":
        gift, lot, _ = _named(credit, RESTORATION_REFERENCE)
        slice_ = await store.of_slice(tx, creator, UUID(gift), UUID(lot))
        parts = [replace(slice_, diamonds=credit.diamonds)]
    else:
        source = SOURCE_OF_KIND.get(credit.kind, Source.OTHER)
        parts = [Part(source, credit.diamonds)]
    brought = sum(part.diamonds for part in parts)
    assert brought == credit.diamonds, f"entry {credit.number}: {brought} of {credit.diamonds}"
    return parts


def _named(credit: Credit, pattern: str) -> Sequence[str]:
    """Return what stands in a reference in the places of its pattern."""
    assert credit.reference is not None
    prefix = pattern.split("{", maxsplit=1)[0]
    return credit.reference.removeprefix(prefix).split(":")
