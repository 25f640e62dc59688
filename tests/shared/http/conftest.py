"""A small shop, served as every service is."""

import pytest
from fastapi import APIRouter
from starlette.requests import Request

from shared.http import (
    IdempotencyKey,
    Limit,
    Moment,
    build_app,
    decode_cursor,
    refusals,
    request_id,
)
from shared.idempotency import KeyReused
from tests.clients import client_of
from tests.shared.http.shop import FAILURES, Ask, NoCoins, Wish


class Pretend:
    """A database that answers as told."""

    def __init__(self):
        self.error = None

    async def ping(self):
        if self.error is not None:
            raise self.error


@pytest.fixture
def database():
    return Pretend()


@pytest.fixture
def app(database):
    app = build_app(title="Shop", description="Sells.", verifier=None, database=database)

    @app.post("/v1/asks/{ask}", responses=refusals(KeyReused, NoCoins))
    async def post_ask(ask: int, body: Ask, key: IdempotencyKey) -> dict[str, object]:
        return {"ask": ask, "coins": body.coins, "key": key, "request": request_id()}

    @app.get("/v1/days")
    async def read_day(until: Moment) -> str:
        return until.isoformat()

    @app.post("/v1/wishes")
    async def post_wish(body: Wish) -> dict[str, object]:
        return {"coins": body.coins}

    @app.post("/v1/raw")
    async def post_raw(request: Request) -> int:
        return len(await request.body())

    many = APIRouter()

    @many.get("/many")
    @many.put("/many", name="put_many_ways")
    async def many_ways() -> None: ...

    app.include_router(many, prefix="/v1")

    @app.get("/v1/lists")
    async def get_list(cursor: str, limit: Limit = 10) -> dict[str, object]:
        return {"from": decode_cursor(cursor), "limit": limit}

    @app.get("/v1/fails/{how}")
    async def fail(how: str) -> None:
        raise FAILURES[how]

    return app


@pytest.fixture
async def client(app):
    async with client_of(app) as client:
        yield client
