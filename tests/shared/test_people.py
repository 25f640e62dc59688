"""Nobody acts on themselves: one rule, in every route for operators of every service."""

from uuid import uuid4

import pytest

from deploy.config.services import DATABASES
from shared.http.people import OPERATOR_ROUTES, PERSON_FIELDS
from shared.identity.people import OwnMoney, require_other_person, same_person
from tests.clients import a_token, client_of

OPS = "Ops-1"
SPELLINGS = ["Ops-1", "ops-1", " OPS-1", "\uff2fps-1", "o\u200bps-1"]
# Routes that name nobody: what they are about is not one person's, or the command looks whose.
NAMES_NOBODY = {
    "GET /v1/operator/gift/latency",
    "GET /v1/operator/wallet/flow",
    "GET /v1/operator/webhooks/teams",
    "GET /v1/operator/bank-files",
    "GET /v1/operator/bank-files/{file}",
    "GET /v1/operator/finance/dormant",
    "GET /v1/operator/finance/forecast",
    "GET /v1/operator/finance/payable",
    "GET /v1/operator/gift/books",
    "GET /v1/operator/gifts/catalogue",
    "GET /v1/operator/gifts/catalogue/{gift_type}",
    "GET /v1/operator/gifts/catalogue/{gift_type}/prices",
    "GET /v1/operator/live/books",
    "GET /v1/operator/payees",
    "GET /v1/operator/payout-appeals",
    "GET /v1/operator/payout/bonuses",
    "GET /v1/operator/payout/books",
    "GET /v1/operator/payout/trial-balance",
    "GET /v1/operator/payouts",
    "GET /v1/operator/purchase/books",
    "GET /v1/operator/purchase/campaigns",
    "GET /v1/operator/purchase/disputes",
    "GET /v1/operator/purchase/receipts",
    "GET /v1/operator/purchase/refunds",
    "GET /v1/operator/purchase/trial-balance",
    *(f"GET /v1/operator/{service}/operations" for service in DATABASES),
    *(f"GET /v1/operator/{service}/messages/{{message}}" for service in DATABASES),
    *(f"GET /v1/operator/{service}/dead-letters" for service in DATABASES),
    # Whom a dead letter is about stands in its event: tests/shared/messaging/test_dead_letters.py.
    *(f"POST /v1/operator/{service}/dead-letters/{{dead_letter}}/redrive" for service in DATABASES),
    "GET /v1/operator/wallet/books",
    "GET /v1/operator/wallet/breakage",
    "GET /v1/operator/wallet/liability",
    "GET /v1/operator/wallet/trial-balance",
    "PATCH /v1/operator/gifts/catalogue/{gift_type}",
    "POST /v1/operator/bank-files",
    "POST /v1/operator/bank-reports",
    "POST /v1/operator/gifts/catalogue",
    "DELETE /v1/operator/gifts/files/{file}",
    "GET /v1/operator/gifts/files",
    "POST /v1/operator/gifts/files",
    "PUT /v1/operator/gifts/catalogue/{gift_type}",
    "PUT /v1/operator/purchase/campaigns/{campaign}",
    # An adjustment's user and a room's owner are looked up: tests of these services.
    "POST /v1/operator/payout/adjustments/{adjustment}/approve",
    "POST /v1/operator/payout/adjustments/{adjustment}/reject",
    "POST /v1/operator/wallet/adjustments/{adjustment}/approve",
    "POST /v1/operator/wallet/adjustments/{adjustment}/reject",
    "DELETE /v1/operator/live/rooms/{room}/owner",
    # So are those of what is found by its id.
    "GET /v1/operator/live/gifts/{gift}",
    "GET /v1/operator/payout/payouts/{payout}",
    "GET /v1/operator/purchase/purchases/{purchase}",
}


def operator_routes(apps):
    """Each operator route of each service, with the fields in which it names people."""
    for app in apps.values():
        document = app.openapi()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if path.startswith(OPERATOR_ROUTES):
                    yield app, method.upper(), path, fields_of(document, operation)


def fields_of(document, operation):
    """What may be said to a route: (where, name) of its parameters and of its body's fields."""
    found = {(each["in"], each["name"]) for each in operation.get("parameters", [])}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = body.get("schema", {}).get("$ref", "").rpartition("/")[2]
    properties = document["components"]["schemas"].get(schema, {}).get("properties", {})
    return found | {("body", name) for name in properties}


async def ask(app, method, path, where, name, user):
    token = a_token(OPS, roles=["operator"], scope="whatever")
    for known in ("user", "viewer", "creator"):
        path = path.replace(f"{{{known}}}", user if name == known else "somebody")
    path = path.replace("{period}", "day").replace("{room}", "room-1")
    path = "/".join(str(uuid4()) if part.startswith("{") else part for part in path.split("/"))
    query = {name: user} if where == "query" else None
    body = {name: user} if where == "body" else None
    async with client_of(app, token) as client:
        return await client.request(method, path, params=query, json=body)


async def test_no_operator_route_that_names_a_person_lets_one_act_on_oneself(apps):
    asked = 0
    for app, method, path, fields in operator_routes(apps):
        for where, name in sorted(fields):
            if name not in PERSON_FIELDS:
                continue
            for user in SPELLINGS:
                answer = await ask(app, method, path, where, name, user)
                refused = answer.status_code, answer.json()["code"]
                assert refused == (403, "own-money"), f"{method} {path} {where} {user!r}"
                asked += 1
    assert asked >= 15 * len(SPELLINGS)


async def test_every_other_operator_route_is_known_to_name_nobody(apps):
    """A new route either names people as all do, or somebody has thought about it."""
    nobody = {
        f"{method} {path}"
        for _, method, path, fields in operator_routes(apps)
        if not {name for _, name in fields} & PERSON_FIELDS
    }

    assert nobody == NAMES_NOBODY


async def test_every_operator_route_that_names_a_person_says_so_in_its_description(apps):
    for app, method, path, fields in operator_routes(apps):
        if {name for _, name in fields} & PERSON_FIELDS:
            answers = app.openapi()["paths"][path][method.lower()]["responses"]
            assert "own-money" in answers["403"]["description"], f"{method} {path}"


async def test_an_operator_reads_about_others_and_a_viewer_is_no_operator(apps):
    """Neither is refused as oneself: the one has no scope here, the other no role either."""
    path = "/v1/operator/wallets/mira/freeze"
    tokens = a_token("ann", roles=["operator"]), a_token("mira", scope="wallets:freeze")
    for token in tokens:
        async with client_of(apps["wallet"], token) as client:
            answer = await client.post(path, json={"reason": "because"})
        assert answer.json()["code"] == "scope-missing"


@pytest.mark.parametrize("body", [b"[" * 60_000, b"\xff", b"[]", b"null", b'"ops-1"', b""])
async def test_a_body_that_names_nobody_is_refused_for_what_it_is(apps, body):
    token = a_token("ops-1", roles=["operator"], scope="adjustments:write")
    async with client_of(apps["wallet"], token) as client:
        answer = await client.post(
            "/v1/operator/wallet/adjustments",
            content=body,
            headers={"Content-Type": "application/json"},
        )

    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("user", SPELLINGS)
def test_one_person_is_one_however_the_id_is_spelt(user):
    with pytest.raises(OwnMoney):
        require_other_person(operator=OPS, user=user)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ops-1", "ops\ufe0f-1"),
        ("ops-1", "ops-1\U000e0101"),
        ("ops-1", "\u3164ops-1"),
        ("ops-1", "o\u034fps-1"),
        ("ren\u00e9", "rene\u200b\u0301"),
    ],
    ids=ascii,
)
def test_what_nobody_sees_makes_no_other_person(one, other):
    assert same_person(one, other)


@pytest.mark.parametrize("user", ["ops-2", "ops 1", "ops_1", "ops-1-", "0ps-1"])
def test_other_ids_are_other_people(user):
    assert not same_person(OPS, user)
