"""Viewers in many parts: gifts, messages and totals are as if they were in one."""

import pytest

from services.gift import jobs
from services.gift.commands.intake import admitting
from services.gift.commands.messages import held_messages
from services.gift.commands.queries import read_books
from services.gift.commands.requests import request_gifts
from shared.postgres.errors import is_unavailable
from shared.postgres.statements import text
from tests.clients import a_token, an_operator_token, client_of
from tests.deliveries import announced
from tests.gift.conftest import CATALOGUE, a_request, paid, take_in
from tests.parts import in_every_part

VIEWERS = ("mira", "noa", "jonas", "ida")
LEA = "/v1/gifts/creators/lea"


@pytest.fixture
def database(database_of):
    return database_of("gift", part_count=16)


@pytest.fixture
def give(app):
    """Let a viewer give to Lea, and return the gift."""

    async def ask(viewer, **body):
        gift = {"gift_type": "g_tea", "creator": "lea", "room": "room-1", **body}
        headers = {"Idempotency-Key": "one", "Prefer": "respond-async"}
        async with client_of(app, a_token(viewer)) as client:
            return (await client.post("/v1/gifts", json=gift, headers=headers)).json()["gift"]

    return ask


async def test_the_viewers_of_these_tests_are_in_parts_of_their_own(database):
    assert len({database.part_for(viewer).number for viewer in VIEWERS}) == len(VIEWERS)


async def test_a_gift_stands_though_the_session_that_kept_its_creators_rules_still_is_lost(
    database, hear
):
    """Who asked hears no answer, asks again under the same key, and finds the one gift."""
    asked = [a_request("mira", "lea")]
    with pytest.raises(Exception) as lost:  # noqa: PT011, PT012 - it fails when it ends
        async with admitting(database, database.part_for("mira"), asked) as (tx, known):
            gift, *_ = await request_gifts(tx, asked, known, CATALOGUE, anybody_may_receive=True)
            await lose_who_waits_in_a_transaction(database)
    assert is_unavailable(lost.value)

    (again,) = await take_in(database, *asked)
    await hear(paid(gift.id, coins=1))

    assert again.id == gift.id
    assert len(await announced(database, "gift.requested")) == 1
    assert len(await announced(database, "gift.sent")) == 1


async def lose_who_waits_in_a_transaction(database):
    """Kill every session that holds locks of creators and rooms."""
    async with database.part_for("noa").transaction() as tx:
        await tx.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                " AND mode = 'ShareLock' AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        )


async def test_a_creator_reads_and_decides_about_messages_of_all_viewers(app, give, hear, database):
    async with client_of(app, a_token("lea", roles=["creator"])) as lea:
        await lea.put(f"{LEA}/rules", json={"gifts_off": False, "hold_messages": True})
        gifts = [await give(viewer, message="Hello") for viewer in VIEWERS]
        await hear(*(paid(gift, viewer=who) for gift, who in zip(gifts, VIEWERS, strict=True)))

        first = (await lea.get(f"{LEA}/messages?limit=3")).json()
        rest = (await lea.get(f"{LEA}/messages?limit=3&cursor={first['next_cursor']}")).json()
        answers = [
            await lea.put(f"{LEA}/messages/{gift}", json={"state": "shown"}) for gift in gifts
        ]

    assert [each["gift"] for each in first["items"] + rest["items"]] == gifts
    assert (len(rest["items"]), rest["next_cursor"]) == (1, None)
    assert [answer.status_code for answer in answers] == [200] * len(VIEWERS)
    assert await held_messages(database, "lea", after=None, limit=10) == []


async def test_books_and_an_operators_look_find_gifts_in_every_part(app, give, hear, database):
    gifts = {viewer: await give(viewer) for viewer in VIEWERS}
    await hear(paid(gifts["mira"]), paid(gifts["noa"], viewer="noa"))

    books = await read_books(database)
    async with client_of(app, an_operator_token("disputes:read")) as operator:
        asked = {"viewer": "noa", "gift": gifts["noa"]}
        (found,) = (await operator.get("/v1/operator/gift/sent", params=asked)).json()["items"]

    assert (books.requested, books.sent, books.coins_sent) == (2, 2, 10)
    assert (found["viewer"], found["state"]) == ("noa", "sent")


async def test_jobs_work_in_every_part(give, hear, database, catalogue_cache):
    """A combo of each viewer ends, and each gift that stays open is asked for again."""
    for viewer in VIEWERS:
        gift = await give(viewer, gift_type="g_pebble")
        await hear(paid(gift, viewer=viewer, coins=1))
    waiting = await take_in(database, *(a_request(viewer, "ida") for viewer in VIEWERS[:3]))
    await in_every_part(database, "UPDATE combos SET last_requested_at = now() - interval '9 s'")
    await in_every_part(
        database, "UPDATE open_gifts SET last_requested_at = now() - interval '11 minutes'"
    )

    for job in jobs.build(database, catalogue_cache):
        assert not await job.run()

    ended = await announced(database, "gift.combo_ended")
    assert {fact["viewer"] for fact in ended} == set(VIEWERS)
    asked = await announced(database, "gift.requested")
    repeated = {fact["gift"] for fact in asked if fact["attempt"] == 2}
    assert repeated == {str(gift.id) for gift in waiting}
