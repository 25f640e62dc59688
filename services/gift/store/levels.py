"""What viewers have given before, and which level they have reached."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.gift.domain.catalogue import FAN_GIFT
from shared.postgres.database import Transaction
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class ViewerHistory:
    """Which level a viewer has reached, and whether they are a fan of one creator."""

    level: int
    is_fan: bool


async def read_history(tx: Transaction, viewer: str, creator: str) -> ViewerHistory:
    asked = {"viewer": viewer, "creator": creator}
    row = (await tx.execute(_HISTORY, asked)).one()
    return ViewerHistory(level=row.level, is_fan=row.is_fan)


async def save_levels(tx: Transaction, levels: Mapping[str, tuple[int, int]]) -> None:
    """Keep revision and level of viewers, unless a newer one is known."""
    viewers = sorted(levels)
    await tx.execute(
        _SAVE_LEVELS,
        {
            "viewers": viewers,
            "revisions": [levels[viewer][0] for viewer in viewers],
            "levels": [levels[viewer][1] for viewer in viewers],
        },
    )


# The fan gift stands in the index's own words, so that the index is used.
_HISTORY = text(f"""
    SELECT coalesce((SELECT level FROM gifter_levels WHERE viewer = :viewer), 0) AS level,
           EXISTS (
               SELECT FROM gifts
               WHERE viewer = :viewer AND creator = :creator
                 AND gift_type = '{FAN_GIFT}' AND state = 'sent'
           ) AS is_fan
""")  # noqa: S608 - our own text only
_SAVE_LEVELS = text("""
    INSERT INTO gifter_levels (viewer, revision, level)
    SELECT * FROM unnest(
        CAST(:viewers AS text[]), CAST(:revisions AS bigint[]), CAST(:levels AS integer[])
    )
    ON CONFLICT (viewer) DO UPDATE
    SET revision = excluded.revision, level = excluded.level
    WHERE gifter_levels.revision < excluded.revision
""")
