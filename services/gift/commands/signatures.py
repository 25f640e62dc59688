"""Tencent's signatures: one covers a second, so what came with it is remembered."""

import hashlib
import time
from dataclasses import dataclass

import structlog

from services.gift.store import signatures as store
from shared.postgres.database import Transaction

log = structlog.get_logger()

# A signature is good for a repetition this long, in either direction: clocks differ.
FRESH_SECONDS = 60
FORGET_MAX = 1_000


@dataclass(frozen=True, slots=True)
class SignatureRules:
    """How long after its second a signature brings another body, and how many it brings in all."""

    new_body_seconds: int = 5
    bodies_max: int = 100


async def accept_body(
    tx: Transaction, request_time: int, body: bytes, rules: SignatureRules, *, now: float
) -> bool:
    """
    Return whether a signed callback may be acted on; PostgreSQL remembers, for every instance.

    All callbacks of one second bear the same signature. So another body is taken within a few
    seconds only, and so many of them; later the signature is good for what it came with before.
    """
    digest = hashlib.sha256(body).digest()
    is_new_allowed = abs(now - request_time) <= rules.new_body_seconds
    if is_new_allowed:
        accepted = await store.add(tx, request_time, digest, bodies_max=rules.bodies_max)
    else:
        accepted = await store.came_with(tx, request_time, digest)
    if not accepted:
        reason = "too-many-bodies" if is_new_allowed else "too-old-for-a-new-body"
        log.warning("callback.signature_refused", request_time=request_time, reason=reason)
    return accepted


async def forget_signatures(tx: Transaction) -> bool:
    """Forget signatures that are too old for anything; return whether there may be more."""
    before = int(time.time()) - 2 * FRESH_SECONDS
    return await store.forget(tx, before=before, limit=FORGET_MAX) == FORGET_MAX
