"""Idempotency keys: how a caller repeats a request without repeating what it does."""

import hashlib
import json
import re
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Header
from pydantic import BaseModel

from shared.errors import Kind, Refusal
from shared.telemetry import IDEMPOTENCY

HEADER = "Idempotency-Key"


class Key(StrEnum):
    """What a key turned out to be, once it was looked at."""

    NEW = "new"
    REPEATED = "repeated"
    KEY_REUSED = "key_reused"
    # The request that came first has not committed, and we do not wait for it any longer.
    IN_PROGRESS = "in_progress"


def count_key(route: str, key: Key) -> None:
    """Count a request by its key; `route` is its path as it is declared."""
    IDEMPOTENCY.labels(route, key.value).inc()


# A structured-field string (`"abc"`), of which only quotes and backslashes are escaped, or, as most
# clients send it, bare. https://www.rfc-editor.org/rfc/rfc8941#section-3.3.3
_KEY = r'^([!#-~]([ -~]{0,126}[!-~])?|"([ !#-\[\]-~]|\\["\\]){1,128}")$'


class IdempotencyKeyMissing(Refusal):
    """This request needs an Idempotency-Key header of 1 to 128 printable ASCII characters."""

    kind = Kind.MALFORMED


class KeyReused(Refusal):
    """This idempotency key was already used for a different request."""

    kind = Kind.INVALID


async def _idempotency_key(
    given: Annotated[
        str,
        Header(
            alias=HEADER,
            pattern=_KEY,
            description="Repeat a request with the same key and it happens once. Kept for ever.",
        ),
    ],
) -> str:
    """Take off the quotes and what is escaped between them: both ways name the same key."""
    return re.sub(r"\\(.)", r"\1", given[1:-1]) if given.startswith('"') else given


IdempotencyKey = Annotated[str, Depends(_idempotency_key)]


def fingerprint(body: BaseModel) -> bytes:
    """Hash what was asked, to notice a key that comes back with another question."""
    canonical = json.dumps(body.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()
