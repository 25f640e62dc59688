"""Which callbacks each signature of Tencent's came with: one row a second, for a few minutes."""

from shared.postgres.database import Transaction
from shared.postgres.statements import text


async def add(tx: Transaction, request_time: int, body: bytes, *, bodies_max: int) -> bool:
    """Keep the digest of a body beside its signature if there is room; return whether it is."""
    asked = {"request_time": request_time, "body": body, "bodies_max": bodies_max}
    return bool((await tx.execute(_ADD, asked)).scalar_one())


async def came_with(tx: Transaction, request_time: int, body: bytes) -> bool:
    """Return whether a body came with this signature before."""
    asked = {"request_time": request_time, "body": body}
    return bool((await tx.execute(_CAME_WITH, asked)).scalar_one())


async def forget(tx: Transaction, *, before: int, limit: int) -> int:
    """Delete signatures of a time that no callback may come from; return how many."""
    return len(await tx.execute(_FORGET, {"before": before, "limit": limit}))


# One statement: of two callbacks at once, the second waits for the first one's row and sees it.
_ADD = text("""
    INSERT INTO tencent_signatures AS known (request_time, bodies)
    VALUES (:request_time, ARRAY[CAST(:body AS bytea)])
    ON CONFLICT (request_time) DO UPDATE SET bodies = CASE
        WHEN CAST(:body AS bytea) = ANY(known.bodies)
            OR cardinality(known.bodies) >= CAST(:bodies_max AS integer) THEN known.bodies
        ELSE known.bodies || excluded.bodies
    END
    RETURNING CAST(:body AS bytea) = ANY(bodies)
""")
_CAME_WITH = text("""
    SELECT EXISTS (
        SELECT FROM tencent_signatures
        WHERE request_time = :request_time AND CAST(:body AS bytea) = ANY(bodies)
    )
""")
_FORGET = text("""
    DELETE FROM tencent_signatures WHERE request_time IN (
        SELECT request_time FROM tencent_signatures WHERE request_time < :before LIMIT :limit
    ) RETURNING 1
""")
