"""What became of a request's idempotency key; `shared.http.keys` reads the key."""

import hashlib
import json
from enum import StrEnum

from pydantic import BaseModel

from shared.errors import Kind, Refusal
from shared.observability.metrics import IDEMPOTENCY


class Key(StrEnum):
    """What a key turned out to be, once it was looked at."""

    NEW = "new"
    REPEATED = "repeated"
    KEY_REUSED = "key_reused"
    # The request that came first has not committed, and we do not wait for it any longer.
    IN_PROGRESS = "in_progress"


class KeyReused(Refusal):
    """This idempotency key was already used for a different request."""

    kind = Kind.INVALID


def count_key(route: str, key: Key) -> None:
    """Count a request by its key; `route` is its path as it is declared."""
    IDEMPOTENCY.labels(route, key.value).inc()


def fingerprint(body: BaseModel) -> bytes:
    """
    Hash a request's body, to notice a key that comes back with another one.

    A field that has its default is left out: a body without a field that a later version added
    is the same request as before.
    """
    given = body.model_dump(mode="json", exclude_defaults=True)
    return hashlib.sha256(_canonical(given).encode()).digest()


# `json.dumps` would make an encoder for each body.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
