"""Who gave most in a room and period."""

from dataclasses import dataclass

from services.live.domain.levels import level_at
from shared.postgres.database import Row, Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class TopGifter:
    """A viewer who gave much, openly, with the level of what they gave openly in all rooms."""

    viewer: str
    coins: int
    gifts: int
    level: int


@dataclass(frozen=True, slots=True)
class Total:
    """What a room was given in a period; `gifters` are those who did so openly."""

    gifts: int = 0
    coins: int = 0
    gifters: int = 0


@dataclass(frozen=True, slots=True)
class OwnRank:
    """Where the caller stands; `rank` is null beyond the first hundred, and when hidden."""

    viewer: str
    coins: int
    gifts: int
    rank: int | None


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Who gave most in a room and period, what all gave, and the rank of the caller."""

    top: list[TopGifter]
    total: Total
    own: OwnRank


_total = RowMapper(Total)
# As a value of each row, and not NOT EXISTS, of which a join can be made: that one reads all hidden
# viewers before it names a viewer.
_VISIBLE = """
    (SELECT true FROM gifters WHERE hidden AND gifters.viewer = scores.viewer) IS NOT TRUE
"""
_TOP = f"""
    SELECT best.viewer, best.coins, best.gifts, best.first_at,
        coalesce(gifters.open_coins, 0) AS open_coins
    FROM (
        SELECT viewer, coins, gifts, first_at FROM scores
        WHERE room = :room AND period = :period AND {_VISIBLE}
        ORDER BY coins DESC, first_at, viewer LIMIT :limit
    ) AS best
    LEFT JOIN gifters USING (viewer)
"""
_OWN = f"""
    SELECT mine.coins, mine.gifts,
        EXISTS (SELECT FROM gifters WHERE hidden AND gifters.viewer = :viewer) AS hidden,
        (SELECT count(*) FROM (
            SELECT FROM scores
            WHERE room = :room AND period = :period AND coins >= mine.coins AND {_VISIBLE}
              AND (coins > mine.coins OR (first_at, viewer) < (mine.first_at, mine.viewer))
            LIMIT :ranks_max
        ) AS those) AS before
    FROM scores AS mine
    WHERE mine.room = :room AND mine.period = :period AND mine.viewer = :viewer
"""


async def list_top_gifters(
    tx: Transaction, room: str, period: str, *, limit: int
) -> list[TopGifter]:
    """
    Return who gave most in a room and period; of equals, who came first.

    Their level is that of what they gave openly. One that rose with an anonymous gift would tell
    its giver to every reader of the leaderboard before and after.
    """
    rows = await tx.execute(_LIST_TOP, {"room": room, "period": period, "limit": limit})
    return [_top(row) for row in rows]


_LIST_TOP = text(f"{_TOP} ORDER BY best.coins DESC, best.first_at, best.viewer")


async def read_leaderboard(
    tx: Transaction, room: str, period: str, viewer: str, *, limit: int, ranks_max: int
) -> Leaderboard:
    """
    Return a leaderboard with the rank of a viewer, up to `ranks_max`.

    All of it is one statement: the way to the database and back costs more than each of its parts.
    """
    rows = await tx.execute(
        _READ,
        {"room": room, "period": period, "viewer": viewer, "limit": limit, "ranks_max": ranks_max},
    )
    first = rows[0]
    total = (
        Total() if first.gifters is None else Total(first.given, first.given_coins, first.gifters)
    )
    top = [_top(row) for row in rows if row.viewer is not None]
    return Leaderboard(top, total, _own(viewer, first, ranks_max))


# What is not there is null, in the one row that is there in any case.
_READ = text(f"""
    SELECT totals.gifts AS given, totals.coins AS given_coins, totals.gifters,
        own.coins AS own_coins, own.gifts AS own_gifts, own.hidden, own.before,
        top.viewer, top.coins, top.gifts, top.open_coins
    FROM (SELECT) AS asked
    LEFT JOIN totals ON totals.room = :room AND totals.period = :period
    LEFT JOIN ({_OWN}) AS own ON true
    LEFT JOIN ({_TOP}) AS top ON true
    ORDER BY top.coins DESC, top.first_at, top.viewer
""")


async def read_total(tx: Transaction, room: str, period: str) -> Total:
    row = (await tx.execute(_READ_TOTAL, {"room": room, "period": period})).first()
    return _total(row) if row else Total()


_READ_TOTAL = text(
    "SELECT gifts, coins, gifters FROM totals WHERE room = :room AND period = :period"
)


def _top(row: Row) -> TopGifter:
    return TopGifter(row.viewer, row.coins, row.gifts, level_at(row.open_coins))


def _own(viewer: str, row: Row, ranks_max: int) -> OwnRank:
    if row.own_gifts is None:
        return OwnRank(viewer, 0, 0, None)
    is_ranked = not row.hidden and row.before < ranks_max
    return OwnRank(viewer, row.own_coins, row.own_gifts, row.before + 1 if is_ranked else None)
