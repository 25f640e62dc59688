"""A viewer without coins can ask for so many gifts: each would be kept for ever."""

import asyncio
from uuid import UUID

import pytest

from services.gift.domain.admissions import UNPAID_GIFTS
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.deliveries import announced
from tests.gift.conftest import paid, refused

N = UNPAID_GIFTS.count_max


@pytest.fixture
async def noa(app):
    async with client_of(app, a_token("noa")) as client:
        yield client


async def give(client, key):
    body = {"gift_type": "g_tea", "creator": "lea", "room": "room-1"}
    headers = {"Idempotency-Key": key, "Prefer": "respond-async"}
    return await client.post("/v1/gifts", json=body, headers=headers)


async def ask_for(client, count, *, since=0):
    answers = await asyncio.gather(
        *(give(client, f"key-{number}") for number in range(since, since + count))
    )
    return [answer.json().get("gift") or answer.json()["code"] for answer in answers]


def ids(said):
    return [UUID(each) for each in said if each != "too-often"]


async def kept(database, viewer="mira"):
    async with database.transaction() as tx:
        statement = text("SELECT count(*) FROM gifts WHERE viewer = :viewer")
        return (await tx.execute(statement, {"viewer": viewer})).scalar_one()


async def test_refused_gifts_are_kept_so_many_and_more_are_not(mira, wallet_says, database):
    gifts = ids(await ask_for(mira, N))
    await wallet_says(*(refused(gift) for gift in gifts))

    answer = await give(mira, "one-more")

    assert (answer.status_code, answer.json()["code"]) == (429, "too-often")
    assert 0 < int(answer.headers["Retry-After"]) <= UNPAID_GIFTS.seconds
    assert await kept(database) == N
    assert len(await announced(database, "gift.requested")) == N


async def test_at_once_and_undecided_there_are_no_more_than_that(mira, database):
    said = await ask_for(mira, N + 20)

    assert said.count("too-often") == 20
    assert await kept(database) == N


async def test_what_was_asked_for_before_is_answered_as_before(mira, wallet_says):
    first = await ask_for(mira, N)
    await wallet_says(*(refused(gift) for gift in ids(first)))

    again = await give(mira, "key-7")

    assert (again.status_code, again.json()["code"]) == (402, "insufficient-coins")


async def test_who_pays_is_never_slowed_down(mira, wallet_says, database):
    for round_of in range(3):
        said = await ask_for(mira, N - 10, since=round_of * N)
        assert "too-often" not in said
        await wallet_says(*(paid(gift) for gift in ids(said)))
    assert await kept(database) == 3 * (N - 10)


async def test_another_viewer_gives_meanwhile(mira, noa):
    await ask_for(mira, N + 1)
    assert (await give(noa, "a")).status_code == 202


async def test_after_a_while_one_can_ask_again(mira, wallet_says, database):
    gifts = ids(await ask_for(mira, N))
    await wallet_says(*(refused(gift) for gift in gifts))
    assert (await give(mira, "b")).status_code == 429
    async with database.part_for("mira").transaction() as tx:
        statement = "UPDATE quotas SET began_at = began_at - make_interval(secs => :seconds)"
        await tx.execute(text(statement), {"seconds": float(UNPAID_GIFTS.seconds)})

    assert (await give(mira, "b")).status_code == 202
    await wallet_says(refused(ids(await ask_for(mira, 1, since=1_000))[0]))
    async with database.transaction() as tx:
        assert (await tx.execute(text("SELECT used FROM quotas"))).scalar_one() == 1


async def test_a_refusal_that_is_heard_again_counts_once(mira, wallet_says, database):
    (gift,) = ids(await ask_for(mira, 1))
    for _ in range(3):
        await wallet_says(refused(gift))
    async with database.transaction() as tx:
        assert (await tx.execute(text("SELECT used FROM quotas"))).scalar_one() == 1
