"""Operators read a creator's rooms and a gift by its id; what they do to rooms leaves a line."""

import pytest

from tests.clients import a_token, client_of
from tests.live.conftest import a_gift_sent

SCOPES = "rooms:write disputes:read audit:read"
ROOMS = "/v1/operator/live/creators/lea/rooms"
OWNER = "/v1/operator/live/rooms/room-1/owner"


def operator(app, name="ann", scope=SCOPES):
    return client_of(app, a_token(name, roles=["operator"], scope=scope))


@pytest.fixture
async def ann(app):
    async with operator(app) as client:
        yield client


async def test_the_rooms_of_a_creator_are_those_they_own_now(ann, lea):
    await lea.put("/v1/rooms/room-1/stream", json={})
    assert (
        await ann.put("/v1/operator/live/rooms/attic/owner", json={"creator": "lea"})
    ).is_success
    owned = (await ann.get(ROOMS)).json()["items"]
    assert [(each["room"], each["live"]) for each in owned] == [("attic", False), ("room-1", True)]

    assert (await ann.delete(OWNER)).is_success
    assert [each["room"] for each in (await ann.get(ROOMS)).json()["items"]] == ["attic"]


async def test_whoever_changes_an_owner_leaves_a_line_at_both_creators(ann, lea):
    await lea.put("/v1/rooms/room-1/stream", json={})
    await ann.put(OWNER, json={"creator": "otto"})

    for user in ("lea", "otto"):
        path = f"/v1/operator/live/audit?user={user}&reads=false"
        (line,) = (await ann.get(path)).json()["items"]
        assert (line["operator"], line["action"]) == ("ann", "room.owner_set")
        assert line["reason"] == "the owner of room-1 was lea, and is otto"


async def test_a_gift_is_found_by_its_id_but_not_by_whoever_gave_or_got_it(app, ann, receive):
    gift = a_gift_sent()
    await receive(gift)
    path = f"/v1/operator/live/gifts/{gift.gift}"

    found = (await ann.get(path)).json()

    assert (found["viewer"], found["creator"], found["room"]) == (
        gift.viewer,
        gift.creator,
        gift.room,
    )
    for person in (gift.viewer, gift.creator):
        async with operator(app, person) as client:
            assert (await client.get(path)).json()["code"] == "own-money"
    async with operator(app, scope="rooms:write") as client:
        assert (await client.get(path)).json()["code"] == "scope-missing"
