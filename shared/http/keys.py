"""The header `Idempotency-Key`: a request repeated with the same key happens once."""

import re
from typing import Annotated

from fastapi import Depends, Header

from shared.errors import Kind, Refusal

HEADER = "Idempotency-Key"
# Of an answer about what an earlier request with the same key did.
REPLAYED = "Idempotency-Replayed"


# A structured-field string (`"abc"`), of which only quotes and backslashes are escaped, or, as most
# clients send it, bare. https://www.rfc-editor.org/rfc/rfc8941#section-3.3.3
_KEY = r'^([!#-~]([ -~]{0,126}[!-~])?|"([ !#-\[\]-~]|\\["\\]){1,128}")$'
_FIT = re.compile(_KEY)


class IdempotencyKeyMissing(Refusal):
    """This request needs an Idempotency-Key header of 1 to 128 printable ASCII characters."""

    kind = Kind.MALFORMED


async def _idempotency_key(
    given: Annotated[
        str,
        Header(
            alias=HEADER,
            pattern=_KEY,
            description="Repeat a request with the same key and it happens once. Kept for ever.",
            examples=["7c9e6679-7425-40de-944b-e07fc1f90ae7"],
        ),
    ],
) -> str:
    return _unquoted(given)


def key_in(header: str) -> str | None:
    """Return the key that a header names, or None if it is not fit to be one."""
    return _unquoted(header) if _FIT.fullmatch(header) else None


def _unquoted(given: str) -> str:
    """Take off the quotes and what is escaped between them: both ways name the same key."""
    return re.sub(r"\\(.)", r"\1", given[1:-1]) if given.startswith('"') else given


IdempotencyKey = Annotated[str, Depends(_idempotency_key)]
