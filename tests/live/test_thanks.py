"""A creator thanks for a gift, once, for the whole room to see."""

import pytest

from services.live.store import feed
from tests.live.conftest import a_gift_sent

THANKS = "/v1/rooms/room-1/thanks"


@pytest.fixture
def shown(database):
    async def entries(kind):
        async with database.transaction() as tx:
            found = await feed.read_entries(tx, [("room-1", 0)], limit=100)
        return [one.entry.shown for one in found if one.entry.kind == kind]

    return entries


async def test_thanks_are_shown_and_published_once(lea, receive, published, shown):
    gift = a_gift_sent()
    await receive(gift)
    body = {"gift": str(gift.gift), "message": "You made my day"}

    for _ in range(2):
        assert (await lea.post(THANKS, json=body)).status_code == 201
    other = await lea.post(THANKS, json={**body, "message": "Again"})

    assert other.json()["code"] == "thanked-already"
    (entry,) = await shown("thanks")
    assert "You made my day" in entry
    (fact,) = await published("live.gifter_thanked")
    assert (fact["viewer"], fact["message"]) == ("mira", "You made my day")


async def test_thanks_for_an_anonymous_gift_name_nobody(lea, receive, shown):
    gift = a_gift_sent(anonymous=True)
    await receive(gift)

    answer = await lea.post(THANKS, json={"gift": str(gift.gift)})

    (entry,) = await shown("thanks")
    assert "mira" not in entry + answer.text


async def test_one_thanks_for_ones_own_gifts_in_that_room(lea, otto, mira, receive):
    gift = a_gift_sent()
    await receive(gift)
    body = {"gift": str(gift.gift)}

    assert (await otto.post(THANKS, json=body)).json()["code"] == "not-yours"
    assert (await mira.post(THANKS, json=body)).json()["code"] == "creators-only"
    elsewhere = await lea.post("/v1/rooms/room-2/thanks", json=body)
    assert elsewhere.json()["code"] == "no-such-gift"
