"""What became of a request's idempotency key; `shared.http.keys` reads the key."""

import hashlib
import json
from contextvars import ContextVar
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


class Answer:
    """The answer to one request: whether it is about what an earlier request of the key did."""

    __slots__ = ("is_replayed",)

    def __init__(self) -> None:
        self.is_replayed = False


_ANSWER: ContextVar[Answer | None] = ContextVar("answer", default=None)


def begin_answer() -> Answer:
    """Begin to answer a request: what its task marks from now on is about this answer."""
    answer = Answer()
    _ANSWER.set(answer)
    return answer


def mark_replayed() -> None:
    """Say in the answer to this task's request that its key came before."""
    if (answer := _ANSWER.get()) is not None:
        answer.is_replayed = True


def record_key(route: str, *, is_new: bool) -> None:
    """Count the key of this task's request; its answer says it if the key came before."""
    count_key(route, Key.NEW if is_new else Key.REPEATED)
    if not is_new:
        mark_replayed()


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
