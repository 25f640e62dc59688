"""What every service does with a request, whatever its route."""

import asyncio
import base64
import json
from typing import Annotated, Literal
from uuid import UUID

import httpx
import pytest
import structlog
from asyncpg.exceptions import DeadlockDetectedError
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from shared.errors import Kind, Refusal
from shared.http import (
    BODY_BYTES_MAX,
    BadCursor,
    IdempotencyKey,
    Limit,
    Moment,
    build_app,
    decode_cursor,
    encode_cursor,
    refusals,
    request_id,
)
from shared.idempotency import KeyReused, fingerprint
from tests.clients import client_of
from tests.metrics import keys_counted, since


class Rose(BaseModel):
    kind: Literal["rose"]


class Heart(BaseModel):
    kind: Literal["heart"]


class Ask(BaseModel):
    model_config = ConfigDict(extra="forbid")

    coins: Annotated[int, Field(strict=True, gt=0)]
    note: str = ""


class Wish(BaseModel):
    gift: Annotated[Rose | Heart, Field(discriminator="kind")]
    room: UUID
    coins: float


class NoCoins(Refusal):
    """There are not enough coins."""

    kind = Kind.PAYMENT


class Closed(Refusal):
    """The shop is closed."""

    kind = Kind.UNAVAILABLE


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
    @many.put("/many")
    async def many_ways() -> None: ...

    app.include_router(many, prefix="/v1")

    @app.get("/v1/lists")
    async def get_list(cursor: str, limit: Limit = 10) -> dict[str, object]:
        return {"from": decode_cursor(cursor), "limit": limit}

    @app.get("/v1/fails/{how}")
    async def fail(how: str) -> None:
        raise FAILURES[how]

    return app


FAILURES = {
    "leak": RuntimeError("password=hunter2"),
    "away": ConnectionRefusedError("connect to 10.0.0.7:5432 as wallet"),
    "deadlock": DeadlockDetectedError("deadlock detected"),
    "poor": NoCoins(shortfall_coins=20, status=200, odd=float("nan"), who=object()),
    "closed": Closed(),
}


@pytest.fixture
async def client(app):
    async with client_of(app) as client:
        yield client


def an_ask(**changes):
    return {"json": {"coins": 5}, "headers": {"Idempotency-Key": "k"}, **changes}


def problem_of(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    return answer.status_code, problem["type"]


async def test_a_good_request_goes_through(client):
    answer = await client.post("/v1/asks/7", **an_ask())

    assert answer.status_code == 200
    assert answer.json()["coins"] == 5


@pytest.mark.parametrize("body", [b'{"coins": ', b"\xff\xfe{", b"[" * 60_000], ids=repr)
async def test_what_is_not_json_is_malformed(client, body):
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}

    answer = await client.post("/v1/asks/7", content=body[:70_000], headers=headers)

    assert problem_of(answer) == (400, "malformed-json")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"coins": "five-secret"}', "body.coins"),
        (b'{"coins": NaN}', "body.coins"),
        (b'{"coins": 1.5}', "body.coins"),
        (b'{"coins": 5, "not a name, secret": 1}', "body.?"),
        (b'{"coins": 5, "\\ud800": 1}', "body"),
    ],
)
async def test_a_wrong_field_is_named_and_its_value_is_not_repeated(client, body, where):
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}

    answer = await client.post("/v1/asks/7", content=body, headers=headers)

    assert problem_of(answer) == (422, "invalid-request")
    assert [error["where"] for error in answer.json()["errors"]] == [where]
    assert "secret" not in answer.text


async def test_the_words_for_unions_and_ids_do_not_quote_the_input(client):
    wish = {"gift": {"kind": "my-secret"}, "room": "zecret", "coins": 1}

    answer = await client.post("/v1/wishes", json=wish)

    assert problem_of(answer) == (422, "invalid-request")
    assert len(answer.json()["errors"]) == 2
    assert "secret" not in answer.text
    assert "`z`" not in answer.text


async def test_a_thousand_faults_do_not_make_a_long_answer(client):
    faults = {f"field{number}": 1 for number in range(1_000)}

    answer = await client.post("/v1/asks/7", **an_ask(json={"coins": 5, **faults}))

    assert len(answer.json()["errors"]) == 20


@pytest.mark.parametrize("path", ["/v1/asks/7", "/v1/raw"])
@pytest.mark.parametrize("declared", [True, False])
async def test_a_huge_body_is_refused_whether_or_not_its_length_is_declared(client, path, declared):
    async def pieces():
        for _ in range(BODY_BYTES_MAX // 1_024 + 1):
            yield b" " * 1_024

    content = b" " * (BODY_BYTES_MAX + 1) if declared else pieces()
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}

    answer = await client.post(path, content=content, headers=headers)

    assert ("content-length" in answer.request.headers) == declared
    assert problem_of(answer) == (413, "body-too-large")


async def test_the_largest_body_allowed_is_allowed(client):
    answer = await client.post("/v1/raw", content=b"x" * BODY_BYTES_MAX)

    assert answer.json() == BODY_BYTES_MAX


async def test_an_absurd_length_is_refused_without_being_converted(client):
    answer = await client.post("/v1/raw", content=b"", headers={"Content-Length": "9" * 5_000})

    assert problem_of(answer) == (413, "body-too-large")


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("8e03-978e", "8e03-978e"),
        ('"8e03-978e"', "8e03-978e"),
        (r'"a\"b\\c"', r"a\"b\\c".replace(r"\"", '"').replace(r"\\", "\\")),
        ("k" * 128, "k" * 128),
    ],
)
async def test_a_key_may_be_quoted_or_bare(client, header, key):
    answer = await client.post("/v1/asks/7", **an_ask(headers={"Idempotency-Key": header}))

    assert answer.json()["key"] == key


@pytest.mark.parametrize("header", [None, "", '""', '"open', '"a"b"', "k" * 129, "clé", "a\tb"])
async def test_a_missing_or_unfit_key_is_malformed(client, header):
    headers = {} if header is None else {"Idempotency-Key": header.encode("latin-1")}

    answer = await client.post("/v1/asks/7", **an_ask(headers=headers))

    assert problem_of(answer) == (400, "idempotency-key-missing")


async def test_unknown_routes_and_methods_are_problems_too(client):
    assert problem_of(await client.get("/v1/nothing")) == (404, "no-such-route")
    assert problem_of(await client.get("/v1/asks/7/")) == (404, "no-such-route")
    answer = await client.get("/v1/asks/7")
    assert problem_of(answer) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("method", ["OPTIONS", "DELETE", "TRACE", "BREW"])
async def test_a_wrong_method_is_told_every_right_one(client, method):
    answer = await client.request(method, "/v1/many")

    assert problem_of(answer) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, PUT"


async def test_a_refusal_keeps_its_code_whatever_its_facts(client):
    answer = await client.get("/v1/fails/poor")

    assert problem_of(answer) == (402, "no-coins")
    assert answer.json()["shortfall_coins"] == 20
    assert answer.json()["odd"] == "NaN"


async def test_an_unexpected_error_leaks_nothing_and_can_be_found_in_the_log(client):
    with structlog.testing.capture_logs() as lines:
        answer = await client.get("/v1/fails/leak", headers={"X-Request-Id": "find-me"})

    assert problem_of(answer) == (500, "internal-error")
    assert answer.json()["request_id"] == "find-me"
    assert "hunter2" not in answer.text
    assert [line["event"] for line in lines] == ["request.failed", "request.answered"]
    assert (lines[0]["exc_info"], lines[1]["log_level"]) == (FAILURES["leak"], "info")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("away", (503, "database-unavailable")),
        ("deadlock", (409, "try-again")),
        ("closed", (503, "closed")),
    ],
)
async def test_what_waiting_helps_says_when_to_come_back(client, how, expected):
    answer = await client.get(f"/v1/fails/{how}")

    assert problem_of(answer) == expected
    assert answer.headers["retry-after"] == "1"
    assert "10.0.0.7" not in answer.text


@pytest.mark.parametrize(("how", "counted"), [("deadlock", 1), ("away", 0)])
async def test_a_key_whose_first_request_has_not_committed_is_counted(client, how, counted):
    route = "/v1/fails/{how}"
    before = keys_counted(route)

    await client.get(f"/v1/fails/{how}", headers={"Idempotency-Key": "key"})
    await client.get(f"/v1/fails/{how}")

    assert since(before, keys_counted(route)) == [0, 0, 0, counted]


async def test_an_error_in_another_middleware_is_a_problem_too(app):
    def broken(_inner):
        async def refuse_all(_scope, _receive, _send):
            raise ConnectionResetError("secret")

        return refuse_all

    app.add_middleware(broken)
    async with client_of(app) as client:
        answer = await client.get("/livez")

    assert problem_of(answer) == (503, "database-unavailable")


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


@pytest.mark.parametrize(
    "values", [[], [7], ["2026-01-01T00:00:00+00:00", "ü-🌹", 2**63 - 1], [2**63 - 1, "🌹" * 255]]
)
def test_a_cursor_comes_back_as_it_went(values):
    assert decode_cursor(encode_cursor(values)) == values


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!!!",
        "ü",
        "e30",
        encode_cursor([2**63]),
        encode_cursor(["\x00"]),
        "WyJcdWQ4MDAiXQ",  # half of a surrogate pair
        "W3RydWVd",  # [true]
        "WzEuNV0",  # [1.5]
        "W1tbW1tb" * 5_000,
        base64.urlsafe_b64encode(json.dumps([1] * 1_000).encode()).decode(),  # sound, but too long
    ],
)
async def test_a_cursor_that_we_did_not_make_is_refused(client, cursor):
    with pytest.raises(BadCursor):
        decode_cursor(cursor)
    answer = await client.get("/v1/lists", params={"cursor": cursor})
    assert problem_of(answer) == (400, "bad-cursor")


@pytest.mark.parametrize("limit", [0, 101, "many"])
async def test_a_page_has_a_largest_size(client, limit):
    answer = await client.get("/v1/lists", params={"cursor": encode_cursor([1]), "limit": limit})

    assert problem_of(answer) == (422, "invalid-request")


@pytest.mark.parametrize("until", ["0", "1.5", "-1", "946684800", "2000-01-01", "2000-01-01T00:00"])
async def test_a_moment_is_written_and_never_counted_in_seconds(client, until):
    good = await client.get("/v1/days", params={"until": "2000-01-01T00:00:00+01:00"})
    bad = await client.get("/v1/days", params={"until": until})

    assert good.json() == "1999-12-31T23:00:00+00:00"
    assert problem_of(bad) == (422, "invalid-request")


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:00:00-01:00"])
async def test_a_moment_outside_of_time_is_refused(client, until):
    answer = await client.get("/v1/days", params={"until": until})

    assert problem_of(answer) == (422, "invalid-request")


def test_a_fingerprint_sees_values_and_not_their_order():
    first = Ask.model_validate_json('{"coins": 5, "note": "a"}')
    turned = Ask.model_validate_json('{"note": "a", "coins": 5}')

    assert fingerprint(first) == fingerprint(turned)
    assert fingerprint(first) != fingerprint(Ask(coins=6, note="a"))
    assert fingerprint(Ask(coins=5)) == fingerprint(Ask(coins=5, note=""))


def test_a_request_that_is_repeated_after_an_upgrade_with_a_new_optional_field_is_the_same():
    class NewAsk(Ask):
        mood: str | None = None

    before = fingerprint(Ask(coins=5))

    assert fingerprint(NewAsk(coins=5)) == before
    assert fingerprint(NewAsk(coins=5, mood="sunny")) != before


async def test_the_description_shows_our_problems_and_not_the_frameworks(client):
    document = (await client.get("/openapi.json")).json()
    operation = document["paths"]["/v1/asks/{ask}"]["post"]
    answers = operation["responses"]

    assert "HTTPValidationError" not in json.dumps(document)
    assert "`key-reused`" in answers["422"]["description"]
    assert "`invalid-request`" in answers["422"]["description"]
    assert "`malformed-json`" in answers["400"]["description"]
    assert "`no-coins`: There are not enough coins." in answers["402"]["description"]
    assert list(answers["402"]["content"]) == ["application/problem+json"]
    wishes = document["paths"]["/v1/wishes"]["post"]["responses"]["422"]["content"]
    schema = wishes["application/problem+json"]["schema"]["$ref"].rsplit("/", 1)[1]
    assert "errors" in document["components"]["schemas"][schema]["required"]
    (key,) = [given for given in operation["parameters"] if given["in"] == "header"]
    assert (key["name"], key["required"]) == ("Idempotency-Key", True)
    assert (await client.get("/docs")).status_code == 404


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
