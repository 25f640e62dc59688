"""Who gave most: in a room, to a creator; and what viewers look like to themselves."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from services.live.domain.levels import level_at
from shared.postgres.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class Top:
    """A viewer who gave much; `level` is that of what they gave openly."""

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
class Own:
    """Where a viewer stands; `rank` is None beyond those that are ranked, and when hidden."""

    viewer: str
    coins: int = 0
    gifts: int = 0
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Books:
    """All rooms in three numbers."""

    rooms: int
    gifts: int
    coins: int


@dataclass(frozen=True, slots=True)
class Badge:
    """A viewer's level and what it is made of."""

    viewer: str
    gifts: int = 0
    coins: int = 0
    level: int = 0
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Supporter:
    """What a creator was given by a viewer, openly; so is what their `level` is of."""

    viewer: str
    gifts: int
    coins: int
    first_at: datetime
    level: int


async def top_gifters(tx: Transaction, room: str, period: str, *, limit: int) -> list[Top]:
    """
    Return who gave most in a room and period; of equals, who came first.

    Their level is that of what they gave openly: one that rises with an anonymous gift names who
    gave it to everybody who reads the standing before and after.
    """
    rows = await tx.execute(_TOP, {"room": room, "period": period, "limit": limit})
    return [_top(row) for row in rows]


async def standing(
    tx: Transaction, room: str, period: str, viewer: str, *, limit: int, ranks_max: int
) -> tuple[list[Top], Total, Own]:
    """
    Return who gave most in a room and period, what all gave, and where a viewer stands.

    Those before a viewer are counted no further than so many. All of it is one statement: the
    way to the database and back costs more than each of its parts.
    """
    rows = await tx.execute(
        _STANDING,
        {"room": room, "period": period, "viewer": viewer, "limit": limit, "ranks_max": ranks_max},
    )
    first = rows[0]
    total = (
        Total() if first.gifters is None else Total(first.given, first.given_coins, first.gifters)
    )
    top = [_top(row) for row in rows if row.viewer is not None]
    return top, total, _own(viewer, first, ranks_max)


async def total(tx: Transaction, room: str, period: str) -> Total:
    row = (await tx.execute(_TOTAL, {"room": room, "period": period})).first()
    return Total(*row) if row else Total()


async def badge(tx: Transaction, viewer: str) -> Badge:
    row = (await tx.execute(_BADGE, {"viewer": viewer})).first()
    return Badge(viewer, row.gifts, row.coins, row.level, row.hidden) if row else Badge(viewer)


async def set_hidden(tx: Transaction, viewer: str, *, hidden: bool) -> None:
    await tx.execute(_SET_HIDDEN, {"viewer": viewer, "hidden": hidden})


async def supporters_by_coins(
    tx: Transaction, creator: str, *, after: tuple[int, datetime, str] | None, limit: int
) -> list[Supporter]:
    """Return who gave most to a creator, from a place in that order on."""
    coins, first_at, viewer = after or (None, None, None)
    asked = {"creator": creator, "coins": coins, "at": first_at, "viewer": viewer, "limit": limit}
    return [_supporter(row) for row in await tx.execute(_SUPPORTERS_BY_COINS, asked)]


async def newest_supporters(
    tx: Transaction, creator: str, *, before: tuple[datetime, str] | None, limit: int
) -> list[Supporter]:
    """Return who gave to a creator for the first time, the newest first."""
    first_at, viewer = before or (None, None)
    asked = {"creator": creator, "at": first_at, "viewer": viewer, "limit": limit}
    return [_supporter(row) for row in await tx.execute(_NEWEST_SUPPORTERS, asked)]


async def newcomers_between(
    tx: Transaction, creator: str, since: datetime, until: datetime | None, *, limit: int
) -> list[str]:
    """Return viewers whose first gift to a creator fell into a time."""
    asked = {"creator": creator, "since": since, "until": until, "limit": limit}
    return [row.viewer for row in await tx.execute(_NEWCOMERS, asked)]


async def books(tx: Transaction) -> Books:
    return Books(*(await tx.execute(_BOOKS)).one())


def _top(row: Row) -> Top:
    return Top(row.viewer, row.coins, row.gifts, level_at(row.open_coins))


def _supporter(row: Row) -> Supporter:
    level = level_at(row.open_coins)
    return Supporter(row.viewer, row.gifts, row.coins, row.first_at, level)


def _own(viewer: str, row: Row, ranks_max: int) -> Own:
    if row.own_gifts is None:
        return Own(viewer)
    ranked = not row.hidden and row.before < ranks_max
    return Own(viewer, row.own_coins, row.own_gifts, row.before + 1 if ranked else None)


# As a value of each row, and not NOT EXISTS, of which a join can be made: that one reads all who
# hide before it names anybody.
_VISIBLE = """
    (SELECT true FROM gifters WHERE hidden AND gifters.viewer = scores.viewer) IS NOT TRUE
"""
_TOP_ROWS = f"""
    SELECT best.viewer, best.coins, best.gifts, best.first_at,
        coalesce(gifters.open_coins, 0) AS open_coins
    FROM (
        SELECT viewer, coins, gifts, first_at FROM scores
        WHERE room = :room AND period = :period AND {_VISIBLE}
        ORDER BY coins DESC, first_at, viewer LIMIT :limit
    ) AS best
    LEFT JOIN gifters USING (viewer)
"""  # noqa: S608 - our own text only
_OWN_ROW = f"""
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
"""  # noqa: S608 - our own text only
_TOTAL = text("SELECT gifts, coins, gifters FROM totals WHERE room = :room AND period = :period")
_TOP = text(f"{_TOP_ROWS} ORDER BY best.coins DESC, best.first_at, best.viewer")
# What is not there is null, in the one row that is there in any case.
_STANDING = text(f"""
    SELECT totals.gifts AS given, totals.coins AS given_coins, totals.gifters,
        own.coins AS own_coins, own.gifts AS own_gifts, own.hidden, own.before,
        top.viewer, top.coins, top.gifts, top.open_coins
    FROM (SELECT) AS asked
    LEFT JOIN totals ON totals.room = :room AND totals.period = :period
    LEFT JOIN ({_OWN_ROW}) AS own ON true
    LEFT JOIN ({_TOP_ROWS}) AS top ON true
    ORDER BY top.coins DESC, top.first_at, top.viewer
""")  # noqa: S608 - our own text only
_BADGE = text("SELECT gifts, coins, level, hidden FROM gifters WHERE viewer = :viewer")
_SET_HIDDEN = text("""
    INSERT INTO gifters (viewer, gifts, coins, hidden) VALUES (:viewer, 0, 0, :hidden)
    ON CONFLICT (viewer) DO UPDATE SET hidden = excluded.hidden
""")
_SUPPORTER = """
    SELECT found.viewer, found.gifts, found.coins, found.first_at,
        coalesce(gifters.open_coins, 0) AS open_coins
"""
_SUPPORTERS_BY_COINS = text(f"""
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
""")  # noqa: S608 - our own text only
_NEWEST_SUPPORTERS = text(f"""
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
""")  # noqa: S608 - our own text only
_NEWCOMERS = text("""
    SELECT viewer FROM supporters
    WHERE creator = :creator AND first_at >= :since
      AND first_at < coalesce(CAST(:until AS timestamptz), 'infinity')
    ORDER BY first_at, viewer LIMIT :limit
""")
_BOOKS = text("""
    SELECT count(*) FILTER (WHERE gifts > 0), coalesce(sum(gifts), 0)::bigint,
        coalesce(sum(coins), 0)::bigint
    FROM rooms
""")
