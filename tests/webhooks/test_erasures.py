"""A person who is erased is in no event that is kept here."""

from datetime import timedelta
from uuid import uuid4

import pytest
from aiohttp import web

from services.webhooks.commands.deliveries import delete_old
from services.webhooks.domain.personal_data import PERSON_FIELDS, people_in
from services.webhooks.store.personal_data import PERSONAL_DATA
from shared.backoffice.erasures import erase
from shared.contracts.base import USER_ID_CHARACTERS_MAX
from shared.contracts.routes import EVENTS
from shared.postgres.statements import text
from tests.deliveries import an_erasure, announced
from tests.live.conftest import a_gift_sent


@pytest.fixture
def bodies(database):
    async def read():
        async with database.transaction() as tx:
            rows = await tx.execute(text("SELECT body FROM events WHERE body IS NOT NULL"))
        return [row.body for row in rows]

    return read


@pytest.mark.parametrize("field", ["viewer", "creator"])
async def test_delivered_events_and_their_answers_lose_who_is_erased(
    add, hear, working, receiver, ended, database, bodies, field, charts
):
    made = await add(receiver.url)
    receiver.answer = lambda _: web.Response(text="hello zoe")
    mine, other = a_gift_sent(**{field: "zoe"}), a_gift_sent()
    await hear(mine, other)
    async with working():
        await ended()

    await hear(an_erasure("zoe")[1], queue="webhooks.erasures")

    (left,) = await bodies()
    assert "zoe" not in left
    path = f"/v1/teams/me/endpoints/{made['endpoint']}/deliveries"
    shown = (await charts.get(f"{path}/{mine.id}")).json()
    assert (shown["document"], shown["tried"][0]["answer"]) == (None, None)
    (told,) = await announced(database, "webhooks.data_erased")
    counted = {each["kind"]: each["count"] for each in told["kinds"]}
    assert counted == {"delivery_answers": 1, "delivered_events": 1}
    replayed = await charts.post(
        f"/v1/teams/me/endpoints/{made['endpoint']}/replays",
        json={"event": str(mine.id)},
        headers={"Idempotency-Key": uuid4().hex},
    )
    assert replayed.json() == {"deliveries": 0}


async def test_what_is_still_to_be_sent_is_sent_and_erased_afterwards(
    add, hear, working, receiver, ended, database, bodies
):
    await add(receiver.url)
    await hear(a_gift_sent(viewer="zoe"))
    _, erased = an_erasure("zoe")
    await hear(erased, queue="webhooks.erasures")
    assert len(await bodies()) == 1

    async with working():
        assert await ended() == {"delivered": 1}
    async with database.transaction() as tx:
        await erase(tx, "zoe", erased.erasure, PERSONAL_DATA)

    assert await bodies() == []


async def test_what_is_old_is_deleted_and_what_waits_is_not(
    add, hear, working, receiver, ended, database, states
):
    await add(receiver.url)
    await hear(a_gift_sent())
    async with working():
        await ended()
    await hear(a_gift_sent())

    async with database.transaction() as tx:
        assert not await delete_old(tx, timedelta(0))

    assert await states() == {"pending": 1}


def _fields_of(schema, found):
    """Names of fields whose value is a user's id, wherever in a schema."""
    for name, each in schema.get("properties", {}).items():
        inner = [each, each.get("items", {}), *each.get("anyOf", ())]
        inner += [part.get("items", {}) for part in each.get("anyOf", ())]
        if any(part.get("maxLength") == USER_ID_CHARACTERS_MAX for part in inner):
            found.add(name)
    for each in schema.get("$defs", {}).values():
        _fields_of(each, found)
    return found


def test_every_field_of_an_event_that_names_a_person_is_known():
    named = set()
    for event in EVENTS:
        _fields_of(event.model_json_schema(), named)

    assert named == PERSON_FIELDS


def test_people_are_found_wherever_they_are_in_an_event():
    event = {"viewer": "mira", "guests": ["tomas", "lea"], "shares": [{"creator": "lea"}], "n": 1}

    assert people_in(event) == ("lea", "mira", "tomas")
