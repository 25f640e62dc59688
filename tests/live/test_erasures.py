"""A person who is erased: their words leave rooms and rows, and no leaderboard names them."""

from datetime import UTC, datetime
from itertools import permutations
from uuid import uuid4

import pytest

from shared.contracts.gift import MessageRemoved, MessageShown, UserErased
from tests.live.conftest import a_gift_sent, key
from tests.searching import tables_with


@pytest.fixture
def found(database):
    return lambda words: tables_with(database, words)


def about(gift, revision):
    names = ("gift", "viewer", "creator", "room")
    return {**{name: getattr(gift, name) for name in names}, "revision": revision}


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_removed_message_is_in_no_row_whatever_was_heard_first(receive, found, order):
    gift = a_gift_sent(message="written words")
    shown = MessageShown(**about(gift, 1), message="written words")
    events = (gift, shown, MessageRemoved(**about(gift, 2)))

    for place in order:
        await receive(events[place])

    assert await found("written words") == []


async def test_what_a_creator_wrote_goes_from_everywhere(lea, receive, found):
    await lea.put("/v1/rooms/room-1/stream", json={"title": "stream words"})
    goal = {"title": "goal words", "target_coins": 10, "room": "room-1"}
    await lea.post("/v1/creators/me/goals", json=goal, headers=key())
    perk = {"kind": "custom", "title": "perk words", "threshold_coins": 5, "description": "x words"}
    await lea.post("/v1/creators/me/perks", json=perk, headers=key())
    gift = a_gift_sent(100)
    await receive(gift)
    thanks = {"gift": str(gift.gift), "message": "thankful words"}
    assert (await lea.post("/v1/rooms/room-1/thanks", json=thanks)).status_code in (200, 201)
    assert "feed" in await found(" words")

    await receive(UserErased(erasure=uuid4(), user="lea", erased_at=datetime.now(UTC)))

    assert await found(" words") == []


async def test_an_erased_viewer_is_in_no_leaderboard(receive, mira):
    await receive(a_gift_sent(100, viewer="otto"))
    await receive(UserErased(erasure=uuid4(), user="otto", erased_at=datetime.now(UTC)))

    board = (await mira.get("/v1/rooms/room-1/leaderboard")).text

    assert "otto" not in board
