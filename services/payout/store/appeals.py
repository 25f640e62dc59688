"""Appeals of creators against rejected payouts."""

from datetime import datetime
from uuid import UUID

from services.payout import columns as tables
from services.payout.domain.payouts import Payout
from services.payout.domain.reviews import Appeal, Verdict
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows
from shared.postgres.statements import text

_appeal = RowMapper(Appeal, tables.PayoutAppeal)


async def add(tx: Transaction, appeal: Appeal) -> None:
    await tx.execute(_ADD, arrays([appeal], *Appeal.__slots__))


_ADD = insert_rows(tables.PayoutAppeal, *Appeal.__slots__)


async def find(tx: Transaction, creator: str, payout: UUID) -> Appeal | None:
    """Return the appeal about a payout; to decide by it, lock the payout."""
    row = (await tx.execute(_FIND, {"creator": creator, "payout": payout})).first()
    return _appeal(row) if row else None


_FIND = text(f"""
    SELECT {_appeal.columns} FROM payout_appeals WHERE creator = :creator AND payout = :payout
""")  # noqa: S608 - our own text only


async def decide(tx: Transaction, payout: Payout, decision: Verdict, at: datetime) -> None:
    values = {
        "creator": payout.creator,
        "payout": payout.id,
        "decision": decision.value,
        "at": at,
    }
    await tx.execute(_DECIDE, values)


_DECIDE = text("""
    UPDATE payout_appeals SET decision = :decision, decided_at = :at
    WHERE creator = :creator AND payout = :payout
""")


async def undecided(tx: Transaction, limit: int) -> list[Appeal]:
    """Return appeals that wait for a person, the oldest first."""
    return [_appeal(row) for row in await tx.execute(_UNDECIDED, {"limit": limit})]


_UNDECIDED = text(f"""
    SELECT {_appeal.columns} FROM payout_appeals
    WHERE decision IS NULL ORDER BY appealed_at, payout LIMIT :limit
""")  # noqa: S608 - our own text only
