"""Operators give rooms to creators, and take them away."""

import pytest
from structlog.testing import capture_logs

from tests.clients import a_token, an_operator_token, client_of

OWNER = "/v1/operator/live/rooms/room-1/owner"
STREAM = "/v1/rooms/room-1/stream"


@pytest.fixture
async def ops(app):
    async with client_of(app, an_operator_token("rooms:write")) as client:
        yield client


async def test_a_room_that_was_given_to_a_creator_is_not_for_the_first_who_asks(ops, lea, otto):
    with capture_logs() as lines:
        given = await ops.put(OWNER, json={"creator": "lea"})

    assert (given.status_code, given.json()) == (200, {"room": "room-1", "creator": "lea"})
    (line,) = [line for line in lines if line["event"] == "room.owner_set"]
    assert (line["owner"], line["before"], line["operator"]) == ("lea", None, "ops")
    assert (await otto.put(STREAM, json={})).json()["code"] == "room-of-another"
    assert (await lea.put(STREAM, json={})).status_code == 200


async def test_a_room_changes_hands_and_the_stream_in_it_ends(ops, lea, otto, look, published):
    await otto.put(STREAM, json={"title": "Mine now"})
    await otto.put("/v1/rooms/room-1/guests/mira")
    for _ in range(2):
        assert (await ops.put(OWNER, json={"creator": "lea"})).status_code == 200

    room = await look()
    assert (room["creator"], room["live"], room["guests"]) == ("lea", False, [])
    (closed,) = await published("live.room_closed")
    assert (closed["creator"], closed["title"]) == ("otto", "Mine now")
    assert (await otto.put(STREAM, json={})).json()["code"] == "room-of-another"
    assert (await lea.put(STREAM, json={})).json()["creator"] == "lea"


async def test_the_owner_set_again_keeps_their_stream(ops, lea, look):
    await lea.put(STREAM, json={})
    await ops.put(OWNER, json={"creator": "lea"})

    assert (await look())["live"]


async def test_a_released_room_belongs_to_the_next_creator_who_opens_it(ops, lea, otto, look):
    await otto.put(STREAM, json={})
    released = await ops.delete(OWNER)

    assert (released.status_code, released.json()["creator"]) == (200, None)
    assert ((await look())["creator"], (await look())["live"]) == (None, False)
    assert (await otto.delete(STREAM)).json()["code"] == "no-such-room"
    opened = (await lea.put(STREAM, json={})).json()
    assert opened["creator"] == "lea"
    assert (await otto.put(STREAM, json={})).json()["code"] == "room-of-another"


async def test_a_room_nobody_ever_had_cannot_be_released(ops):
    assert (await ops.delete(OWNER)).json()["code"] == "no-such-room"


async def test_no_operator_gives_a_room_to_themselves_or_loses_their_own(app, ops, lea, look):
    await lea.put(STREAM, json={})
    for spelt in ("lea", "Lea "):
        token = a_token(spelt, roles=["operator"], scope="rooms:write")
        async with client_of(app, token) as herself:
            given = await herself.put(OWNER, json={"creator": "otto"})
            released = await herself.delete(OWNER)
        assert (given.status_code, given.json()["code"]) == (403, "own-money")
        assert (released.status_code, released.json()["code"]) == (403, "own-money")

    assert (await look())["creator"] == "lea"
    assert (await ops.put(OWNER, json={"creator": "Ops"})).json()["code"] == "own-money"


async def test_rooms_are_given_by_operators_with_the_scope(app, lea, look):
    for token in (a_token("lea"), an_operator_token("books:read"), a_token(scope="rooms:write")):
        async with client_of(app, token) as client:
            assert (await client.put(OWNER, json={"creator": "lea"})).status_code == 403
            assert (await client.delete(OWNER)).status_code == 403

    assert (await look())["creator"] is None


@pytest.mark.parametrize("name", ["", "lea\n", "x" * 256, None])
async def test_a_name_that_nobody_can_have_is_refused(ops, name):
    assert (await ops.put(OWNER, json={"creator": name})).status_code == 422
