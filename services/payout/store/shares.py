"""Shares of gifts that were sent to the parts of their parties."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.postgres.database import Transaction
from shared.postgres.rows import array_literal, arrays
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class SentShare:
    """A party's share of a creator's gift; `shares_bp` are those of the parties up to it."""

    creator: str
    gift: UUID
    party: str
    shares_bp: Sequence[int]


async def add(tx: Transaction, shares: Sequence[SentShare]) -> None:
    """Remember shares that this transaction sends."""
    if shares:
        rows = arrays(shares, "creator", "gift", "party")
        rows["shares"] = [array_literal(each.shares_bp) for each in shares]
        await tx.execute(_ADD, rows)


# The array of each row is written as text: `unnest` would flatten an array of arrays.
_ADD = text("""
    INSERT INTO sent_shares (creator, gift, party, shares_bp)
    SELECT creator, gift, party, shares::integer[]
    FROM unnest(
        CAST(:creator AS text[]), CAST(:gift AS uuid[]), CAST(:party AS text[]),
        CAST(:shares AS text[])
    ) AS new (creator, gift, party, shares)
""")
