"""Which route a request took, as it is declared: the same text however it was put together."""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match
from starlette.types import Scope

NO_ROUTE = "none"
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


def route_of(scope: Scope) -> str:
    """
    Return the path of a request's route with its parameters unfilled: `/v1/payouts/{payout}`.

    A route inside a router inside a router knows only its own part; what stands before it is
    fixed text, so it is the beginning of the path that was asked for.
    """
    route = scope.get("route")
    # `path_format` is without the kinds of parameters: `{user}` for `{user:person}`.
    own: str | None = getattr(route, "path_format", None) or getattr(route, "path", None)
    if own is None:
        return NO_ROUTE
    asked = scope["path"].rstrip("/").split("/")
    before = len(asked) - len(own.rstrip("/").split("/"))
    return "/".join(asked[: before + 1]) + own if before > 0 else own


def methods_at(scope: Scope, routes: Sequence[BaseRoute]) -> list[str]:
    """
    Return what can be done at the address of a request.

    Each method is a route of its own, and the first one that does not fit knows nothing of the
    others.
    """

    def fits(method: str) -> bool:
        # Whatever takes GET takes HEAD.
        asked = {**scope, "method": "GET" if method == "HEAD" else method}
        return any(route.matches(asked)[0] is Match.FULL for route in routes)

    return [method for method in METHODS if fits(method)]
