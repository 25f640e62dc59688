"""Routes: whose objects a caller may touch, and what a token has to allow."""

import pytest

from shared.http import UserId, build_app
from shared.http.auth import Caller, require_own, require_scope
from tests.clients import a_token, a_verifier, client_of


@pytest.fixture
async def client():
    app = build_app(title="Shop", description="Sells.", verifier=a_verifier(), database=None)

    @app.get("/v1/wallets/{user}")
    async def read(user: UserId, caller: Caller) -> str:
        require_own(caller, user)
        return caller.user

    @app.get("/v1/operator/books")
    async def books(caller: Caller) -> str:
        require_scope(caller, "books:read")
        return caller.user

    async with client_of(app) as client:
        yield client


async def get(client, path, authorization=None):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await client.get(path, headers=headers)
    return answer.status_code, answer.json()


async def test_one_s_own_is_read_and_somebody_else_s_is_not(client):
    token = f"bEaReR {a_token('mira')}"

    assert await get(client, "/v1/wallets/mira", token) == (200, "mira")
    status, problem = await get(client, "/v1/wallets/nils", token)
    assert (status, problem["code"]) == (403, "not-yours")


@pytest.mark.parametrize(
    ("authorization", "why"),
    [(None, "missing"), ("Basic bTpt", "malformed"), ("Bearer", "malformed"), ("x", "malformed")],
)
async def test_without_a_bearer_token_nobody_is_anybody(client, authorization, why):
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = await client.get("/v1/wallets/mira", headers=headers)

    assert (answer.status_code, answer.json()["reason"]) == (401, why)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "spelt",
    ["Bearer  {}", "Bearer\t{}", "Bearer {} ", "Bearer {} x", "Bearer {},", "Bearer %20{}", " {}"],
)
async def test_a_token_has_one_spelling_or_each_would_be_another_caller(client, spelt):
    status, problem = await get(client, "/v1/wallets/mira", spelt.format(a_token("mira")))

    assert (status, problem["code"], problem["reason"]) == (401, "unauthenticated", "malformed")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"roles": ["operator"], "scope": "books:read"}, 200),
        ({"roles": ["operator"], "scope": "books:reader"}, 403),
        ({"roles": ["viewer"], "scope": "books:read"}, 403),
        ({"roles": "operators", "scope": "books:read"}, 403),
    ],
)
async def test_operators_need_the_role_and_the_scope(client, claims, expected):
    status, _ = await get(client, "/v1/operator/books", f"Bearer {a_token('ops', **claims)}")

    assert status == expected


async def test_the_description_says_which_routes_want_a_token(client):
    document = (await client.get("/openapi.json")).json()

    assert document["paths"]["/v1/operator/books"]["get"]["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
