"""What an operator reads about a person is written down before it is answered."""

from uuid import uuid4

import pytest

from deploy.config.databases import fetch, run_sql
from shared.postgres.statements import text
from tests.clients import a_token, client_of

SCOPES = "wallets:read audit:read"


@pytest.fixture
async def ann(app):
    async with client_of(app, a_token("ann", roles=["operator"], scope=SCOPES)) as client:
        yield client


def gifts_of(user):
    return f"/v1/operator/wallets/{user}/purchases/{uuid4()}/gifts"


@pytest.fixture
def readers(ann):
    async def lines():
        found = (await ann.get("/v1/operator/wallet/audit", params={"limit": 100})).json()["items"]
        return [(line["operator"], line["user"]) for line in found if line["action"] == "read"]

    return lines


async def test_each_reading_is_a_line_with_the_request_it_was(ann, readers):
    headers = {"X-Request-Id": "story-7"}
    for user in ("mira", "lea"):
        assert (await ann.get(gifts_of(user), headers=headers)).status_code == 200

    assert await readers() == [("ann", "lea"), ("ann", "mira")]
    (line, _) = (await ann.get("/v1/operator/wallet/audit")).json()["items"]
    assert line["facts"]["request_id"] == "story-7"
    assert line["reason"].startswith("GET /v1/operator/wallets/lea/purchases/")


async def test_who_may_not_read_leaves_no_line(app, readers):
    """Else strangers could fill the log."""
    for token in (a_token("mallory"), a_token("mallory", roles=["operator"], scope="books:read")):
        async with client_of(app, token) as mallory:
            assert (await mallory.get(gifts_of("mira"))).status_code == 403

    assert await readers() == []


@pytest.mark.parametrize("user", ["a%00b", "%20", "a" * 256])
async def test_what_is_nobodys_id_is_refused_and_no_line(ann, readers, user):
    assert (await ann.get(gifts_of(user))).status_code == 422
    assert await readers() == []


async def test_what_cannot_be_written_down_is_not_read(ann, database, postgres):
    async with database.transaction() as tx:
        name = (await tx.execute(text("SELECT current_database() AS name"))).one().name
    run_sql(postgres.dsn(name), ["REVOKE INSERT ON audit FROM wallet"])

    answer = await ann.get(gifts_of("mira"))

    assert (answer.status_code, "items" in answer.json()) == (500, False)
    assert fetch(postgres.dsn(name), "SELECT 1 FROM audit") == []
