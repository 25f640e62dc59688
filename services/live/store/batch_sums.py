"""What a batch of gifts adds up to, written in one statement."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar
from uuid import UUID

from pydantic import TypeAdapter

from services.live import columns as tables
from services.live.domain.gift_totals import Changes, Gift, Increment
from services.live.domain.goals import ContributionKey
from services.live.domain.levels import Gifter
from shared.postgres.database import Transaction
from shared.postgres.rows import arrays, prefixed, unnest
from shared.postgres.statements import text

Key = TypeVar("Key", bound=tuple[str, ...])

_GIFT = tuple(field.name for field in fields(Gift))
_INCREMENT = ("gifts", "coins", "first_at")


@dataclass(frozen=True, slots=True)
class Sums:
    """
    What was given after a batch, where it changed.

    (creator, viewer, gifts, coins) of open gifts, gifters by viewer, and (goal, viewer, coins) of
    open gifts to goals.
    """

    supporters: tuple[tuple[str, str, int, int], ...]
    gifters: dict[str, Gifter]
    contributions: tuple[tuple[UUID, str, int], ...]


_SUMS = TypeAdapter(Sums)


async def add_batch(
    tx: Transaction,
    gifts: Iterable[Gift],
    changes: Changes,
    contributions: Mapping[ContributionKey, int],
    *,
    generation: int,
) -> Sums:
    """
    Store gifts, and add what changes by them and by reversals.

    The batch and the goals are locked, and the gifts were not counted in this generation. What
    reversals take from scores is not added here, but by `save_reversals`.
    """
    ordered = sorted(gifts, key=lambda gift: gift.gift)
    viewers, open_coins = sorted(changes.gifters), changes.open_coins()
    given = [changes.gifters[viewer] for viewer in viewers]
    gifters = {
        "viewer": viewers,
        **arrays(given, "gifts", "coins"),
        "open_coins": [open_coins.get(viewer, 0) for viewer in viewers],
    }
    shares: dict[str, list[Any]] = {
        "goal": [goal for goal, _ in contributions],
        "viewer": [viewer for _, viewer in contributions],
        "coins": [*contributions.values()],
    }
    row = await tx.execute(
        _ADD,
        {
            "generation": generation,
            **prefixed("gift", arrays(ordered, *_GIFT)),
            **prefixed("score", _increments(changes.scores, "room", "period", "viewer")),
            **prefixed("total", _increments(changes.totals, "room", "period")),
            **prefixed("pair", _increments(changes.supporters, "creator", "viewer")),
            **prefixed("gifter", gifters),
            **prefixed("share", shares),
        },
    )
    return _SUMS.validate_json(row.scalar_one())


_INSERT_GIFTS = f"""
    INSERT INTO gifts ({", ".join(_GIFT)}, first_generation, generation)
    SELECT new.*, CAST(:generation AS integer), CAST(:generation AS integer)
    FROM {unnest(tables.Gift, *_GIFT, prefix="gift")}
    ON CONFLICT (gift) DO UPDATE
    SET generation = excluded.generation, viewer = excluded.viewer, stream = excluded.stream,
        belongs = excluded.belongs
        WHERE gifts.generation < excluded.generation
"""
_ADD_SCORES = """
    INSERT INTO scores (room, period, viewer, gifts, coins, first_at)
    SELECT room, period, viewer, gifts, coins, first_at FROM score
    ON CONFLICT (room, period, viewer) DO UPDATE
    SET gifts = scores.gifts + excluded.gifts, coins = scores.coins + excluded.coins,
        first_at = least(scores.first_at, excluded.first_at)
    RETURNING room, period, viewer, gifts
"""
# A score that was not there before has, afterwards, as many gifts as were added: a new gifter.
# Sums find those, because a plan may join two lists by comparing each with each.
_ADD_TOTALS = f"""
    INSERT INTO totals (room, period, gifts, coins, gifters)
    SELECT room, period, sum(gifts), sum(coins), sum(gifters) FROM (
        SELECT room, period, gifts, coins, 0 AS gifters
        FROM {unnest(tables.Total, "room", "period", "gifts", "coins", prefix="total")}
        UNION ALL
        SELECT room, period, 0, 0, 1 FROM (
            SELECT room, period, viewer, gifts FROM scored
            UNION ALL SELECT room, period, viewer, -gifts FROM score
        ) AS compared
        GROUP BY room, period, viewer HAVING sum(gifts) = 0
    ) AS added
    GROUP BY room, period
    ON CONFLICT (room, period) DO UPDATE
    SET gifts = totals.gifts + excluded.gifts, coins = totals.coins + excluded.coins,
        gifters = totals.gifters + excluded.gifters
"""
_PAIR = unnest(tables.Supporter, "creator", "viewer", *_INCREMENT, prefix="pair")
_ADD_SUPPORTERS = f"""
    INSERT INTO supporters (creator, viewer, gifts, coins, first_at)
    SELECT creator, viewer, gifts, coins, coalesce(first_at, 'infinity') FROM {_PAIR}
    ON CONFLICT (creator, viewer) DO UPDATE
    SET gifts = supporters.gifts + excluded.gifts, coins = supporters.coins + excluded.coins,
        first_at = least(supporters.first_at, excluded.first_at)
    RETURNING creator, viewer, gifts, coins
"""
# Supporters first, then gifters: other transactions lock them in this order too.
_ADD_GIFTERS = f"""
    INSERT INTO gifters (viewer, gifts, coins, open_coins)
    SELECT viewer, gifts, coins, open_coins
    FROM {unnest(tables.Gifter, "viewer", "gifts", "coins", "open_coins", prefix="gifter")}
    WHERE (SELECT count(*) FROM supported) >= 0
    ON CONFLICT (viewer) DO UPDATE
    SET gifts = gifters.gifts + excluded.gifts, coins = gifters.coins + excluded.coins,
        open_coins = gifters.open_coins + excluded.open_coins
    RETURNING viewer, coins, level, revision, open_coins
"""
_ADD_CONTRIBUTIONS = f"""
    INSERT INTO goal_gifters (goal, viewer, coins)
    SELECT goal, viewer, coins
    FROM {unnest(tables.GoalGifter, "goal", "viewer", "coins", prefix="share")}
    ON CONFLICT (goal, viewer) DO UPDATE SET coins = goal_gifters.coins + excluded.coins
    RETURNING goal, viewer, coins
"""
_SCORE = unnest(tables.Score, "room", "period", "viewer", *_INCREMENT, prefix="score")
_ADD = text(f"""
    WITH score AS (SELECT * FROM {_SCORE}),
    counted AS ({_INSERT_GIFTS}),
    scored AS ({_ADD_SCORES}),
    totalled AS ({_ADD_TOTALS}),
    supported AS ({_ADD_SUPPORTERS}),
    gave AS ({_ADD_GIFTERS}),
    contributed AS ({_ADD_CONTRIBUTIONS})
    SELECT json_build_object(
        'supporters', (
            SELECT coalesce(json_agg(json_build_array(creator, viewer, gifts, coins)), '[]')
            FROM supported
        ),
        'gifters', (SELECT coalesce(json_object_agg(viewer, to_json(gave)), '{{}}') FROM gave),
        'contributions', (
            SELECT coalesce(json_agg(json_build_array(goal, viewer, coins)), '[]')
            FROM contributed
        )
    )::text
""")


def _increments(increments: Mapping[Key, Increment], *columns: str) -> dict[str, list[Any]]:
    """Return keys and increments as arrays, sorted by key: locks are taken in that order."""
    keys = sorted(increments)
    by_column = zip(*keys, strict=True) if keys else ([] for _ in columns)
    ordered = [increments[key] for key in keys]
    return {
        **{column: list(values) for column, values in zip(columns, by_column, strict=True)},
        **arrays(ordered, *_INCREMENT),
    }
