"""Long lists, one page at a time."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from fastapi import Query

from shared.contracts.base import like
from shared.errors import Kind, Refusal
from shared.http.bodies import Body

PAGE_MAX = 100
# What a user id of 255 characters, a few others and times take; a longer one was not made by us.
CURSOR_CHARACTERS_MAX = 2_048
BIGINT_MAX = 2**63 - 1

Item = TypeVar("Item")
Found = TypeVar("Found")
Limit: TypeAlias = Annotated[
    int, Query(ge=1, le=PAGE_MAX, description="How many items a page has at most.", examples=[50])
]
Cursor: TypeAlias = Annotated[
    str | None,
    Query(
        description="`next_cursor` of the page before; without it, the first page.",
        examples=["WyIyMDI2LTExLTIzVDEyOjAwOjAwWiJd"],
    ),
]


class BadCursor(Refusal):
    """This cursor was not made by us; start again without one."""

    kind = Kind.MALFORMED


class Page(Body, Generic[Item]):
    """Some of a list; `next_cursor` asks for what follows, and is null at the end."""

    items: list[Item]
    """The items of this page, in the order that the operation names; empty if there are none."""
    next_cursor: Annotated[str | None, like(None, "WyIyMDI2LTExLTIzVDEyOjAwOjAwWiJd")]
    """Send it as `cursor` to get the next page; null at the end. Opaque, and it does not expire."""

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Name a page after what it lists: `PurchasePage`, in the OpenAPI document as well."""
        (item,) = params
        return f"{item.__name__}Page"


def page(
    items: Sequence[Item], limit: int, place: Callable[[Item], Sequence[str | int]]
) -> Page[Item]:
    """Make a page of at most `limit` items; a full one has a cursor at its last item's `place`."""
    is_full = len(items) == limit
    return Page(items=list(items), next_cursor=encode_cursor(place(items[-1])) if is_full else None)


def exact_page(
    found: Sequence[Found],
    limit: int,
    place: Callable[[Found], Sequence[str | int]],
    respond: Callable[[Found], Item],
) -> Page[Item]:
    """
    Make a page out of up to `limit + 1` rows: only if there is one more it has a cursor.

    `respond` makes what the page shows of a row.
    """
    shown, has_more = found[:limit], len(found) > limit
    return Page(
        items=[respond(each) for each in shown],
        next_cursor=encode_cursor(place(shown[-1])) if has_more else None,
    )


def encode_cursor(values: Sequence[str | int]) -> str:
    written = json.dumps(list(values), separators=(",", ":"), ensure_ascii=False)
    cursor = base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")
    assert len(cursor) <= CURSOR_CHARACTERS_MAX
    return cursor


def decode_cursor(cursor: str) -> list[str | int]:
    if len(cursor) > CURSOR_CHARACTERS_MAX:
        raise BadCursor
    try:
        written = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        values = json.loads(written)
    except (ValueError, RecursionError):
        raise BadCursor from None
    if not isinstance(values, list) or not all(map(_is_sound, values)):
        raise BadCursor
    return values


def number_in(cursor: str | None) -> int | None:
    """Read a cursor that is one number; None is the beginning."""
    if cursor is None:
        return None
    values = decode_cursor(cursor)
    if len(values) != 1 or not isinstance(values[0], int):
        raise BadCursor
    return values[0]


def text_in(cursor: str | None) -> str | None:
    """Read a cursor that is one text; None is the beginning."""
    if cursor is None:
        return None
    values = decode_cursor(cursor)
    if len(values) != 1 or not isinstance(values[0], str):
        raise BadCursor
    return values[0]


def moment_in(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Read a cursor that is a time with its zone, and the id that breaks a tie."""
    if cursor is None:
        return None
    try:
        at, identifier = decode_cursor(cursor)
        moment = datetime.fromisoformat(str(at)), UUID(str(identifier))
    except ValueError:
        raise BadCursor from None
    if moment[0].tzinfo is None:
        raise BadCursor
    return moment


def _is_sound(value: object) -> bool:
    """Whether PostgreSQL can compare with it: a forged cursor must not become its error."""
    if type(value) is int:
        return -BIGINT_MAX <= value <= BIGINT_MAX
    # It keeps no NUL, and no half of a surrogate pair.
    return isinstance(value, str) and not any(
        sign == "\x00" or "\ud800" <= sign <= "\udfff" for sign in value
    )
