"""HTTP as every service speaks it: problem documents, idempotency keys, cursors, health."""

from shared.http.app import build_app
from shared.http.edge import BODY_BYTES_MAX
from shared.http.identifiers import request_id
from shared.http.keys import (
    IdempotencyKey,
    IdempotencyKeyMissing,
    Key,
    KeyReused,
    count_key,
    fingerprint,
)
from shared.http.moments import Moment
from shared.http.names import PRINTABLE, Name, UserId
from shared.http.pages import (
    PAGE_MAX,
    BadCursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    moment_in,
    number_in,
)
from shared.http.problems import (
    PROBLEM_TYPE,
    SCHEMAS,
    STATUS,
    DatabaseUnavailable,
    Problem,
    TryAgain,
    problem,
    refusal_response,
    refusals,
)

__all__ = [
    "BODY_BYTES_MAX",
    "PAGE_MAX",
    "PRINTABLE",
    "PROBLEM_TYPE",
    "SCHEMAS",
    "STATUS",
    "BadCursor",
    "DatabaseUnavailable",
    "IdempotencyKey",
    "IdempotencyKeyMissing",
    "Key",
    "KeyReused",
    "Limit",
    "Moment",
    "Name",
    "Page",
    "Problem",
    "TryAgain",
    "UserId",
    "build_app",
    "count_key",
    "decode_cursor",
    "encode_cursor",
    "fingerprint",
    "moment_in",
    "number_in",
    "problem",
    "refusal_response",
    "refusals",
    "request_id",
]
