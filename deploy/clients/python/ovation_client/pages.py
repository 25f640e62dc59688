"""Lists that come in pages."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar

Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)
P = ParamSpec("P")


class Page(Protocol[Item_co]):
    """What an operation with a `cursor` returns."""

    @property
    def items(self) -> Sequence[Item_co]: ...

    @property
    def next_cursor(self) -> str | None: ...


async def each(
    operation: Callable[P, Awaitable[Page[Item]]], *args: P.args, **kwargs: P.kwargs
) -> AsyncIterator[Item]:
    """
    Yield the items of all pages, and read the next page only when it is needed.

    `each(list_gifts, ovation, limit=100)`. Pass `cursor` to begin after an earlier page.
    """
    onward: dict[str, Any] = dict(kwargs)
    while True:
        page = await operation(*args, **onward)
        for item in page.items:
            yield item
        if page.next_cursor is None:
            return
        onward["cursor"] = page.next_cursor
