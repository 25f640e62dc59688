"""`HEAD` for each address that takes `GET`: the same answer without its body (RFC 9110)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class AnsweredEnough(Exception):
    """Raised into a route that goes on writing a body of which nothing is sent."""


class HeadRequests:
    """
    Hand on `HEAD` as `GET`, and keep the body back.

    FastAPI declares no route for `HEAD`. As it is a `GET` to the route, it passes the same checks
    and is recorded like one. A body that is written in pieces, such as a feed, ends at once.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_headers(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
                return
            await send({"type": "http.response.body", "body": b""})
            if message.get("more_body", False):
                raise AnsweredEnough

        # A copy: the server reads the method from its own when it writes the answer.
        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, send_headers)
        except AnsweredEnough:
            pass
        finally:
            # For metrics and logs.
            if "route" in asked:
                scope["route"] = asked["route"]
