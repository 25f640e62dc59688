"""What those who watch are sent: only what they want, in the shape they read."""

import asyncio
import json
from uuid import uuid4

import pytest

from services.live.api.feed_formats import FeedFormat, Shape
from services.live.api.hub import Hub
from services.live.store import feed
from tests.live.conftest import SOON_SECONDS, a_combo_ended, a_gift_sent

EVENTS = "/v1/rooms/room-1/events"


@pytest.fixture
def seen(database):
    """The whole feed in a format."""

    async def read(format_):
        async with database.transaction() as tx:
            found = await feed.read_entries(tx, [("room-1", 0)], limit=100)
        events = format_.write([one.entry for one in found])
        lines = b"".join(event.written for event in events).decode().splitlines()
        names = [line[7:] for line in lines if line.startswith("event: ")]
        return names, [json.loads(line[6:]) for line in lines if line.startswith("data: ")]

    return read


async def tell_a_story(receive):
    combo = uuid4()
    streak = [
        a_gift_sent(
            5 * count, count=count, combo=combo, repeat_count=so_far, mode="streak", viewer="ann"
        )
        for count, so_far in ((1, 1), (1, 2), (3, 5))
    ]
    await receive(*streak, a_gift_sent(199, gift_type="g_koi", mode="single", viewer="ben"))
    await receive(a_combo_ended(streak), a_gift_sent(40, count=4, anonymous=True))
    return combo


async def test_one_sees_only_what_one_asked_for(receive, seen):
    await tell_a_story(receive)

    assert set((await seen(FeedFormat()))[0]) == {"gift", "combo", "first_gift", "level"}
    assert (await seen(FeedFormat(only=frozenset({"combo"}))))[0] == ["combo"]
    names, shown = await seen(FeedFormat(only=frozenset({"gift", "combo"}), min_coins=25))
    assert names == ["gift", "gift", "combo"]
    assert [one.get("coins") or one["combo_coins"] for one in shown] == [199, 40, 25]


async def test_a_kind_there_is_not_is_refused(mira):
    answer = await mira.get(f"{EVENTS}?only=gift,nonsense")

    assert answer.json()["code"] == "no-such-kind"


async def test_a_consumer_of_the_other_shape_counts_everything_once(receive, seen):
    """As recorded from tools around TikTok LIVE: `giftType !== 1 || repeatEnd`, then multiply."""
    await tell_a_story(receive)
    names, shown = await seen(FeedFormat(shape=Shape.TIKTOK))

    assert set(names) == {"gift"}
    totals: dict[str, int] = {}
    for gift in shown:
        if gift["giftType"] != 1 or gift["repeatEnd"]:
            coins = gift["diamondCount"] * gift["repeatCount"]
            totals[gift["uniqueId"]] = totals.get(gift["uniqueId"], 0) + coins
    assert totals == {"ann": 25, "ben": 199, "anonymous": 40}


async def test_every_alias_says_what_ours_does(receive, seen):
    combo = await tell_a_story(receive)
    first, *_, ended = (await seen(FeedFormat(shape=Shape.TIKTOK)))[1]

    assert (first["giftId"], first["giftType"], first["diamondCount"]) == ("g_tea", 1, 5)
    assert (first["repeatCount"], first["repeatEnd"], first["groupId"]) == (1, False, str(combo))
    assert (first["userId"], first["receiverUserId"], first["roomId"]) == ("ann", "lea", "room-1")
    assert (first["isNewGifter"], first["gifterLevel"]) == (True, 1)
    assert first["createTime"].isdigit()
    assert len(first["createTime"]) == 13
    assert (ended["repeatCount"], ended["repeatEnd"], ended["msgId"]) == (5, True, str(combo))
    assert ended["gift"] == {"gift_id": "g_tea", "repeat_count": 5, "repeat_end": 1, "gift_type": 1}


async def test_another_instance_shows_what_was_counted_here_and_resumes_where_one_was(
    database, hub, receive
):
    """Two hubs on one database, as two instances are."""
    other, stopping = Hub(database), asyncio.Event()
    running = [asyncio.create_task(each.run(stopping)) for each in (hub, other)]
    gifts = FeedFormat(only=frozenset({"gift"}))
    async with (
        hub.watch("room-1", after=0, last=0, format_=gifts) as here,
        other.watch("room-1", after=0, last=0, format_=gifts) as there,
    ):
        await receive(a_gift_sent(1))
        chunks = [await asyncio.wait_for(each.next(), SOON_SECONDS) for each in (here, there)]
        assert [chunk.splitlines()[1] for chunk in chunks] == [b"id: 1", b"id: 1"]
    await receive(a_gift_sent(2), a_gift_sent(3))
    # Who was here goes on there, with the id it had seen last.
    async with other.watch("room-1", after=1, last=0, format_=gifts) as there:
        chunk = await asyncio.wait_for(there.next(), SOON_SECONDS)
    stopping.set()
    await asyncio.gather(*running)

    assert [line for line in chunk.splitlines() if line.startswith(b"id:")] == [b"id: 3", b"id: 4"]
