"""Which route a request took, as it is declared: the same text however it was put together."""

from starlette.types import Scope

NO_ROUTE = "none"


def route_of(scope: Scope) -> str:
    """
    Return the path of a request's route with its parameters unfilled: `/v1/payouts/{payout}`.

    A route inside a router inside a router knows only its own part; what stands before it is
    fixed text, so it is the beginning of the path that was asked for.
    """
    own: str | None = getattr(scope.get("route"), "path", None)
    if own is None:
        return NO_ROUTE
    asked = scope["path"].rstrip("/").split("/")
    before = len(asked) - len(own.rstrip("/").split("/"))
    return "/".join(asked[: before + 1]) + own if before > 0 else own
