"""The base of all fakes: what it judges, and what it breaks on request."""

import json
from collections.abc import Mapping

import httpx
import pytest
from aiohttp import web

from tests.fakes.base import Answer, Call, Fake, Line
from tests.fakes.forms import MalformedForm, decode_form
from tests.fakes.judge import Contract, Contradiction, Violation
from tests.fakes.webhooks import Webhook

COINS = {
    "type": "object",
    "required": ["id", "amount"],
    "properties": {
        "id": {"type": "string"},
        "amount": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
        "note": {"type": "string", "nullable": True, "enum": ["gift", "tip"]},
        "owner": {"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/owner"}]},
        "description": {"type": "string"},
    },
}
DOCUMENT = {
    "openapi": "3.0.0",
    "components": {
        "schemas": {
            "coins": COINS,
            "owner": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}},
            },
            "gold": {
                "allOf": [
                    {"$ref": "#/components/schemas/coins"},
                    {"type": "object", "properties": {"carat": {"type": "integer"}}},
                ]
            },
            "error": {"type": "object", "properties": {"error": {"type": "string"}}},
        }
    },
    "paths": {
        "/coins": {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/x-www-form-urlencoded": {
                            "schema": {
                                "type": "object",
                                "required": ["amount"],
                                "properties": {
                                    "amount": {"type": "integer"},
                                    "tags": {"type": "array", "items": {"type": "string"}},
                                    "owner": {
                                        "anyOf": [
                                            {"$ref": "#/components/schemas/owner"},
                                            {"type": "string"},
                                        ]
                                    },
                                },
                            }
                        }
                    },
                },
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/coins"}}
                        }
                    },
                    "default": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/error"}}
                        }
                    },
                },
            }
        },
        "/coins/{coin}": {
            "get": {
                "parameters": [
                    {"name": "coin", "in": "path", "schema": {"type": "string"}},
                    {"name": "limit", "in": "query", "schema": {"type": "integer"}},
                ],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/gold"}}
                        }
                    },
                    "4XX": {"description": "Not found, or not understood."},
                },
            }
        },
    },
}


class Mint(Fake):
    """A vendor that makes coins."""

    name = "mint"

    def __init__(self, *, webhooks: str | None = None) -> None:
        super().__init__(Contract(DOCUMENT), webhooks=webhooks, secret="right")
        self.made: list[dict[str, object]] = []
        self.last: Call | None = None
        self.extra: dict[str, object] = {}

    async def answer(self, call: Call) -> Answer:
        self.last = call
        if call.operation.name == "GET /coins/{coin}":
            return Answer(200, {"id": call.path["coin"], "amount": 1, "carat": 24} | self.extra)
        coins = {"id": f"c{len(self.made)}", "amount": call.body["amount"]} | self.extra
        self.made.append(coins)
        self.lines.append(Line("payments", str(coins["id"]), "USD", call.body["amount"]))
        self.publish(f"w{len(self.made)}", "coins.made", coins, schema="coins")
        return Answer(200, coins)

    def refusal(self, violations: list[Violation]) -> Answer:
        return Answer(400, {"error": violations[0].text})

    def failure(self, status: int) -> Answer:
        return Answer(status, {"error": "broken"})

    def sign(self, webhook: Webhook, is_forged: bool) -> Mapping[str, str]:
        return {"signature": "wrong" if is_forged else webhook.endpoint.secret, "id": webhook.id}


@pytest.fixture
async def received():
    """A receiver of webhooks: its address, and what arrived there as (id, status)."""
    arrived: list[tuple[str, int]] = []
    answers: list[int] = []

    async def receive(request: web.Request) -> web.Response:
        status = 401 if request.headers["signature"] != "right" else 200
        status = answers.pop() if answers and status == 200 else status
        arrived.append((request.headers["id"], status))
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/", arrived, answers
    await runner.cleanup()


@pytest.fixture
async def mint(received):
    async with Mint(webhooks=received[0]) as fake:
        yield fake


@pytest.fixture
async def ask(mint):
    """Send a request to the fake."""
    async with httpx.AsyncClient(base_url=mint.url, timeout=5) as client:

        async def send(method: str, path: str, **values):
            return await client.request(method, path, **values)

        yield send


async def test_a_form_arrives_with_the_types_of_the_contract(mint, ask):
    answer = await ask(
        "POST", "/coins", data={"amount": "5", "tags[0]": "1", "tags[1]": "x", "owner[name]": "a"}
    )

    assert answer.json() == {"id": "c0", "amount": 5}
    assert mint.last.body == {"amount": 5, "tags": ["1", "x"], "owner": {"name": "a"}}


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"amount": "5", "tag": "x"}, ""),
        ({"amount": "five"}, "amount"),
        ({}, ""),
        ({"amount": "5", "owner[nam]": "x"}, "owner"),
        ({"amount": "5", "owner[name][x]": "x"}, "owner.name"),
    ],
)
async def test_a_request_that_the_vendor_would_not_accept_is_refused_and_kept(
    mint, ask, form, field
):
    answer = await ask("POST", "/coins", data=form)

    assert answer.status_code == 400
    assert not mint.made
    assert {violation.field for violation in mint.take_violations()} >= {field}


async def test_an_unknown_parameter_of_a_query_is_refused(mint, ask):
    assert (await ask("GET", "/coins/a%20b?limit=3")).json()["id"] == "a b"
    assert mint.last.query == {"limit": 3}
    assert (await ask("GET", "/coins/c1?limits=3")).status_code == 400
    assert [violation.text for violation in mint.take_violations()] == [
        "Additional properties are not allowed ('limits' was unexpected)",
        "this answer has no body",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": "red"},
        {"amount": 0},
        {"note": "gifts"},
        {"owner": {"name": "a", "age": 3}},
        {"owner": None},
    ],
)
async def test_an_answer_that_the_vendor_would_not_give_fails_the_test(received, wrong):
    mint = await Mint(webhooks=received[0]).start()
    mint.extra = wrong
    async with httpx.AsyncClient(base_url=mint.url) as client:
        await client.get("/coins/c1")

    with pytest.raises(Contradiction, match=r"answer 200 GET /coins/{coin}"):
        await mint.stop()


@pytest.mark.parametrize("right", [{"note": None}, {"note": "tip"}, {"owner": "x"}, {"carat": 9}])
async def test_what_the_contract_allows_is_no_contradiction(mint, ask, right):
    mint.extra = right

    assert (await ask("GET", "/coins/c1")).status_code == 200
    assert not mint.violations


async def test_a_webhook_that_the_vendor_would_not_send_fails_the_test(mint, ask):
    mint.extra = {"note": "nothing"}

    await ask("POST", "/coins", data={"amount": "5"})

    assert any("webhook coins.made" in str(each) for each in mint.take_violations())


async def test_a_lost_answer_is_of_work_that_was_done(mint, ask):
    mint.lose_answer(operation="POST /coins")

    await ask("GET", "/coins/c1")
    with pytest.raises(httpx.HTTPError):
        await ask("POST", "/coins", data={"amount": "5"})
    await ask("POST", "/coins", data={"amount": "6"})

    assert [coins["amount"] for coins in mint.made] == [5, 6]


async def test_an_error_is_of_work_that_was_not_done(mint, ask):
    mint.fail(500, times=2, operation="POST /coins")

    answers = [await ask("POST", "/coins", data={"amount": "5"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [500, 500, 200]
    assert len(mint.made) == 1


async def test_a_stalled_answer_comes_after_the_caller_has_gone(mint, ask):
    mint.stall(0.5)

    with pytest.raises(httpx.ReadTimeout):
        await ask("POST", "/coins", data={"amount": "5"}, timeout=0.05)

    assert len(mint.made) == 1


async def test_a_mistake_of_the_fake_fails_the_test_and_is_no_error_of_the_vendor(received):
    mint = await Mint(webhooks=received[0]).start()
    mint.made = None
    async with httpx.AsyncClient(base_url=mint.url) as client:
        answer = await client.post("/coins", data={"amount": "5"})

    assert answer.status_code == 500
    with pytest.raises(Contradiction, match="the fake broke: TypeError"):
        await mint.stop()


async def test_a_fault_of_an_unknown_operation_is_a_mistake(mint):
    with pytest.raises(ValueError, match="no such operation"):
        mint.fail(500, operation="POST /coin")


async def test_webhooks_come_in_order_and_again_until_they_are_taken(mint, ask, received):
    _, arrived, answers = received
    answers.append(503)

    for amount in (1, 2, 3):
        await ask("POST", "/coins", data={"amount": amount})
    await mint.webhooks.wait_until_delivered()

    assert [each for each in arrived if each[1] == 200] == [("w2", 200), ("w3", 200), ("w1", 200)]
    assert arrived[0] == ("w1", 503)
    assert [webhook.attempts for webhook in mint.sent] == [[503, 200], [200], [200]]


async def test_webhooks_are_repeated_lost_late_and_in_another_order(mint, ask, received):
    _, arrived, _ = received
    mint.repeat()
    await ask("POST", "/coins", data={"amount": 1})
    mint.lose_webhooks()
    await ask("POST", "/coins", data={"amount": 2})
    mint.reorder()
    for amount in (3, 4, 5):
        await ask("POST", "/coins", data={"amount": amount})
    await mint.webhooks.wait_until_delivered()

    assert [identifier for identifier, _ in arrived] == ["w1", "w1"]
    mint.release()
    await mint.webhooks.wait_until_delivered()
    order = [identifier for identifier, _ in arrived][2:]
    assert sorted(order) == ["w3", "w4", "w5"]
    assert order != sorted(order)
    assert [webhook.is_delivered for webhook in mint.sent] == [True, False, True, True, True]


async def test_a_forged_webhook_has_another_signature(mint, ask, received):
    await ask("POST", "/coins", data={"amount": 1})
    await mint.webhooks.wait_until_delivered()

    assert await mint.forge() == 401
    assert received[1] == [("w1", 200), ("w1", 401)]


async def test_books_add_up_the_lines_by_currency_and_kind(mint, ask):
    for amount in (3, 4):
        await ask("POST", "/coins", data={"amount": amount})
    mint.lines.append(Line("fees", "c0", "EUR", -1))

    assert mint.books() == {"USD": {"payments": 7}, "EUR": {"fees": -1}}


async def test_the_clock_of_the_vendor_is_its_own(mint):
    before = mint.now()
    mint.skew(-3600)

    assert mint.now() < before - 3500


def test_names_that_contradict_each_other_are_no_form():
    assert decode_form([("a[b][]", "1"), ("a[b][]", "2")]) == {"a": {"b": {"0": "1", "1": "2"}}}
    for wrong in ([("a", "1"), ("a", "2")], [("a", "1"), ("a[b]", "2")], [("[a", "1")]):
        with pytest.raises(MalformedForm):
            decode_form(wrong)


def test_a_whole_is_closed_and_its_parts_are_not():
    contract = Contract(json.loads(json.dumps(DOCUMENT)))
    coins = {"id": "a", "amount": 1, "carat": 1}

    assert not contract.judge_object("gold", coins, where="x")
    assert contract.judge_object("gold", coins | {"other": 1}, where="x")
