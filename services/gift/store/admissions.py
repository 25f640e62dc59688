"""
What decides whether a gift is taken in: rooms, and what creators allow.

Intake holds a shared lock of each creator and room while it decides and writes, and a change takes
the same lock alone: once a creator has blocked a viewer, no gift of theirs follows. Both are in the
schema of reference: any viewer may give to any creator. What a viewer has not paid is theirs.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.gift import columns as tables
from services.gift.domain.admissions import UNPAID_GIFTS, Admission
from services.gift.domain.creators import Block, CreatorRules
from services.gift.domain.gifts import GiftDetails
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


async def read(tx: Transaction, gifts: Sequence[GiftDetails]) -> list[Admission]:
    """Return what is known of each gift's creator and room, under a shared lock."""
    rows = await tx.execute(
        _READ,
        {
            "viewers": [gift.viewer for gift in gifts],
            "creators": [gift.creator for gift in gifts],
            "rooms": [gift.room for gift in gifts],
        },
    )
    return [Admission(**dict(row)) for row in rows]


async def with_unpaid(
    tx: Transaction, gifts: Sequence[GiftDetails], known: Sequence[Admission]
) -> list[Admission]:
    """Return what is known of each gift, with how many its viewer has not paid."""
    viewers = {gift.viewer for gift in gifts}
    asked = {"act": UNPAID_GIFTS.act, "seconds": float(UNPAID_GIFTS.seconds)}
    rows = await tx.execute(_UNPAID, {"viewers": list(viewers), **asked})
    unpaid = {row.viewer: row for row in rows}
    before: Counter[str] = Counter()
    admitted = []
    for gift, admission in zip(gifts, known, strict=True):
        row = unpaid[gift.viewer]
        admitted.append(
            replace(admission, unpaid=row.gifts + before[gift.viewer], unpaid_seconds=row.seconds)
        )
        before[gift.viewer] += 1
    return admitted


async def hold(tx: Transaction, creator: str, room: str | None = None) -> None:
    """Let no gift to this creator, or in this room, be taken in until this ends."""
    await tx.execute(_HOLD, {"creator": creator, "room": room})


async def rules_of(tx: Transaction, creator: str) -> CreatorRules:
    row = (await tx.execute(_RULES, {"creator": creator})).first()
    return CreatorRules(row.gifts_off, row.hold_messages) if row else CreatorRules()


async def save_rules(tx: Transaction, creator: str, rules: CreatorRules, *, by: str) -> None:
    await tx.execute(
        _SAVE_RULES,
        {
            "creator": creator,
            "gifts_off": rules.gifts_off,
            "hold_messages": rules.hold_messages,
            "by": by,
        },
    )


async def switch_stream(
    tx: Transaction, creator: str, stream: UUID, *, is_off: bool, by: str
) -> None:
    """Write whether a creator takes gifts in a stream."""
    asked = {"creator": creator, "stream": stream}
    if is_off:
        await tx.execute(_SWITCH_OFF, {**asked, "by": by})
    else:
        await tx.execute(_SWITCH_ON, asked)


async def count_blocks(tx: Transaction, creator: str, *, but: str) -> int:
    """Return how many other viewers a creator blocks."""
    rows = await tx.execute(_COUNT_BLOCKS, {"creator": creator, "viewer": but})
    return int(rows.scalar_one())


async def save_block(
    tx: Transaction, creator: str, viewer: str, until: datetime | None, *, by: str
) -> None:
    asked = {"creator": creator, "viewer": viewer, "until": until, "by": by}
    await tx.execute(_BLOCK, asked)


async def remove_block(tx: Transaction, creator: str, viewer: str) -> None:
    await tx.execute(_UNBLOCK, {"creator": creator, "viewer": viewer})


async def forget_ended_blocks(tx: Transaction, creator: str) -> None:
    await tx.execute(_FORGET_ENDED, {"creator": creator})


async def blocks_of(tx: Transaction, creator: str, *, after: str | None, limit: int) -> list[Block]:
    """Return whom a creator blocks, by name, from `after` on."""
    asked = {"creator": creator, "after": after or "", "limit": limit}
    return [_block(row) for row in await tx.execute(_BLOCKS, asked)]


_block = RowMapper(Block, tables.Block)


_READ = text("""
    SELECT room_is_open, belongs, is_off, is_blocked, holds FROM read_admissions(
        CAST(:viewers AS text[]), CAST(:creators AS text[]), CAST(:rooms AS text[])
    )
""")
_UNPAID = text("""
    SELECT viewer, coalesce(refused.seconds, 1) AS seconds,
        coalesce(refused.used, 0) + (
            SELECT count(*) FROM open_gifts WHERE open_gifts.viewer = known.viewer
        ) AS gifts
    FROM unnest(CAST(:viewers AS text[])) AS known (viewer)
    LEFT JOIN LATERAL (
        SELECT used, greatest(1, ceil(
            extract(epoch FROM began_at + make_interval(secs => :seconds) - clock_timestamp())
        ))::integer AS seconds
        FROM quotas
        WHERE user_id = known.viewer AND act = :act
          AND began_at > clock_timestamp() - make_interval(secs => :seconds)
    ) AS refused ON true
""")
# The keys are those of `read_admissions`.
_HOLD = text("""
    SELECT pg_advisory_xact_lock(key) FROM (
        SELECT DISTINCT hashtextextended(name, 0) AS key
        FROM (
            VALUES ('creator:' || CAST(:creator AS text)), ('room:' || CAST(:room AS text))
        ) AS named (name)
        WHERE name IS NOT NULL ORDER BY key
    ) AS place
""")
_RULES = text("SELECT gifts_off, hold_messages FROM creator_rules WHERE creator = :creator")
_SAVE_RULES = text("""
    INSERT INTO creator_rules (creator, gifts_off, hold_messages, changed_by, changed_at)
    VALUES (:creator, :gifts_off, :hold_messages, :by, clock_timestamp())
    ON CONFLICT (creator) DO UPDATE
    SET gifts_off = excluded.gifts_off, hold_messages = excluded.hold_messages,
        changed_by = excluded.changed_by, changed_at = excluded.changed_at
""")
_SWITCH_OFF = text("""
    INSERT INTO streams_without_gifts (stream, creator, made_by) VALUES (:stream, :creator, :by)
    ON CONFLICT DO NOTHING
""")
_SWITCH_ON = text("DELETE FROM streams_without_gifts WHERE stream = :stream AND creator = :creator")
_COUNT_BLOCKS = text("SELECT count(*) FROM blocks WHERE creator = :creator AND viewer <> :viewer")
_BLOCK = text("""
    INSERT INTO blocks (creator, viewer, until, made_by, made_at)
    VALUES (:creator, :viewer, CAST(:until AS timestamptz), :by, clock_timestamp())
    ON CONFLICT (creator, viewer) DO UPDATE
    SET until = excluded.until, made_by = excluded.made_by, made_at = excluded.made_at
""")
_UNBLOCK = text("DELETE FROM blocks WHERE creator = :creator AND viewer = :viewer")
_FORGET_ENDED = text("DELETE FROM blocks WHERE creator = :creator AND until <= clock_timestamp()")
_BLOCKS = text(f"""
    SELECT {_block.columns} FROM blocks
    WHERE creator = :creator AND viewer > :after
      AND (until IS NULL OR until > clock_timestamp())
    ORDER BY viewer LIMIT :limit
""")  # noqa: S608 - our own text only
