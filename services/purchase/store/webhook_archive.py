"""Webhooks as they came, encrypted."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from uuid import UUID

from services.purchase import columns as tables
from services.purchase.domain.webhook_archive import ArchivedWebhook, Replay
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, update_rows
from shared.postgres.statements import text

_FIELDS = tuple(field.name for field in fields(ArchivedWebhook))
_KEY = ("provider", "webhook_id")
_archived = RowMapper(ArchivedWebhook, tables.ArchivedWebhook)
_ADD = insert_rows(
    tables.ArchivedWebhook, *_FIELDS, then="ON CONFLICT (provider, webhook_id) DO NOTHING"
)


async def add(tx: Transaction, webhooks: Sequence[ArchivedWebhook]) -> None:
    """Store webhooks, each once: it may be delivered again."""
    if webhooks:
        # Sorted: two instances that get the same webhooks would otherwise wait for each other.
        ordered = sorted(webhooks, key=lambda each: (each.provider, each.webhook_id))
        await tx.execute(_ADD, arrays(ordered, *_FIELDS))


_READ = text(f"""
    SELECT {_archived.columns} FROM webhook_archive
    WHERE provider = :provider AND webhook_id = :webhook_id
""")  # noqa: S608 - our own text only


async def read(tx: Transaction, provider: str, webhook_id: str) -> ArchivedWebhook | None:
    row = (await tx.execute(_READ, {"provider": provider, "webhook_id": webhook_id})).first()
    return _archived(row) if row is not None else None


# As in `shared/quotas/store.py`: a range with one end would be expected to be a third of the table.
_DELETE = text("""
    DELETE FROM webhook_archive WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM webhook_archive
        WHERE received_at BETWEEN '-infinity' AND CAST(:before AS timestamptz)
        ORDER BY received_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )) RETURNING 1
""")


async def delete_older(tx: Transaction, before: datetime, *, limit: int) -> int:
    """Delete some of the webhooks that came before a time; return how many."""
    return len(await tx.execute(_DELETE, {"before": before, "limit": limit}))


_OF_KEYS = text(f"""
    SELECT {_archived.columns} FROM webhook_archive
    WHERE key_id = ANY(CAST(:key_ids AS text[]))
    LIMIT :limit FOR UPDATE SKIP LOCKED
""")  # noqa: S608 - our own text only


async def of_keys(tx: Transaction, key_ids: Sequence[str], *, limit: int) -> list[ArchivedWebhook]:
    """Lock some of the webhooks that were encrypted with these keys."""
    rows = await tx.execute(_OF_KEYS, {"key_ids": list(key_ids), "limit": limit})
    return [_archived(row) for row in rows]


_REPLACE = update_rows(tables.ArchivedWebhook, _KEY, ("key_id", "encrypted"))


async def replace_encrypted(tx: Transaction, webhooks: Sequence[ArchivedWebhook]) -> None:
    """Write what was encrypted again; the rows are locked."""
    await tx.execute(_REPLACE, arrays(webhooks, *_KEY, "key_id", "encrypted"))


_CLAIM = text(f"""
    UPDATE webhook_archive
    SET replays = webhook_archive.replays + 1, replay_at = due.next_at
    FROM (
        SELECT provider, webhook_id, CASE WHEN replays + 1 < CAST(:turns AS integer) THEN
            CAST(:now AS timestamptz) + make_interval(secs => CAST(:seconds AS double precision)
                * power(2, least(replays, CAST(:doublings AS integer))))
        END AS next_at
        FROM webhook_archive
        WHERE replay_at <= CAST(:now AS timestamptz)
            AND provider = ANY(CAST(:providers AS text[]))
        ORDER BY replay_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE webhook_archive.provider = due.provider AND webhook_archive.webhook_id = due.webhook_id
    RETURNING {_archived.columns}, webhook_archive.replay_at
""")  # noqa: S608 - our own text only


@dataclass(frozen=True, slots=True)
class Turns:
    """So many turns of a replay: the pause in seconds doubles so often, then stays."""

    count: int
    pause_seconds: float
    doublings: int


async def claim_replays(
    tx: Transaction, providers: Sequence[str], *, now: datetime, turns: Turns, limit: int
) -> list[Replay]:
    """Take the webhooks of these providers that are to be read again, until their next turn."""
    asked = {
        "providers": list(providers),
        "now": now,
        "turns": turns.count,
        "seconds": turns.pause_seconds,
        "doublings": turns.doublings,
        "limit": limit,
    }
    rows = await tx.execute(_CLAIM, asked)
    return [Replay(_archived(row), is_last=row["replay_at"] is None) for row in rows]


_END = text("""
    UPDATE webhook_archive SET replay_at = NULL, replays = 0
    WHERE provider = :provider AND webhook_id = :webhook_id
""")


async def end_replay(tx: Transaction, webhook: ArchivedWebhook) -> None:
    await tx.execute(_END, {"provider": webhook.provider, "webhook_id": webhook.webhook_id})


_CHOSEN = """
    archive.received_at >= CAST(:since AS timestamptz)
    AND archive.received_at <= CAST(:until AS timestamptz)
    AND archive.provider = coalesce(CAST(:provider AS text), archive.provider)
    AND archive.webhook_id = coalesce(CAST(:webhook_id AS text), archive.webhook_id)
"""
_LIST = text(f"""
    SELECT archive.provider, archive.webhook_id, event.kind, archive.received_at,
           event.applied_at, event.purchase, archive.replay_at
    FROM webhook_archive AS archive
    LEFT JOIN webhook_events AS event USING (provider, webhook_id)
    WHERE {_CHOSEN}
    ORDER BY archive.received_at DESC, archive.webhook_id LIMIT :limit
""")  # noqa: S608 - our own text only
_REQUEST = text(f"""
    UPDATE webhook_archive SET replay_at = CAST(:now AS timestamptz), replays = 0
    FROM (
        SELECT provider, webhook_id FROM webhook_archive AS archive WHERE {_CHOSEN}
        ORDER BY archive.received_at LIMIT :limit FOR UPDATE
    ) AS chosen
    WHERE webhook_archive.provider = chosen.provider
        AND webhook_archive.webhook_id = chosen.webhook_id
    RETURNING 1
""")  # noqa: S608 - our own text only


@dataclass(frozen=True, slots=True)
class Choice:
    """Webhooks that came between two times; of one provider or with one id, if these are given."""

    since: datetime
    until: datetime
    provider: str | None = None
    webhook_id: str | None = None

    def parameters(self, limit: int) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__} | {"limit": limit}


@dataclass(frozen=True, slots=True)
class WebhookLine:
    """A webhook in a list: what it was about, and what became of it."""

    provider: str
    webhook_id: str
    kind: str | None
    received_at: datetime
    applied_at: datetime | None
    purchase: UUID | None
    replay_at: datetime | None


_line = RowMapper(WebhookLine)


async def listed(tx: Transaction, choice: Choice, *, limit: int) -> list[WebhookLine]:
    """Return webhooks without their content, the newest first."""
    return [_line(row) for row in await tx.execute(_LIST, choice.parameters(limit))]


async def request_replays(tx: Transaction, choice: Choice, *, limit: int) -> int:
    """Let webhooks be read again, the oldest first; return how many."""
    asked = choice.parameters(limit) | {"now": datetime.now(UTC)}
    return len(await tx.execute(_REQUEST, asked))


_KEYS = text("""
    SELECT key_id, count(*) AS webhooks, max(received_at) AS newest
    FROM webhook_archive GROUP BY key_id ORDER BY key_id
""")


async def count_by_key(tx: Transaction) -> list[dict[str, object]]:
    """Return how many webhooks each key has encrypted."""
    return [dict(row) for row in await tx.execute(_KEYS)]
