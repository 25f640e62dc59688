"""
Webhooks of payment providers as they came: listed, decrypted, read again.

Their content is about people's money. Only the key of the archive opens it, and each look at it is
in the audit log before it is taken.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from deploy.config.secret_files import ARCHIVE_KEY
from deploy.ctl.audit import recorded
from deploy.ctl.installation import Installation
from services.purchase.commands.webhook_archive import decrypt_webhook
from services.purchase.domain.webhook_archive import RawWebhook
from services.purchase.store import webhook_archive
from services.purchase.store.webhook_archive import Choice
from shared.keyring import Keyring
from shared.postgres.database import Transaction

SERVICE = "purchase"
# Read again by one command: more are read by a second one, from where this one ended.
REPLAYED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Shown:
    """A webhook as it came, and when."""

    received_at: str
    raw: RawWebhook


async def listed(
    installation: Installation, choice: Choice, *, limit: int
) -> list[dict[str, object]]:
    """Return webhooks without their content, the newest first."""
    async with installation.opened(SERVICE) as database, database.reference.snapshot() as tx:
        return [asdict(line) for line in await webhook_archive.listed(tx, choice, limit=limit)]


async def keys(installation: Installation) -> list[dict[str, object]]:
    """Return how many webhooks each key has encrypted; only the newest one encrypts."""
    newest = Keyring(installation.secret(ARCHIVE_KEY)).newest
    async with installation.opened(SERVICE) as database, database.reference.snapshot() as tx:
        found = await webhook_archive.count_by_key(tx)
    return [{**row, "is_newest": row["key_id"] == newest} for row in found]


async def show(installation: Installation, provider: str, webhook_id: str) -> Shown | None:
    """Return a webhook as it came, or None if there is none of this id."""
    opened = Keyring(installation.secret(ARCHIVE_KEY))
    act = recorded(installation, "webhooks.show", provider=provider, webhook_id=webhook_id)
    async with act as result, _serving(installation) as tx:
        archived = await webhook_archive.read(tx, provider, webhook_id)
        result["found"] = archived is not None
        if archived is None:
            return None
        return Shown(archived.received_at.isoformat(), decrypt_webhook(opened, archived))


async def replay(installation: Installation, choice: Choice) -> int:
    """Let the service read webhooks again and poll their payments; return how many."""
    act = recorded(installation, "webhooks.replay", **asdict(choice))
    async with act as result, _serving(installation) as tx:
        count = await webhook_archive.request_replays(tx, choice, limit=REPLAYED_MAX)
        result["count"] = count
        return count


@asynccontextmanager
async def _serving(installation: Installation) -> AsyncIterator[Transaction]:
    """Do what the service may do with webhooks, which are of no single user."""
    opened = installation.opened(SERVICE, SERVICE)
    async with opened as database, database.reference.transaction() as tx:
        yield tx
