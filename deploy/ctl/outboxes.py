"""Messages in a service's outbox, and keys that the broker's refusal has blocked."""

from uuid import UUID

from deploy.ctl.audit import recorded
from deploy.ctl.installation import Installation
from shared.postgres.database import Row
from shared.postgres.statements import text


async def waiting(installation: Installation, service: str) -> list[dict[str, object]]:
    """Return one row for all waiting messages, and one for each blocked key."""
    messages, oldest_seconds = 0, 0.0
    blocked: list[dict[str, object]] = []
    async with installation.opened(service) as database:
        for mailbox in database.mailboxes:
            async with mailbox.snapshot() as tx:
                pending = (await tx.execute(_PENDING)).one()
                messages += pending.messages
                oldest_seconds = max(oldest_seconds, pending.oldest_seconds)
                blocked += [_blocked(service, row) for row in await tx.execute(_BLOCKED)]
    total: dict[str, object] = {
        "service": service,
        "state": "waiting",
        "messages": messages,
        "oldest_seconds": round(oldest_seconds, 1),
        "key": None,
        "message_id": None,
        "reason": None,
    }
    return [total, *blocked]


def _blocked(service: str, row: Row) -> dict[str, object]:
    return {
        "service": service,
        "state": "parked" if row.retry_at is None else "blocked",
        "messages": row.messages,
        "oldest_seconds": round(row.oldest_seconds, 1),
        "key": row.key,
        "message_id": row.message_id,
        "reason": row.reason,
    }


async def unpark(installation: Installation, service: str, key: str) -> int:
    """Let a key be tried again from its first message on; return how many wait behind it."""
    act = recorded(installation, "outbox.unpark", service=service, key=key)
    behind = 0
    async with act, installation.opened(service, service) as database:
        for mailbox in database.mailboxes:
            async with mailbox.transaction() as tx:
                await tx.execute(_FORGIVE, {"key": key})
                if await tx.execute(_UNBLOCK, {"key": key}):
                    behind += int((await tx.execute(_BEHIND, {"key": key})).scalar_one())
    return behind


async def drop(
    installation: Installation, service: str, message_id: UUID
) -> dict[str, object] | None:
    """Delete a message that blocks its key; return what it was, or None if none does."""
    act = recorded(installation, "outbox.drop", service=service, message_id=message_id)
    async with act, installation.opened(service, service) as database:
        for mailbox in database.mailboxes:
            async with mailbox.transaction() as tx:
                found = (await tx.execute(_DROP, {"message_id": message_id})).first()
                if found is not None:
                    await tx.execute(_UNBLOCK, {"key": found.key})
                    return {
                        "message_id": message_id,
                        "key": found.key,
                        "routing_key": found.routing_key,
                        "body": found.body.decode(errors="replace"),
                    }
    return None


_PENDING = text("""
    SELECT count(*) AS messages,
           coalesce(extract(epoch FROM now() - min(created_at)), 0)::float AS oldest_seconds
    FROM outbox
""")
_BLOCKED = text("""
    SELECT key, message_id, reason, retry_at,
           extract(epoch FROM now() - blocked_at)::float AS oldest_seconds,
           (SELECT count(*) FROM outbox WHERE outbox.share = blocked.share
                AND outbox.key = blocked.key) AS messages
    FROM outbox_blocked AS blocked ORDER BY blocked_at
""")
_FORGIVE = text("""
    UPDATE outbox SET attempts = 0
    WHERE message_id IN (SELECT message_id FROM outbox_blocked WHERE key = :key)
""")
_UNBLOCK = text("DELETE FROM outbox_blocked WHERE key = :key RETURNING 1")
_BEHIND = text("SELECT count(*) FROM outbox WHERE key = :key")
_DROP = text("""
    DELETE FROM outbox USING outbox_blocked AS blocked
    WHERE outbox.message_id = :message_id AND blocked.message_id = outbox.message_id
    RETURNING outbox.key, outbox.routing_key, outbox.body
""")
