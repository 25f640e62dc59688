"""
The archive of webhooks: kept as they came, encrypted, and read again when an operator asks.

Only what its provider signed is kept. Anybody can post the rest: it proves nothing, and would fill
the disk. A webhook is deleted once it is older than the operator keeps them.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import Counter

from services.purchase.commands.webhook_events import match_purchases, store_webhook_events
from services.purchase.domain.purchases import BadSignature, WebhookEvent
from services.purchase.domain.webhook_archive import (
    ArchivedWebhook,
    ForeignWebhook,
    RawWebhook,
    Replay,
    pack,
    unpack,
)
from services.purchase.providers import Payments, Providers, ProviderUnavailable
from services.purchase.store import webhook_archive, webhook_events
from services.purchase.store.webhook_archive import Turns
from shared.keyring import Keyring, Undecryptable
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

REPLAYS_GIVEN_UP = Counter(
    "ovation_webhook_replays_given_up", "Replays of webhooks that failed for a day."
)
DELETED_MAX = 1_000
ENCRYPTED_MAX = 200
REPLAYED_MAX = 100
# A provider that is asked while its webhook is read may give no answer: then it is read again, ever
# more rarely, and given up after a day (2 hours while the pause doubles to 64 minutes, then 22).
REPLAY_TURNS = Turns(count=28, pause_seconds=60, doublings=6)
# Instead of the id of a key: no key can decrypt it, so that no rotation tries again.
UNREADABLE = "unreadable"


def encrypt_webhook(keys: Keyring, event: WebhookEvent, raw: RawWebhook) -> ArchivedWebhook:
    """Return the webhook that an event came in, as it is stored."""
    return ArchivedWebhook(
        provider=event.provider,
        webhook_id=event.webhook_id,
        received_at=datetime.now(UTC),
        key_id=keys.newest,
        encrypted=keys.encrypt(pack(event.provider, event.webhook_id, raw)),
    )


def decrypt_webhook(keys: Keyring, archived: ArchivedWebhook) -> RawWebhook:
    """Return a webhook as it came; raise `Undecryptable` without its key."""
    packed = keys.decrypt(archived.encrypted)
    return unpack(archived.provider, archived.webhook_id, packed)


async def tidy_archive(tx: Transaction, keys: Keyring, retention: timedelta) -> bool:
    """
    Delete some webhooks that are too old, and encrypt some again that an older key encrypted.

    Return whether there may be more of either.
    """
    deleted = await webhook_archive.delete_older(
        tx, datetime.now(UTC) - retention, limit=DELETED_MAX
    )
    old = await webhook_archive.of_keys(tx, keys.before, limit=ENCRYPTED_MAX)
    if old:
        await webhook_archive.replace_encrypted(tx, [_with_newest(keys, each) for each in old])
    if deleted or old:
        log.info("webhook_archive.tidied", deleted=deleted, encrypted_again=len(old))
    return deleted == DELETED_MAX or len(old) == ENCRYPTED_MAX


def _with_newest(keys: Keyring, archived: ArchivedWebhook) -> ArchivedWebhook:
    """Encrypt a webhook again; one that was changed stays as it is, and stops no other."""
    try:
        content = keys.decrypt(archived.encrypted)
    except Undecryptable:
        log.exception(
            "webhook.unreadable", provider=archived.provider, webhook_id=archived.webhook_id
        )
        return replace(archived, key_id=UNREADABLE)
    return replace(archived, key_id=keys.newest, encrypted=keys.encrypt(content))


async def claim_replays(tx: Transaction, providers: Providers) -> list[Replay]:
    """Take the webhooks that are to be read again now."""
    return await webhook_archive.claim_replays(
        tx,
        list(providers),
        now=datetime.now(UTC),
        turns=REPLAY_TURNS,
        limit=REPLAYED_MAX,
    )


async def run_replay(
    database: Database, providers: Providers, keys: Keyring, replay: Replay
) -> None:
    """
    Read a webhook again as if it had just come, and let the status of its payment be polled.

    Its signature was verified when it came, and is too old by now.
    """
    archived = replay.webhook
    try:
        events = await _read_again(providers[archived.provider], keys, archived)
    except Exception as error:
        if replay.is_last:
            log.error("webhook.replay_given_up", webhook_id=archived.webhook_id)  # noqa: TRY400
            REPLAYS_GIVEN_UP.inc()
        if not isinstance(error, ProviderUnavailable):
            raise
        log.warning("webhook.unread", webhook_id=archived.webhook_id, error=str(error)[:200])
        return
    matched = await match_purchases(database, events)
    async with database.reference.transaction() as tx:
        await store_webhook_events(tx, events, matched)
        await webhook_events.reopen(tx, events, now=datetime.now(UTC))
        await webhook_archive.end_replay(tx, archived)
    log.info("webhook.replayed", webhook_id=archived.webhook_id, events=len(events))


async def _read_again(
    provider: Payments, keys: Keyring, archived: ArchivedWebhook
) -> Sequence[WebhookEvent]:
    """Return the events of a webhook; none if it can never be read."""
    try:
        raw = decrypt_webhook(keys, archived)
        return await provider.read_webhook(raw.headers, raw.body)
    except (Undecryptable, ForeignWebhook, BadSignature) as error:
        log.exception("webhook.unreadable", webhook_id=archived.webhook_id, error=repr(error))
        return ()
