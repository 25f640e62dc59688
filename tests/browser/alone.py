"""Our pages in front of a stand-in for the API, for what no service has to do with."""

import asyncio
import tomllib
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from deploy.config.environment import ROOT
from deploy.harness.ports import free_port
from services.web.main import build
from services.web.settings import Settings
from tests.browser.test_signing_in import serving

CATALOGUE = tomllib.loads((ROOT / "seeds" / "gifts.toml").read_text())["gifts"]
NOTHING = {"items": [], "goals": [], "perks": [], "top_gifters": [], "gifts": 0, "gifters": 0}
GIFTS = [
    {
        "gift_type": gift["id"],
        "name": gift["names"]["en"],
        "mode": gift["type"],
        **{name: gift[name] for name in ("tier", "category", "price_coins")},
        "batch_counts": gift["batch_counts"],
        "locks": {},
    }
    for gift in CATALOGUE
]
ROOM = {"creator": "lea", "live": True, "stream": {"stream": "s-1", "title": "Late songs"}}
# The feed stays open for longer than a page is looked at.
STAYS_SECONDS = 90


class Api:
    """What the API says; tests change it, and read what was asked of it."""

    def __init__(self):
        self.room = dict(ROOM)
        self.coins = 500
        # How the next gifts are refused, if they are: a status and a problem.
        self.refusal = None
        self.sent = []

    def routes(self):
        return [
            Route("/v1/rooms/{room}/events", self.read_feed),
            Route("/v1/rooms/{room}", lambda _: JSONResponse({"room": "room-1", **self.room})),
            Route("/v1/catalogue", lambda _: JSONResponse({"items": GIFTS})),
            Route("/v1/wallets/me/movements", lambda _: JSONResponse({"items": [{}]})),
            Route("/v1/wallets/me", lambda _: JSONResponse({"coins": self.coins})),
            Route("/v1/gifts", self.send_gift, methods=["POST"]),
            Route("/v1/people/me", lambda _: Response(status_code=204), methods=["PUT", "POST"]),
            Route("/v1/{path:path}", lambda _: JSONResponse({**NOTHING, "me": {"coins": 0}})),
        ]

    async def send_gift(self, request):
        body = await request.json()
        self.sent.append(body)
        if self.refusal:
            status, problem = self.refusal
            return JSONResponse(problem, status, media_type="application/problem+json")
        gift = {**body, "gift": f"g-{len(self.sent)}", "state": "sent", "coins": 1, "combo": None}
        return JSONResponse(gift, 201)

    async def read_feed(self, _request):
        async def nothing():
            yield "retry: 2000\n\n"
            await asyncio.sleep(STAYS_SECONDS)

        return StreamingResponse(nothing(), media_type="text/event-stream")


@contextmanager
def pages_alone(api, **settings):
    """Serve the pages with these settings; yield their origin."""
    port = free_port()
    routes = [*api.routes(), Mount("/", build(Settings(port=port, **settings)))]
    with serving(Starlette(routes=routes), port):
        yield f"http://127.0.0.1:{port}"
