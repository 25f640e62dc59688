"""What is refused, and how a refusal reads."""

import json

import pytest
import structlog

from tests.clients import client_of
from tests.metrics import keys_counted, since
from tests.shared.http.shop import FAILURES, problem_of


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
    assert answer.headers["allow"] == "GET, HEAD, PUT"


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
