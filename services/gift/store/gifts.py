"""The gifts themselves."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from pydantic_core import to_json

from services.gift import columns as tables
from services.gift.domain.admissions import UNPAID_GIFTS
from services.gift.domain.combos import Change, ComboKey
from services.gift.domain.gifts import DETAILS, Gift
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, prefixed, unnest
from shared.postgres.statements import text

# A viewer and an idempotency key: `one_gift_a_key` is unique.
RequestKey: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Books:
    """All gifts in a few numbers."""

    requested: int
    sent: int
    refused: int
    coins_sent: int
    coins_reversed: int


@dataclass(frozen=True, slots=True)
class Request:
    """A gift about to be remembered, with what makes its request repeatable."""

    gift: Gift
    idempotency_key: str
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class History:
    """A gift as it stands, when it was last asked for, and what paid it."""

    gift: Gift
    last_requested_at: datetime
    slices: Sequence[Mapping[str, Any]]


async def insert_gifts(tx: Transaction, requests: Sequence[Request]) -> set[UUID]:
    """Remember the gifts whose keys are new; return the ids of those."""
    ordered = sorted(requests, key=lambda request: (request.gift.viewer, request.idempotency_key))
    rows = await tx.execute(
        _INSERT,
        arrays(
            ordered,
            "idempotency_key",
            "request_hash",
            last_requested_at="gift.requested_at",
            **{column: f"gift.{column}" for column in _NEW},
        ),
    )
    return {row.id for row in rows}


async def remembered(
    tx: Transaction, keys: Sequence[RequestKey]
) -> dict[RequestKey, tuple[Gift, bytes]]:
    """Read the gifts of keys with the hashes of their requests."""
    asked = {"viewer": [viewer for viewer, _ in keys], "idempotency_key": [key for _, key in keys]}
    rows = await tx.execute(_REMEMBERED, asked)
    return {(row.viewer, row.idempotency_key): (_gift(row), row.request_hash) for row in rows}


async def lock(tx: Transaction, keys: Sequence[tuple[str, UUID]]) -> dict[UUID, Gift]:
    """Read gifts and keep them still, locked in sorted order."""
    rows = await tx.execute(_LOCK, _pairs(sorted(keys)))
    return {row.id: _gift(row) for row in rows}


async def decided(tx: Transaction, keys: Sequence[tuple[str, UUID]]) -> list[Gift]:
    """Read those of the gifts that are final."""
    return [_gift(row) for row in await tx.execute(_DECIDED, _pairs(keys))]


async def save_outcomes(
    tx: Transaction,
    gifts: Sequence[Gift],
    slices: Mapping[UUID, Sequence[object]],
    combos: Mapping[ComboKey, tuple[UUID, Change]],
) -> None:
    """
    Write the outcomes of gifts that were open, and count them in their combos.

    `slices` are by gift, for those that were sent; they are written as JSON. Refused gifts are
    counted for their viewers. The gifts and their combos are locked.
    """
    changes = [change for _, change in combos.values()]
    counted: dict[str, list[Any]] = {
        "viewer": [key.viewer for key in combos],
        "id": [combo for combo, _ in combos.values()],
        "open_gifts": [change.decided_gifts for change in changes],
        **arrays(changes, "sent_gifts", "repeat_count", "coins"),
    }
    await tx.execute(
        _SAVE_OUTCOMES,
        {
            **arrays(gifts, *_OUTCOME),
            "slices": [_json(slices.get(gift.id)) for gift in gifts],
            "refusals": [_json(gift.refusal) for gift in gifts],
            **prefixed("counted", counted),
            "act": UNPAID_GIFTS.act,
            "seconds": float(UNPAID_GIFTS.seconds),
        },
    )


async def repeat_requests(tx: Transaction, *, older_than_seconds: int, limit: int) -> list[Gift]:
    """Count up the attempts of gifts that have been open for too long, and return them."""
    rows = await tx.execute(_REPEAT, {"seconds": older_than_seconds, "limit": limit})
    return [_gift(row) for row in rows]


async def find(tx: Transaction, viewer: str, gift: UUID) -> Gift | None:
    row = (await tx.execute(_READ, _pairs([(viewer, gift)]))).first()
    return _gift(row) if row else None


async def of_ids(tx: Transaction, viewer: str, gifts: Sequence[UUID]) -> list[Gift]:
    """Return those of a viewer's gifts that there are."""
    rows = await tx.execute(_READ, _pairs([(viewer, gift) for gift in gifts]))
    return [_gift(row) for row in rows]


async def newest(
    tx: Transaction, viewer: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Gift]:
    """Return a viewer's gifts, the newest first, older than `before`."""
    at, gift = before or (None, None)
    rows = await tx.execute(_NEWEST, {"viewer": viewer, "at": at, "gift": gift, "limit": limit})
    return [_gift(row) for row in rows]


async def histories(tx: Transaction, *, since: datetime, until: datetime) -> AsyncIterator[History]:
    """Yield gifts that were asked for or settled in that time, by viewer and id."""
    async for row in tx.stream(_HISTORIES, {"since": since, "until": until}):
        yield History(_gift(row), row.last_requested_at, row.slices or [])


async def books(tx: Transaction) -> Books:
    return _books((await tx.execute(_BOOKS)).one())


def _pairs(keys: Sequence[tuple[str, UUID]]) -> dict[str, Any]:
    return {"viewer": [viewer for viewer, _ in keys], "id": [gift for _, gift in keys]}


def _json(value: object) -> str | None:
    return None if value is None else to_json(value).decode()


_gift = RowMapper(Gift, tables.Gift)
_COLUMNS = _gift.columns
# Until its outcome is known a gift is of the running combo: none can end before.
_COLUMNS_OPEN = _COLUMNS.replace(
    "gifts.combo,",
    """
    CASE WHEN state = 'requested' AND mode = 'streak' THEN (
        SELECT running.id FROM combos AS running
        WHERE running.ended_at IS NULL
          AND (running.viewer, running.room, running.creator, running.gift_type, running.anonymous)
            = (gifts.viewer, gifts.room, gifts.creator, gifts.gift_type, gifts.anonymous)
    ) ELSE gifts.combo END AS combo,
    """,
)
_ASKED = f"""
    {unnest(tables.Gift, "viewer", "id", name="asked")}
    WHERE gifts.viewer = asked.viewer AND gifts.id = asked.id
"""
_NEW = (
    *DETAILS,
    *("id", "price_coins", "coins", "requested_at", "expires_at", "correlation_id"),
    *("age_verified", "mode", "target", "message_state"),
)
_ADD = insert_rows(
    tables.Gift,
    *(*_NEW, "idempotency_key", "request_hash", "last_requested_at"),
    then="""
    ON CONFLICT DO NOTHING RETURNING viewer, id, creator, message, requested_at, message_state
    """,
).text
# A creator finds messages by `messages`: without another statement.
_INSERT = text(f"""
    WITH added AS ({_ADD}), found AS (
        INSERT INTO messages (creator, gift, viewer, held_at)
        SELECT creator, id, viewer, CASE WHEN message_state = 'held' THEN requested_at END
        FROM added WHERE message IS NOT NULL
    ), opened AS (
        INSERT INTO open_gifts (viewer, gift, requested_at, last_requested_at)
        SELECT viewer, id, requested_at, requested_at FROM added
    )
    SELECT id FROM added
""")  # noqa: S608 - our own text only
_READ = text(f"SELECT {_COLUMNS_OPEN} FROM gifts, {_ASKED}")  # noqa: S608 - our own text only
_REMEMBERED = text(f"""
    SELECT {_COLUMNS_OPEN}, gifts.idempotency_key, request_hash FROM gifts
    JOIN {unnest(tables.Gift, "viewer", "idempotency_key", name="asked")}
        ON gifts.viewer = asked.viewer AND gifts.idempotency_key = asked.idempotency_key
""")  # noqa: S608 - our own text only
_LOCK = text(
    f"SELECT {_COLUMNS} FROM gifts, {_ASKED}"  # noqa: S608 - our own text only
    " ORDER BY gifts.viewer, gifts.id FOR UPDATE OF gifts"
)
_DECIDED = text(
    f"SELECT {_COLUMNS} FROM gifts, {_ASKED} AND state <> 'requested'"  # noqa: S608 - our own
)
_OUTCOME = (
    *("viewer", "id", "state", "decided_at", "paid_at", "reversed_coins", "reversal_facts"),
    *("combo", "repeat_count", "combo_coins", "message_revision"),
)
_COUNTED = ("viewer", "id", "open_gifts", "sent_gifts", "repeat_count", "coins")
# JSON goes as text: in an array of jsonb it would be quoted once more.
_SAVE_OUTCOMES = text(f"""
    WITH decided AS (
    UPDATE gifts
    SET {", ".join(f"{column} = new.{column}" for column in _OUTCOME[2:])},
        slices = written.slices::jsonb, refusal = written.refusal::jsonb
    FROM {unnest(tables.Gift, *_OUTCOME, numbered=True)}
    JOIN unnest(CAST(:slices AS text[]), CAST(:refusals AS text[]))
        WITH ORDINALITY AS written (slices, refusal, position) USING (position)
    WHERE gifts.viewer = new.viewer AND gifts.id = new.id
    RETURNING gifts.viewer, gifts.state
    ), closed AS (
    DELETE FROM open_gifts USING {unnest(tables.Gift, "viewer", "id")}
    WHERE open_gifts.viewer = new.viewer AND open_gifts.gift = new.id
    ), counted AS (
    UPDATE combos
    SET open_gifts = combos.open_gifts - new.open_gifts,
        sent_gifts = combos.sent_gifts + new.sent_gifts,
        repeat_count = combos.repeat_count + new.repeat_count,
        coins = combos.coins + new.coins
    FROM {unnest(tables.Combo, *_COUNTED, prefix="counted")}
    WHERE combos.viewer = new.viewer AND combos.id = new.id
    )
    INSERT INTO quotas AS known (user_id, act, began_at, used)
    SELECT viewer, :act, clock_timestamp(), count(*) FROM decided
    WHERE state = 'refused' GROUP BY viewer ORDER BY viewer
    ON CONFLICT (user_id, act) DO UPDATE SET (began_at, used) = (
        SELECT CASE WHEN is_over THEN excluded.began_at ELSE known.began_at END,
            CASE WHEN is_over THEN excluded.used ELSE known.used + excluded.used END
        FROM (
            SELECT extract(epoch FROM excluded.began_at - known.began_at) >= :seconds
        ) AS time (is_over)
    )
""")  # noqa: S608 - our own text only
# Locks the gifts first, as an outcome does.
_REPEAT = text(f"""
    WITH old AS (
        SELECT gifts.viewer, gifts.id FROM open_gifts
        JOIN gifts ON gifts.viewer = open_gifts.viewer AND gifts.id = open_gifts.gift
        WHERE open_gifts.last_requested_at < now() - make_interval(secs => :seconds)
          AND gifts.state = 'requested'
        ORDER BY open_gifts.last_requested_at LIMIT :limit
        FOR UPDATE OF gifts SKIP LOCKED
    ), repeated AS (
        UPDATE open_gifts SET last_requested_at = now() FROM old
        WHERE open_gifts.viewer = old.viewer AND open_gifts.gift = old.id
    )
    UPDATE gifts SET attempt = attempt + 1, last_requested_at = now() FROM old
    WHERE gifts.viewer = old.viewer AND gifts.id = old.id
    RETURNING {_COLUMNS_OPEN}
""")  # noqa: S608 - our own text only
_NEWEST = text(f"""
    SELECT {_COLUMNS_OPEN} FROM gifts
    WHERE viewer = :viewer AND (
        CAST(:at AS timestamptz) IS NULL
        OR (requested_at, id) < (CAST(:at AS timestamptz), CAST(:gift AS uuid))
    )
    ORDER BY requested_at DESC, id DESC
    LIMIT :limit
""")  # noqa: S608 - our own text only
_HISTORIES = text(f"""
    SELECT {_COLUMNS_OPEN}, last_requested_at, slices FROM gifts
    WHERE requested_at < CAST(:until AS timestamptz)
      AND greatest(last_requested_at, decided_at) >= CAST(:since AS timestamptz)
    ORDER BY viewer, id
""")  # noqa: S608 - our own text only
_books = RowMapper(Books)
_BOOKS = text("""
    SELECT count(*) FILTER (WHERE state = 'requested') AS requested,
           count(*) FILTER (WHERE state = 'sent') AS sent,
           count(*) FILTER (WHERE state = 'refused') AS refused,
           coalesce(sum(coins) FILTER (WHERE state = 'sent'), 0)::bigint AS coins_sent,
           coalesce(sum(reversed_coins), 0)::bigint AS coins_reversed
    FROM gifts
""")
