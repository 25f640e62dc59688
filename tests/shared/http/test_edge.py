"""What surrounds each route: health, ids, headers, streams, metrics."""

import asyncio

import httpx
import pytest
import structlog
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from tests.clients import client_of
from tests.shared.http.shop import an_ask, problem_of


async def test_health_follows_the_database_and_reports_only_inform(app, client, database):
    app.state.reports = {"broker": lambda: {"connected": False}, "odd": lambda: 1 / 0}
    ready = await client.get("/readyz")
    database.error = OSError("10.0.0.7")
    unready = await client.get("/readyz")

    assert ready.json() == {
        "status": "ready",
        "broker": {"connected": False},
        "odd": "failed: ZeroDivisionError",
    }
    assert problem_of(unready) == (503, "database-unavailable")
    assert unready.json()["broker"] == {"connected": False}
    assert (await client.get("/livez")).status_code == 200


async def test_a_database_that_hangs_is_not_ready(client, database, monkeypatch):
    monkeypatch.setattr("shared.http.health.READY_SECONDS_MAX", 0.01)
    monkeypatch.setattr(database, "ping", asyncio.Event().wait)

    assert problem_of(await client.get("/readyz")) == (503, "database-unavailable")


async def test_a_stopping_service_is_alive_and_not_ready(app, client):
    app.state.stopping.set()

    assert problem_of(await client.get("/readyz")) == (503, "stopping")
    assert (await client.get("/livez")).status_code == 200


@pytest.mark.parametrize(("given", "taken"), [("abc.DEF-1_2", True), ("a b", False), ("", False)])
async def test_a_fit_request_id_is_taken_and_any_other_replaced(client, given, taken):
    headers = {"Idempotency-Key": "k", "X-Request-Id": given}

    answer = await client.post("/v1/asks/7", **an_ask(headers=headers))

    used = answer.headers["x-request-id"]
    assert answer.json()["request"] == used
    assert (used == given) == taken
    assert used


async def test_nothing_bound_by_one_request_is_seen_by_the_next(app, client):
    seen = []

    @app.get("/v1/bind")
    async def bind() -> None:
        seen.append(structlog.contextvars.get_contextvars())
        structlog.contextvars.bind_contextvars(user="mira")

    structlog.contextvars.bind_contextvars(user="nils")
    await client.get("/v1/bind")
    await client.get("/v1/bind")

    assert [set(bound) for bound in seen] == [{"request_id"}, {"request_id"}]


async def test_common_headers_leave_a_route_its_own_caching(app, client):
    @app.get("/v1/cached")
    async def cached() -> StreamingResponse:
        return StreamingResponse(iter([b"x"]), headers={"Cache-Control": "max-age=60"})

    own, common = await client.get("/v1/cached"), await client.get("/livez")

    assert own.headers.get_list("cache-control") == ["max-age=60"]
    assert common.headers["cache-control"] == "no-store"
    assert common.headers["x-content-type-options"] == "nosniff"


async def test_a_stream_passes_piece_by_piece(app):
    """The second event is made only after the first has reached the client."""
    arrived = asyncio.Event()
    sent = []

    @app.get("/v1/feed")
    async def feed() -> StreamingResponse:
        async def events():
            yield b"data: 1\n\n"
            await asyncio.wait_for(arrived.wait(), 60)
            yield b"data: 2\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    async def send(message):
        sent.append(message.get("body"))
        if message.get("body") == b"data: 1\n\n":
            arrived.set()

    scope = {"type": "http", "method": "GET", "path": "/v1/feed", "headers": []}
    await app({**scope, "query_string": b"", "root_path": ""}, asyncio.Event().wait, send)

    assert sent == [None, b"data: 1\n\n", b"data: 2\n\n", b""]


async def test_metrics_name_routes_and_never_what_callers_invent(client):
    await client.post("/v1/asks/4711", **an_ask())
    await client.get("/v1/invented-path")
    await client.request("INVENTED", "/v1/asks/4711")

    text = (await client.get("/metrics")).text
    # Without their values: one of those may well hold the digits we look for.
    counted = [
        line.rpartition(" ")[0] for line in text.splitlines() if line.startswith("ovation_http_")
    ]

    assert any('method="POST",route="/v1/asks/{ask}",status="200"' in line for line in counted)
    assert any('method="OTHER"' in line for line in counted)
    assert not any("4711" in line or "invented" in line.lower() for line in counted)


async def test_a_failure_after_the_answer_began_is_left_to_the_server(app):
    @app.get("/v1/broken-feed")
    async def feed() -> StreamingResponse:
        async def events():
            yield b"data: 1\n\n"
            raise RuntimeError("half way")

        return StreamingResponse(events())

    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        with pytest.raises(RuntimeError, match="half way"):
            await client.get("/v1/broken-feed")


async def test_a_route_has_one_name_however_its_routers_were_put_together(app):
    outer, inner = APIRouter(prefix="/v1"), APIRouter(prefix="/rooms")

    @inner.get("/{room}")
    async def look(room: str) -> str:
        return room

    outer.include_router(inner)
    app.include_router(outer)
    async with client_of(app) as client:
        await client.get("/v1/rooms/r-1")
        text = (await client.get("/metrics")).text

    assert 'route="/v1/rooms/{room}"' in text
    assert "r-1" not in text
