"""Thanks of creators for gifts."""

from dataclasses import asdict, dataclass
from uuid import UUID

from services.live import columns as tables
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class Thanks:
    """What a creator said for a gift."""

    gift: UUID
    room: str
    creator: str
    viewer: str
    message: str | None


_thanks = RowMapper(Thanks, tables.Thanks)


async def find_thanks(tx: Transaction, gift: UUID) -> Thanks | None:
    row = (await tx.execute(_FIND, {"gift": gift})).first()
    return _thanks(row) if row else None


_FIND = text(f"SELECT {_thanks.columns} FROM thanks WHERE gift = :gift")


async def insert_thanks(tx: Transaction, thanks: Thanks) -> bool:
    """Add the thanks for a gift; return False if there were some before."""
    return bool(await tx.execute(_INSERT, asdict(thanks)))


_INSERT = text("""
    INSERT INTO thanks (gift, room, creator, viewer, message)
    VALUES (:gift, :room, :creator, :viewer, :message)
    ON CONFLICT DO NOTHING RETURNING gift
""")
