"""Fixtures of the tests of the fakes: a receiver of webhooks."""

from dataclasses import dataclass, field

import pytest
from aiohttp import web


@dataclass
class Receiver:
    """An endpoint that accepts everything: its address, and (headers, body) of each arrival."""

    url: str = ""
    arrived: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
async def receiver():
    made = Receiver()

    async def receive(request: web.Request) -> web.Response:
        made.arrived.append(({**request.headers}, await request.read()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield made
    await runner.cleanup()
