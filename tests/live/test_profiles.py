"""How people are shown: what their tokens say is noted, and goes when they are erased."""

import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.live.commands import profiles
from services.live.commands.profiles import ProfileNotes
from services.live.store.profiles import erase_late_notes
from shared.contracts.gift import UserErased
from shared.identity.tokens import Identity
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.searching import tables_with

SUB = "auth0|5f7c9b1e2a3d4c5b6a798081"
FACE = "https://cdn.example/mira.webp"
ERASED = text("""
    INSERT INTO erased_users (user_id, erasure, erased_at)
    VALUES (:user, gen_random_uuid(), now() - make_interval(secs => :seconds))
""")


@pytest.fixture
def notes(app):
    return app.state.profile_notes


@pytest.fixture
def say(app):
    """Let a person with a token say who they are; return how they are shown."""

    async def note(user=SUB, **claims):
        async with client_of(app, a_token(user, **claims)) as client:
            answer = await client.put("/v1/people/me")
            assert answer.status_code == 200, answer.text
            return answer.json()

    return note


@pytest.fixture
def shown(mira):
    """How others see people."""

    async def read(*users):
        answer = await mira.get("/v1/people", params=[("id", user) for user in users])
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    return read


@pytest.fixture
def count_statements(notes, monkeypatch):
    """Count how often notes are saved."""
    saved = []
    real = profiles.save_notes

    async def save(tx, given):
        saved.append(len(given))
        await real(tx, given)

    monkeypatch.setattr(profiles, "save_notes", save)
    return saved


async def test_a_person_is_shown_by_the_name_and_the_picture_of_their_token(say, shown):
    said = await say(name="Mira Sol", picture=FACE)
    known = {"user": SUB, "name": "Mira Sol", "picture": FACE}
    assert said == known
    assert await shown(SUB, "stranger") == [
        known,
        {"user": "stranger", "name": None, "picture": None},
    ]


async def test_each_person_is_answered_once_and_in_the_order_of_the_question(shown, say):
    await say("b", name="Bea")
    assert [one["user"] for one in await shown("c", "b", "a", "b")] == ["c", "b", "a"]


async def test_more_people_than_a_page_has_are_refused(mira):
    ids = [("id", str(number)) for number in range(51)]
    assert (await mira.get("/v1/people", params=ids)).status_code == 422
    assert (await mira.get("/v1/people")).status_code == 422


async def test_nobody_is_read_without_a_token(app):
    async with client_of(app) as client:
        assert (await client.get("/v1/people?id=mira")).status_code == 401
        assert (await client.put("/v1/people/me")).status_code == 401


async def test_whoever_follows_a_room_is_known_by_name(follow, notes, shown):
    await follow(a_token(SUB, name="Mira Sol"))
    await notes.save()
    assert (await shown(SUB))[0]["name"] == "Mira Sol"


async def test_a_creator_who_goes_live_is_known_by_name(app, notes, shown):
    async with client_of(app, a_token("x9", roles=["creator"], name="Lea Luna")) as lea:
        assert (await lea.put("/v1/rooms/room-1/stream", json={})).is_success
    await notes.save()
    assert (await shown("x9"))[0]["name"] == "Lea Luna"


async def test_a_token_that_was_noted_costs_no_statement_any_more(app, notes, count_statements):
    token = a_token(SUB, name="Mira Sol")
    async with client_of(app, token) as client:
        for _ in range(3):
            await client.put("/v1/people/me")
    caller = Identity(SUB, name="Mira Sol", issued_at=int(time.time()) - 1)
    for _ in range(3):
        notes.take(caller)
        await notes.save()
    assert count_statements == [1, 1]


async def test_many_who_come_at_once_are_one_statement(notes, count_statements, shown):
    now = time.time()
    for number in range(120):
        notes.take(Identity(f"u{number}", name=f"Number {number}", issued_at=now))
    await notes.save()
    assert count_statements == [120]
    assert (await shown("u7"))[0]["name"] == "Number 7"


async def test_a_token_that_says_nothing_is_not_noted(notes, count_statements, say):
    assert await say() == {"user": SUB, "name": None, "picture": None}
    notes.take(Identity(SUB, issued_at=1.0))
    await notes.save()
    assert count_statements == []


async def test_an_older_token_takes_no_newer_name_away(say, shown):
    now = int(time.time())
    await say(name="New", iat=now)
    await say(name="Old", iat=now - 60)
    assert (await shown(SUB))[0]["name"] == "New"


async def test_a_claim_of_another_type_is_as_good_as_none(say):
    said = await say(name={"first": "Mira"}, picture=7)
    assert said == {"user": SUB, "name": None, "picture": None}


async def test_what_waits_is_bounded(database, monkeypatch):
    monkeypatch.setattr(profiles, "WAITING_MAX", 2)
    notes = ProfileNotes(database)
    for number in range(5):
        notes.take(Identity(f"u{number}", name="Somebody", issued_at=1.0))
    await notes.save()
    async with database.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM people"))).scalar_one() == 2


async def test_an_erased_person_is_shown_to_nobody(say, shown, receive, database):
    await say(name="Words of Mira", picture=FACE, iat=int(time.time()) - 5)
    await receive(UserErased(erasure=uuid4(), user=SUB, erased_at=datetime.now(UTC)))
    assert await shown(SUB) == [{"user": SUB, "name": None, "picture": None}]
    assert await tables_with(database, "Words of Mira") == []


async def test_a_token_of_before_the_erasure_brings_nobody_back(say, shown, receive):
    before = int(time.time()) - 5
    await receive(UserErased(erasure=uuid4(), user=SUB, erased_at=datetime.now(UTC)))
    await say(name="Mira Sol", iat=before)
    # Nor does one that does not say when it was made.
    await say(name="Mira Sol", iat=None, auth_time=None)
    assert (await shown(SUB))[0]["name"] is None


async def test_who_signs_in_again_after_the_erasure_is_shown_again(database, say, shown):
    async with database.transaction() as tx:
        await tx.execute(ERASED, {"user": SUB, "seconds": 120.0})
    await say(name="Mira Again", iat=int(time.time()) - 30)
    assert (await shown(SUB))[0]["name"] == "Mira Again"


async def test_a_token_of_a_clock_that_was_ahead_brings_nobody_back_later(database, say, shown):
    """It was made before the erasure, and says that it was made some seconds after it."""
    async with database.transaction() as tx:
        await tx.execute(ERASED, {"user": SUB, "seconds": 20.0})
    await say(name="Mira Sol", iat=int(time.time()) - 5)
    assert (await shown(SUB))[0]["name"] is None


async def test_a_clock_that_is_ahead_makes_no_token_newer_than_the_erasure(say, shown, receive):
    await receive(UserErased(erasure=uuid4(), user=SUB, erased_at=datetime.now(UTC)))
    await say(name="Mira Sol", iat=int(time.time()) + 20)
    await receive(UserErased(erasure=uuid4(), user=SUB, erased_at=datetime.now(UTC)))
    assert (await shown(SUB))[0]["name"] is None


async def test_a_note_that_was_written_during_the_erasure_goes_later(database, say, shown):
    await say(name="Mira Sol", iat=int(time.time()) - 5)
    async with database.transaction() as tx:
        # As the erasure leaves it that did not see the note yet.
        await tx.execute(ERASED, {"user": SUB, "seconds": 0.0})
    async with database.transaction() as tx:
        await erase_late_notes(tx)
    assert (await shown(SUB))[0]["name"] is None


async def test_an_export_has_the_name_that_is_kept(app, say):
    await say(name="Mira Sol", picture=FACE)
    async with client_of(app, a_token(SUB)) as client:
        lines = (await client.get("/v1/me/export/live")).text
    assert '"kind":"people"' in lines
    assert "Mira Sol" in lines
    assert FACE in lines
