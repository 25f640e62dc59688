"""Secrets of endpoints: made here, stored encrypted, shown once, and replaced with an overlap."""

import base64
import secrets as random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import structlog

from services.webhooks.domain.endpoints import (
    SHOWN_AGAIN,
    Endpoint,
    NoSuchEndpoint,
    Secret,
)
from services.webhooks.domain.quotas import SECRET_ROTATIONS
from services.webhooks.store import secrets
from shared.idempotency import KeyReused
from shared.keyring import Keyring, Undecryptable
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

log = structlog.get_logger()

PREFIX = "whsec_"
SECRET_BYTES = 32
ENCRYPTED_AGAIN_MAX = 200
# Instead of the id of a key: no key can decrypt it, so that no rotation tries again.
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class MadeSecret:
    """A secret that was made; `value` is None once it is not shown any more."""

    secret: Secret
    value: str | None


async def add_secret(
    tx: Transaction,
    keys: Keyring,
    endpoint: UUID,
    key: str,
    request_hash: bytes,
    *,
    overlap_seconds: int,
) -> MadeSecret:
    """Make a secret of a locked endpoint; the one before signs beside it for the overlap."""
    value = PREFIX + base64.b64encode(random.token_bytes(SECRET_BYTES)).decode()
    made = await secrets.replace(
        tx,
        endpoint,
        key=key,
        request_hash=request_hash,
        key_id=keys.newest,
        encrypted=keys.encrypt(_packed(endpoint, value)),
        overlap_seconds=overlap_seconds,
    )
    return MadeSecret(made, value)


async def rotate_secret(
    tx: Transaction,
    keys: Keyring,
    endpoint: Endpoint,
    key: str,
    request_hash: bytes,
    *,
    overlap_seconds: int,
) -> tuple[MadeSecret, bool]:
    """Replace the secret of a locked endpoint; return it, and whether the request made it."""
    known = await secrets.find_by_key(tx, endpoint.id, key)
    if known is not None:
        if known[1] != request_hash:
            raise KeyReused(endpoint=endpoint.id)
        return await show_again(tx, keys, endpoint.id, key), False
    await quotas.use(tx, endpoint.team, SECRET_ROTATIONS)
    made = await add_secret(
        tx, keys, endpoint.id, key, request_hash, overlap_seconds=overlap_seconds
    )
    return made, True


async def show_again(tx: Transaction, keys: Keyring, endpoint: UUID, key: str) -> MadeSecret:
    """Return what a request made, with its value only while it is young."""
    found = await secrets.find_by_key(tx, endpoint, key)
    if found is None:
        # It was deleted meanwhile, and its secrets with it.
        raise NoSuchEndpoint
    secret, _ = found
    if datetime.now(UTC) - secret.created_at > SHOWN_AGAIN:
        return MadeSecret(secret, None)
    return MadeSecret(secret, read_secret(keys, secret))


async def valid_secrets(
    tx: Transaction, keys: Keyring, endpoints: Sequence[UUID]
) -> dict[UUID, list[str]]:
    """Return the secrets that sign now, by endpoint, the newest first."""
    found: dict[UUID, list[str]] = {}
    for secret in await secrets.list_valid(tx, endpoints):
        try:
            value = read_secret(keys, secret)
        except Undecryptable:
            log.exception("endpoint_secret.unreadable", endpoint=str(secret.endpoint))
        else:
            found.setdefault(secret.endpoint, []).append(value)
    return found


async def encrypt_again(tx: Transaction, keys: Keyring) -> bool:
    """Encrypt some secrets with the newest key that an older one encrypted."""
    old = await secrets.of_keys(tx, keys.before, ENCRYPTED_AGAIN_MAX)
    if old:
        await secrets.save_encrypted(tx, [_with_newest(keys, each) for each in old])
        log.info("endpoint_secrets.encrypted_again", secrets=len(old))
    return len(old) == ENCRYPTED_AGAIN_MAX


def read_secret(keys: Keyring, secret: Secret) -> str:
    """Return a secret; raise `Undecryptable` without its key, or if it is another endpoint's."""
    owner, _, value = keys.decrypt(secret.encrypted).decode().partition("\n")
    if owner != str(secret.endpoint):
        raise Undecryptable
    return value


def _packed(endpoint: UUID, value: str) -> bytes:
    """Write whose a secret is beside it, so that a row cannot be taken for another."""
    return f"{endpoint}\n{value}".encode()


def _with_newest(keys: Keyring, secret: Secret) -> Secret:
    try:
        value = read_secret(keys, secret)
    except Undecryptable:
        log.exception("endpoint_secret.unreadable", endpoint=str(secret.endpoint))
        return replace(secret, key_id=UNREADABLE)
    encrypted = keys.encrypt(_packed(secret.endpoint, value))
    return replace(secret, key_id=keys.newest, encrypted=encrypted)
