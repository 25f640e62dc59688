"""A bonus needs two operators, comes from a funder, matures, and stays whatever viewers do."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.payout.commands.maturity import mature
from services.payout.commands.republish import facts_between
from services.payout.main import build_http
from services.payout.store.finance import due
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of, is_replayed
from tests.deliveries import announced, announced_by_id, by_id, said_again
from tests.payout.books import violations
from tests.payout.conftest import HOLDING, a_gift_sent
from tests.payout.test_maturity import reversal

SCOPES = "bonuses:write audit:read books:read"
BONUS = {"diamonds": 300, "funder": "spring-campaign", "reason": "first hundred hours"}
PATH = "/v1/operator/creators/lea/bonuses"


@pytest.fixture(autouse=True)
async def books_are_right(database):
    yield
    assert await violations(database) == []


@pytest.fixture
async def app(database, provider):
    return build_http(database, a_verifier(), {"sandbox": provider}, HOLDING)


@pytest.fixture
async def person(app):
    """Clients of people, by their name."""
    clients = []

    def make(name):
        about = {"roles": ["creator"]}
        if name in ("ann", "ben", "lea-the-operator"):
            about = {"roles": ["operator"], "scope": SCOPES}
        clients.append(client_of(app, a_token(name, **about)))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


async def ask(client, *, key=None, path=PATH, **about):
    headers = {"Idempotency-Key": key or uuid4().hex}
    return await client.post(path, json={**BONUS, **about}, headers=headers)


async def decide(client, bonus, decision="approve"):
    return await client.post(f"{PATH}/{bonus}/{decision}")


async def granted(person):
    bonus = (await ask(person("ann"))).json()["bonus"]
    answer = await decide(person("ben"), bonus)
    assert answer.json()["state"] == "granted", answer.text
    return bonus


async def diamonds(client):
    earned = (await client.get("/v1/earnings/me")).json()
    return earned["pending_diamonds"], earned["available_diamonds"]


async def let_pass(database, days):
    async with database.part_for("lea").transaction() as tx:
        await mature(tx, HOLDING, now=datetime.now(UTC) + timedelta(days=days))


async def test_a_bonus_is_granted_by_a_colleague_and_matures_as_gifts_do(person, database):
    bonus = await granted(person)

    lea = person("lea")
    assert await diamonds(lea) == (300, 0)
    (held,) = (await lea.get("/v1/earnings/me")).json()["holds"]
    assert (held["diamonds"], held["reason"]) == (300, "new-creator")
    await let_pass(database, 13)
    assert await diamonds(lea) == (300, 0)
    await let_pass(database, 15)
    await let_pass(database, 15)
    assert await diamonds(lea) == (0, 300)
    (line,) = (await lea.get("/v1/earnings/me/bonuses")).json()["items"]
    assert (line["bonus"], line["funder"], line["matured"]) == (bonus, "spring-campaign", True)
    (said,) = await announced(database, "payout.bonus_earned")
    assert (said["bonus"], said["diamonds"], said["reason"]) == (bonus, 300, "first hundred hours")


async def test_the_books_have_what_each_funder_gave(person, database):
    await granted(person)
    await granted(person)

    books = (await person("ann").get("/v1/operator/payout/books")).json()
    assert (books["bonus_diamonds"], books["diamonds_earned"], books["postings_sum"]) == (600, 0, 0)
    async with database.transaction() as tx:
        found = await tx.execute(
            text(
                "SELECT sum(amount)::bigint AS given FROM postings"
                " WHERE account = '@bonus:spring-campaign'"
            )
        )
        assert found.scalar_one() == -600


async def test_nobody_grants_what_they_asked_for_or_what_is_their_own(person):
    bonus = (await ask(person("ann"))).json()["bonus"]

    assert (await decide(person("ann"), bonus)).json()["code"] == "own-bonus"
    own = await ask(person("ann"), path="/v1/operator/creators/Ann/bonuses")
    assert own.json()["code"] == "own-money"
    # Who asked may take it back.
    assert (await decide(person("ann"), bonus, "reject")).json()["state"] == "rejected"
    assert (await decide(person("ben"), bonus)).json()["code"] == "bonus-decided"
    assert (await decide(person("ben"), uuid4())).json()["code"] == "no-such-bonus"
    assert await diamonds(person("lea")) == (0, 0)


async def test_a_repeated_request_is_one_bonus(person):
    ann = person("ann")
    first, second = await ask(ann, key="spring"), await ask(ann, key="spring")
    other = await ask(ann, key="spring", diamonds=301)

    assert first.json() == second.json()
    assert [is_replayed(first), is_replayed(second)] == [False, True]
    assert other.json()["code"] == "key-reused"
    waiting = (await ann.get("/v1/operator/payout/bonuses")).json()["items"]
    assert [each["bonus"] for each in waiting] == [first.json()["bonus"]]
    assert (await ann.get(PATH)).json()["items"] == waiting


async def test_a_bonus_that_two_grant_at_once_is_given_once(person):
    bonus = (await ask(person("ann"))).json()["bonus"]

    answers = await asyncio.gather(*(decide(person("ben"), bonus) for _ in range(4)))

    assert {answer.status_code for answer in answers} == {200}
    assert await diamonds(person("lea")) == (300, 0)


async def test_a_bonus_is_granted_or_rejected_but_not_both(person):
    bonus = (await ask(person("ann"))).json()["bonus"]
    ben = person("ben")

    answers = await asyncio.gather(decide(ben, bonus), decide(ben, bonus, "reject"))

    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_a_bonus_that_waits_is_in_the_forecast_of_what_falls_due(person, database):
    await granted(person)
    now = datetime.now(UTC)

    async with database.transaction() as tx:
        before = await due(tx, now=now, until=now + timedelta(days=13), zone="UTC")
        after = await due(tx, now=now, until=now + timedelta(days=15), zone="UTC")

    assert (sum(each.diamonds for each in before), sum(each.diamonds for each in after)) == (0, 300)


async def test_what_viewers_take_back_leaves_a_bonus_alone(person, database, hear):
    gift = a_gift_sent(100)
    await granted(person)
    await hear(gift)

    await hear(reversal(gift, 1, 100))

    assert await diamonds(person("lea")) == (300, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"diamonds": number} for number in (0, -1, "5", 1.5, 1_000_000_001)),
        *({"funder": name} for name in ("", "a,b", "@earned", "A", "a" * 41, "-a")),
        {"reason": "x"},
    ],
)
async def test_a_bonus_that_cannot_be_is_refused(person, wrong):
    assert (await ask(person("ann"), **wrong)).json()["code"] == "invalid-request"


async def test_a_bonus_is_published_again_as_it_was(person, database):
    await granted(person)
    await let_pass(database, 15)

    assert by_id(await said_again(database, facts_between)) == await announced_by_id(database)
