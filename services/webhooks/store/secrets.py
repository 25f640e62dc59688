"""Secrets of endpoints, encrypted."""

from collections.abc import Sequence
from uuid import UUID

from services.webhooks import columns as tables
from services.webhooks.domain.endpoints import Secret
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, update_rows
from shared.postgres.statements import text

_secret = RowMapper(Secret, tables.EndpointSecret)


async def find_by_key(tx: Transaction, endpoint: UUID, key: str) -> tuple[Secret, bytes] | None:
    """Return the secret that a request with this key made, and the hash of that request."""
    row = (await tx.execute(_OF_KEY, {"endpoint": endpoint, "key": key})).first()
    return (_secret(row), row.request_hash) if row is not None else None


async def replace(
    tx: Transaction,
    endpoint: UUID,
    *,
    key: str,
    request_hash: bytes,
    key_id: str,
    encrypted: bytes,
    overlap_seconds: float,
) -> Secret:
    """Add a secret of a locked endpoint; the one in use ends later, any other at once."""
    await tx.execute(_END, {"endpoint": endpoint, "seconds": overlap_seconds})
    new = {"endpoint": endpoint, "key": key, "hash": request_hash}
    row = (await tx.execute(_ADD, {**new, "key_id": key_id, "encrypted": encrypted})).one()
    return _secret(row)


async def list_valid(tx: Transaction, endpoints: Sequence[UUID]) -> list[Secret]:
    """Return the secrets of endpoints that sign now, the newest first."""
    rows = await tx.execute(_VALID, {"endpoints": list(endpoints)})
    return [_secret(row) for row in rows]


async def of_keys(tx: Transaction, key_ids: Sequence[str], limit: int) -> list[Secret]:
    """Lock secrets that these keys encrypted."""
    asked = {"key_ids": list(key_ids), "limit": limit}
    return [_secret(row) for row in await tx.execute(_OF_KEYS, asked)]


async def save_encrypted(tx: Transaction, secrets: Sequence[Secret]) -> None:
    """Write locked secrets that were encrypted again."""
    await tx.execute(_SAVE, arrays(secrets, "endpoint", "number", "key_id", "encrypted"))


_OF_KEY = text(f"""
    SELECT {_secret.columns}, request_hash FROM endpoint_secrets
    WHERE endpoint = :endpoint AND key = :key
""")  # noqa: S608 - our own text only
_END = text("""
    UPDATE endpoint_secrets SET ends_at = CASE
        WHEN ends_at IS NULL
        THEN clock_timestamp() + make_interval(secs => CAST(:seconds AS float))
        ELSE clock_timestamp() END
    WHERE endpoint = :endpoint AND (ends_at IS NULL OR ends_at > clock_timestamp())
""")
_ADD = text(f"""
    INSERT INTO endpoint_secrets (endpoint, number, key, request_hash, key_id, encrypted)
    SELECT CAST(:endpoint AS uuid), coalesce(max(number), 0) + 1, :key, :hash, :key_id, :encrypted
    FROM endpoint_secrets WHERE endpoint = :endpoint
    RETURNING {_secret.columns}
""")  # noqa: S608 - our own text only
_VALID = text(f"""
    SELECT {_secret.columns} FROM endpoint_secrets
    WHERE endpoint = ANY(CAST(:endpoints AS uuid[]))
        AND (ends_at IS NULL OR ends_at > clock_timestamp())
    ORDER BY endpoint, number DESC
""")  # noqa: S608 - our own text only
_OF_KEYS = text(f"""
    SELECT {_secret.columns} FROM endpoint_secrets
    WHERE key_id = ANY(CAST(:key_ids AS text[])) LIMIT :limit FOR UPDATE SKIP LOCKED
""")  # noqa: S608 - our own text only
_SAVE = update_rows(tables.EndpointSecret, ("endpoint", "number"), ("key_id", "encrypted"))
