"""HTTP as every service speaks it: problem documents, idempotency keys, cursors, health."""

from shared.http.app import build_app
from shared.http.dependencies import (
    AllParts,
    Db,
    OwnCreator,
    OwnUser,
    Reference,
    from_state,
)
from shared.http.fields import PRINTABLE, Name, UserId, UserIdOrMe
from shared.http.keys import IdempotencyKey, IdempotencyKeyMissing
from shared.http.middleware import BODY_BYTES_MAX
from shared.http.pages import (
    PAGE_MAX,
    BadCursor,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    exact_page,
    moment_in,
    number_in,
    page,
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
from shared.http.request_id import request_id
from shared.http.timestamps import Moment

__all__ = [
    "BODY_BYTES_MAX",
    "PAGE_MAX",
    "PRINTABLE",
    "PROBLEM_TYPE",
    "SCHEMAS",
    "STATUS",
    "AllParts",
    "BadCursor",
    "Cursor",
    "DatabaseUnavailable",
    "Db",
    "IdempotencyKey",
    "IdempotencyKeyMissing",
    "Limit",
    "Moment",
    "Name",
    "OwnCreator",
    "OwnUser",
    "Page",
    "Problem",
    "Reference",
    "TryAgain",
    "UserId",
    "UserIdOrMe",
    "build_app",
    "decode_cursor",
    "encode_cursor",
    "exact_page",
    "from_state",
    "moment_in",
    "number_in",
    "page",
    "problem",
    "refusal_response",
    "refusals",
    "request_id",
]
