"""Viewers as gifters: their own level, and what creators know of their supporters."""

from dataclasses import dataclass
from datetime import datetime

from services.live import columns as tables
from services.live.domain.levels import coins_of_next, level_at
from shared.postgres.database import Row, Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class OwnLevel:
    """A viewer's own level, and what it is made of."""

    viewer: str
    gifts: int = 0
    given_coins: int = 0
    level: int = 0
    hidden: bool = False

    @property
    def next_level_coins(self) -> int | None:
        return coins_of_next(self.level)


@dataclass(frozen=True, slots=True)
class Supporter:
    """What a viewer gave to the caller openly, since when; the level is of open gifts too."""

    viewer: str
    coins: int
    gifts: int
    first_at: datetime
    level: int


_own_level = RowMapper(OwnLevel, tables.Gifter, given_coins="coins")
_SUPPORTER = """
    SELECT found.viewer, found.gifts, found.coins, found.first_at,
        coalesce(gifters.open_coins, 0) AS open_coins
"""


async def read_own_level(tx: Transaction, viewer: str) -> OwnLevel:
    row = (await tx.execute(_READ_OWN, {"viewer": viewer})).first()
    return _own_level(row) if row else OwnLevel(viewer)


_READ_OWN = text(f"SELECT {_own_level.columns} FROM gifters WHERE viewer = :viewer")


async def set_hidden(tx: Transaction, viewer: str, *, hidden: bool) -> None:
    """Name a viewer in leaderboards, or not; their gifts count either way."""
    await tx.execute(_SET_HIDDEN, {"viewer": viewer, "hidden": hidden})


_SET_HIDDEN = text("""
    INSERT INTO gifters (viewer, gifts, coins, hidden) VALUES (:viewer, 0, 0, :hidden)
    ON CONFLICT (viewer) DO UPDATE SET hidden = excluded.hidden
""")


async def list_top_supporters(
    tx: Transaction, creator: str, *, after: tuple[int, datetime, str] | None, limit: int
) -> list[Supporter]:
    """Return who gave most to a creator, from a place in that order on."""
    coins, first_at, viewer = after or (None, None, None)
    asked = {"creator": creator, "coins": coins, "at": first_at, "viewer": viewer, "limit": limit}
    return [_supporter(row) for row in await tx.execute(_LIST_TOP, asked)]


_LIST_TOP = text(f"""
    {_SUPPORTER} FROM (
        SELECT * FROM supporters
        WHERE creator = :creator AND (
            CAST(:coins AS bigint) IS NULL OR coins < CAST(:coins AS bigint)
            OR coins = CAST(:coins AS bigint)
               AND (first_at, viewer) > (CAST(:at AS timestamptz), CAST(:viewer AS text))
        )
        ORDER BY coins DESC, first_at, viewer LIMIT :limit
    ) AS found
    LEFT JOIN gifters USING (viewer)
    ORDER BY found.coins DESC, found.first_at, found.viewer
""")


async def list_new_supporters(
    tx: Transaction, creator: str, *, before: tuple[datetime, str] | None, limit: int
) -> list[Supporter]:
    """Return who gave to a creator for the first time, the newest first."""
    first_at, viewer = before or (None, None)
    asked = {"creator": creator, "at": first_at, "viewer": viewer, "limit": limit}
    return [_supporter(row) for row in await tx.execute(_LIST_NEW, asked)]


_LIST_NEW = text(f"""
    {_SUPPORTER} FROM (
        SELECT * FROM supporters
        WHERE creator = :creator AND (
            CAST(:at AS timestamptz) IS NULL
            OR (first_at, viewer) < (CAST(:at AS timestamptz), CAST(:viewer AS text))
        )
        ORDER BY first_at DESC, viewer DESC LIMIT :limit
    ) AS found
    LEFT JOIN gifters USING (viewer)
    ORDER BY found.first_at DESC, found.viewer DESC
""")


async def list_newcomers(
    tx: Transaction, creator: str, since: datetime, until: datetime | None, *, limit: int
) -> list[str]:
    """Return viewers whose first gift to a creator fell into a time."""
    asked = {"creator": creator, "since": since, "until": until, "limit": limit}
    return [row.viewer for row in await tx.execute(_LIST_NEWCOMERS, asked)]


_LIST_NEWCOMERS = text("""
    SELECT viewer FROM supporters
    WHERE creator = :creator AND first_at >= :since
      AND first_at < coalesce(CAST(:until AS timestamptz), 'infinity')
    ORDER BY first_at, viewer LIMIT :limit
""")


def _supporter(row: Row) -> Supporter:
    return Supporter(row.viewer, row.coins, row.gifts, row.first_at, level_at(row.open_coins))
