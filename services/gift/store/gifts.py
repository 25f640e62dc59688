"""The gifts themselves."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import text

from services.gift.domain.admissions import UNPAID_GIFTS
from services.gift.domain.creators import MessageState
from services.gift.domain.gifts import Gift, State
from shared.postgres.database import Row, Transaction

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
    gifts = [request.gift for request in ordered]
    rows = await tx.execute(
        _INSERT,
        {
            "viewers": [gift.viewer for gift in gifts],
            "ids": [gift.id for gift in gifts],
            "keys": [request.idempotency_key for request in ordered],
            "hashes": [request.request_hash for request in ordered],
            "gift_types": [gift.gift_type for gift in gifts],
            "prices": [gift.price_coins for gift in gifts],
            "counts": [gift.count for gift in gifts],
            "coins": [gift.coins for gift in gifts],
            "creators": [gift.creator for gift in gifts],
            "rooms": [gift.room for gift in gifts],
            "messages": [gift.message for gift in gifts],
            "anonymous": [gift.anonymous for gift in gifts],
            "requested_at": [gift.requested_at for gift in gifts],
            "expires_at": [gift.expires_at for gift in gifts],
            "correlation_ids": [gift.correlation_id for gift in gifts],
            "ages": [gift.age_verified for gift in gifts],
            "modes": [gift.mode for gift in gifts],
            "targets": [gift.target for gift in gifts],
            "states": [gift.message_state for gift in gifts],
        },
    )
    return {row.id for row in rows}


async def remembered(
    tx: Transaction, keys: Sequence[RequestKey]
) -> dict[RequestKey, tuple[Gift, bytes]]:
    """Read the gifts of keys with the hashes of their requests."""
    asked = {"viewers": [viewer for viewer, _ in keys], "keys": [key for _, key in keys]}
    rows = await tx.execute(_REMEMBERED, asked)
    return {(row.viewer, row.idempotency_key): (_gift(row), row.request_hash) for row in rows}


async def lock(tx: Transaction, keys: Sequence[tuple[str, UUID]]) -> dict[UUID, Gift]:
    """Read gifts and keep them still, locked in sorted order."""
    rows = await tx.execute(_LOCK, _pairs(sorted(keys)))
    return {row.id: _gift(row) for row in rows}


async def settled(tx: Transaction, keys: Sequence[tuple[str, UUID]]) -> list[Gift]:
    """Read those of the gifts that are final."""
    return [_gift(row) for row in await tx.execute(_SETTLED, _pairs(keys))]


async def settle(
    tx: Transaction, gifts: Sequence[Gift], slices: Mapping[UUID, Sequence[Mapping[str, Any]]]
) -> None:
    """
    Write the outcomes of gifts that were open; `slices` by gift, for those that were sent.

    What was refused is counted for its viewer, in the same statement.
    """
    await tx.execute(
        _SETTLE,
        {
            "viewers": [gift.viewer for gift in gifts],
            "ids": [gift.id for gift in gifts],
            "states": [gift.state.value for gift in gifts],
            "settled_at": [gift.settled_at for gift in gifts],
            "paid_at": [gift.paid_at for gift in gifts],
            "reversed": [gift.reversed_coins for gift in gifts],
            "facts": [gift.reversal_facts for gift in gifts],
            "slices": [_json(slices.get(gift.id)) for gift in gifts],
            "refusals": [_json(gift.refusal) for gift in gifts],
            "combos": [gift.combo for gift in gifts],
            "repeats": [gift.repeat_count for gift in gifts],
            "combo_coins": [gift.combo_coins for gift in gifts],
            "revisions": [gift.message_revision for gift in gifts],
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
    return Books(*(await tx.execute(_BOOKS)).one())


def _pairs(keys: Sequence[tuple[str, UUID]]) -> dict[str, Any]:
    return {"viewers": [viewer for viewer, _ in keys], "ids": [gift for _, gift in keys]}


def _json(value: object) -> str | None:
    return None if value is None else to_json(value).decode()


def _gift(row: Row) -> Gift:
    return Gift(
        viewer=row.viewer,
        id=row.id,
        creator=row.creator,
        room=row.room,
        gift_type=row.gift_type,
        count=row.count_,
        price_coins=row.price_coins,
        coins=row.coins,
        message=row.message,
        anonymous=row.anonymous,
        state=State(row.state),
        attempt=row.attempt,
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        settled_at=row.settled_at,
        correlation_id=row.correlation_id,
        refusal=row.refusal,
        paid_at=row.paid_at,
        reversed_coins=row.reversed_coins,
        reversal_facts=row.reversal_facts,
        age_verified=row.age_verified,
        mode=row.mode,
        combo=row.combo,
        repeat_count=row.repeat_count,
        combo_coins=row.combo_coins,
        target=row.target,
        message_state=MessageState(row.message_state) if row.message_state else None,
        message_revision=row.message_revision,
    )


# `count` is a method of every row, so the column comes under another name.
_STORED = """
    gifts.viewer, gifts.id, request_hash, gift_type, price_coins, count AS count_, coins, creator,
    room, message, anonymous, state, attempt, requested_at, expires_at, settled_at,
    correlation_id, refusal, paid_at, reversed_coins, reversal_facts, age_verified, mode,
    repeat_count, combo_coins, target, message_state, message_revision
"""
_COLUMNS = f"{_STORED}, combo"
# Until its outcome is known a gift is of the running combo: none can end before.
_COLUMNS_OPEN = f"""
    {_STORED},
    CASE WHEN state = 'requested' AND mode = 'streak' THEN (
        SELECT running.id FROM combos AS running
        WHERE running.ended_at IS NULL
          AND (running.viewer, running.room, running.creator, running.gift_type, running.anonymous)
            = (gifts.viewer, gifts.room, gifts.creator, gifts.gift_type, gifts.anonymous)
    ) ELSE combo END AS combo
"""  # noqa: S608 - our own text only
_ASKED = """
    unnest(CAST(:viewers AS text[]), CAST(:ids AS uuid[])) AS asked (viewer, id)
    WHERE gifts.viewer = asked.viewer AND gifts.id = asked.id
"""
# Where a message is, for its creator to find: without another statement.
_INSERT = text("""
    WITH added AS (
        INSERT INTO gifts (
            viewer, id, idempotency_key, request_hash, gift_type, price_coins, count, coins,
            creator, room, message, anonymous, last_requested_at, requested_at, expires_at,
            correlation_id, age_verified, mode, target, message_state
        )
        SELECT viewer, id, idempotency_key, request_hash, gift_type, price_coins, count, coins,
               creator, room, message, anonymous, requested_at, requested_at, expires_at,
               correlation_id, age_verified, mode, target, message_state
        FROM unnest(
            CAST(:viewers AS text[]), CAST(:ids AS uuid[]), CAST(:keys AS text[]),
            CAST(:hashes AS bytea[]), CAST(:gift_types AS text[]), CAST(:prices AS bigint[]),
            CAST(:counts AS integer[]), CAST(:coins AS bigint[]), CAST(:creators AS text[]),
            CAST(:rooms AS text[]), CAST(:messages AS text[]), CAST(:anonymous AS boolean[]),
            CAST(:requested_at AS timestamptz[]), CAST(:expires_at AS timestamptz[]),
            CAST(:correlation_ids AS text[]), CAST(:ages AS smallint[]),
            CAST(:modes AS text[]), CAST(:targets AS text[]), CAST(:states AS text[])
        ) WITH ORDINALITY AS new (
            viewer, id, idempotency_key, request_hash, gift_type, price_coins, count, coins,
            creator, room, message, anonymous, requested_at, expires_at, correlation_id,
            age_verified, mode, target, message_state, position
        )
        ORDER BY position
        ON CONFLICT DO NOTHING
        RETURNING viewer, id, creator, message, requested_at, message_state
    ), found AS (
        INSERT INTO messages (creator, gift, viewer, held_at)
        SELECT creator, id, viewer, CASE WHEN message_state = 'held' THEN requested_at END
        FROM added WHERE message IS NOT NULL
    )
    SELECT id FROM added
""")
_READ = text(f"SELECT {_COLUMNS_OPEN} FROM gifts, {_ASKED}")  # noqa: S608 - our own text only
_REMEMBERED = text(f"""
    SELECT {_COLUMNS_OPEN}, gifts.idempotency_key FROM gifts
    JOIN unnest(CAST(:viewers AS text[]), CAST(:keys AS text[])) AS asked (viewer, idempotency_key)
        ON gifts.viewer = asked.viewer AND gifts.idempotency_key = asked.idempotency_key
""")  # noqa: S608 - our own text only
_LOCK = text(
    f"SELECT {_COLUMNS} FROM gifts, {_ASKED}"  # noqa: S608 - our own text only
    " ORDER BY gifts.viewer, gifts.id FOR UPDATE OF gifts"
)
_SETTLED = text(
    f"SELECT {_COLUMNS} FROM gifts, {_ASKED} AND state <> 'requested'"  # noqa: S608 - our own
)
_SETTLE = text("""
    WITH settled AS (
    UPDATE gifts
    SET state = new.state, settled_at = new.settled_at, paid_at = new.paid_at,
        slices = new.slices::jsonb, refusal = new.refusal::jsonb,
        reversed_coins = new.reversed_coins, reversal_facts = new.reversal_facts,
        combo = new.combo, repeat_count = new.repeat_count, combo_coins = new.combo_coins,
        message_revision = new.message_revision
    FROM unnest(
        CAST(:viewers AS text[]), CAST(:ids AS uuid[]), CAST(:states AS text[]),
        CAST(:settled_at AS timestamptz[]), CAST(:paid_at AS timestamptz[]),
        CAST(:slices AS text[]), CAST(:refusals AS text[]), CAST(:reversed AS bigint[]),
        CAST(:facts AS integer[]), CAST(:combos AS uuid[]), CAST(:repeats AS bigint[]),
        CAST(:combo_coins AS bigint[]), CAST(:revisions AS bigint[])
    ) AS new (
        viewer, id, state, settled_at, paid_at, slices, refusal, reversed_coins, reversal_facts,
        combo, repeat_count, combo_coins, message_revision
    )
    WHERE gifts.viewer = new.viewer AND gifts.id = new.id
    RETURNING gifts.viewer, gifts.state
    )
    INSERT INTO quotas AS known (user_id, act, began_at, used)
    SELECT viewer, :act, clock_timestamp(), count(*) FROM settled
    WHERE state = 'refused' GROUP BY viewer ORDER BY viewer
    ON CONFLICT (user_id, act) DO UPDATE SET (began_at, used) = (
        SELECT CASE WHEN is_over THEN excluded.began_at ELSE known.began_at END,
            CASE WHEN is_over THEN excluded.used ELSE known.used + excluded.used END
        FROM (
            SELECT known.began_at <= clock_timestamp() - make_interval(secs => :seconds)
        ) AS time (is_over)
    )
""")
_REPEAT = text(f"""
    UPDATE gifts SET attempt = attempt + 1, last_requested_at = now()
    FROM (
        SELECT viewer, id FROM gifts
        WHERE state = 'requested' AND last_requested_at < now() - make_interval(secs => :seconds)
        ORDER BY last_requested_at LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ) AS open
    WHERE gifts.viewer = open.viewer AND gifts.id = open.id
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
      AND greatest(last_requested_at, settled_at) >= CAST(:since AS timestamptz)
    ORDER BY viewer, id
""")  # noqa: S608 - our own text only
_BOOKS = text("""
    SELECT count(*) FILTER (WHERE state = 'requested'),
           count(*) FILTER (WHERE state = 'sent'),
           count(*) FILTER (WHERE state = 'refused'),
           coalesce(sum(coins) FILTER (WHERE state = 'sent'), 0)::bigint,
           coalesce(sum(reversed_coins), 0)::bigint
    FROM gifts
""")
