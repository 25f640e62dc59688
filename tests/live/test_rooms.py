"""A room adds up what was given in it, once."""

import asyncio

import pytest

from shared.contracts.gift import GiftRestored
from tests.clients import client_of
from tests.deliveries import forget_inbox
from tests.live.conftest import a_gift_sent, a_reversal


async def test_gifts_add_up_and_the_most_generous_come_first(receive, look):
    await receive(a_gift_sent(10), a_gift_sent(50, viewer="jonas"), a_gift_sent(5))

    room = await look()

    assert (room["gifts"], room["coins"]) == (3, 65)
    assert [top["viewer"] for top in room["top_gifters"]] == ["jonas", "mira"]


async def test_a_gift_received_again_counts_once(receive, look, database):
    gift = a_gift_sent()

    await receive(gift, gift)
    await forget_inbox(database)
    await receive(gift, a_gift_sent())

    assert (await look())["gifts"] == 2


async def test_a_gift_received_several_times_at_once_counts_once(receive, look):
    gift = a_gift_sent()

    await asyncio.gather(*(receive(gift) for _ in range(6)))

    assert (await look())["gifts"] == 1


async def test_an_anonymous_gift_counts_for_the_room_and_for_nobody(receive, look):
    await receive(a_gift_sent(10, anonymous=True))

    room = await look()

    assert (room["coins"], room["top_gifters"]) == (10, [])


async def test_a_gift_without_a_room_is_nobodys_business_here(receive, look):
    await receive(a_gift_sent(room=None))

    assert (await look())["gifts"] == 0


async def test_batches_at_once_in_one_room_lose_nothing(receive, look):
    await asyncio.gather(*(receive(*(a_gift_sent(1) for _ in range(30))) for _ in range(8)))

    room = await look()
    assert (room["gifts"], room["coins"]) == (240, 240)


async def test_rooms_are_for_those_with_a_token(app):
    async with client_of(app) as nobody:
        for path in ("/v1/rooms/room-1", "/v1/rooms/room-1/events"):
            assert (await nobody.get(path)).status_code == 401
        forged = await nobody.get("/v1/rooms/room-1/events?access_token=forged")
        assert forged.status_code == 401


@pytest.mark.parametrize("sent_first", [True, False])
async def test_coins_that_lost_their_money_count_no_more_and_come_back_with_it(
    receive, look, sent_first
):
    gift = a_gift_sent(10)
    story = (gift, a_reversal(gift, 1, 10))

    for fact in story if sent_first else reversed(story):
        await receive(fact)
    lowered = await look()
    await receive(a_reversal(gift, 2, 0, contract=GiftRestored))
    await receive(a_reversal(gift, 1, 10))

    assert (lowered["gifts"], lowered["coins"], lowered["top_gifters"][0]["coins"]) == (1, 0, 0)
    restored = await look()
    assert (restored["coins"], restored["top_gifters"][0]["coins"]) == (10, 10)
