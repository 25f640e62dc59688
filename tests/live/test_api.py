"""What comes over the wire: totals, books, and a stream that outlives bad manners."""

import asyncio
import json

import pytest

from services.live.api import hub as hubs
from services.live.api import watchers
from tests.clients import a_token, an_operator_token, client_of
from tests.live.conftest import SOON_SECONDS, a_gift_sent

# Gifts alone: a first one and a new level are entries of their own.
EVENTS = "/v1/rooms/room-1/events?only=gift"


@pytest.fixture
async def follow(app, hub):
    """Follow rooms, let something happen, stop the service; return all that was streamed."""
    stopping = asyncio.Event()
    running = asyncio.create_task(hub.run(stopping))

    async def streamed(*addresses, meanwhile=None, token=None, **headers):
        token = a_token("eve") if token is None else token
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        others = open_watchers(hub)
        async with client_of(app, token) as client:
            asked = [asyncio.create_task(client.get(path, headers=named)) for path in addresses]
            await eventually(
                # A request that is refused watches nothing.
                lambda: (
                    len(open_watchers(hub) - others) + sum(each.done() for each in asked)
                    == len(asked)
                )
            )
            if meanwhile is not None:
                await meanwhile
            await eventually(
                lambda: all(has_all(hub, each) for each in open_watchers(hub) - others)
            )
            stopping.set()
            return await asyncio.wait_for(asyncio.gather(*asked), SOON_SECONDS)

    yield streamed
    stopping.set()
    await asyncio.wait_for(running, SOON_SECONDS)


async def eventually(condition):
    async with asyncio.timeout(SOON_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


def open_watchers(hub):
    return {watcher for of_room in hub._rooms.values() for watcher in of_room}  # noqa: SLF001


def has_all(hub, watcher):
    """Whether everything that its room has was written to a watcher's connection."""
    newest, waiting = hub._newest[watcher.room], watcher._backlog  # noqa: SLF001
    return watcher.position >= newest and not waiting


async def sign_of_life(hub):
    """Wait until something was written to the one watcher there is."""
    (watcher,) = open_watchers(hub)
    opened_at = watcher.moved_at
    await eventually(lambda: watcher.moved_at > opened_at)


def ids(answer):
    return [line[4:] for line in answer.text.splitlines() if line.startswith("id: ")]


def gifts(answer):
    lines = answer.text.splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


async def test_a_room_nobody_gave_in_has_nothing_yet(mira):
    answer = await mira.get("/v1/rooms/quiet")

    assert answer.status_code == 200
    assert answer.json() == {
        "room": "quiet",
        "creator": None,
        "guests": [],
        "live": False,
        "stream": None,
        "gifts": 0,
        "coins": 0,
        "top_gifters": [],
        "last_event_id": "0",
    }


async def test_a_room_has_a_printable_name_of_sixty_four_characters(mira):
    assert (await mira.get(f"/v1/rooms/{'r' * 64}")).status_code == 200
    assert (await mira.get(f"/v1/rooms/{'r' * 65}")).status_code == 422
    assert (await mira.get("/v1/rooms/r%00m")).status_code == 422


async def test_of_equals_the_earlier_comes_first_and_ten_are_named(receive, look):
    for number in range(12):
        await receive(a_gift_sent(10, viewer=f"viewer-{number:02}"))

    top = (await look())["top_gifters"]

    assert [gifter["viewer"] for gifter in top] == [f"viewer-{number:02}" for number in range(10)]


async def test_the_books_are_for_operators(app, mira, receive):
    await receive(a_gift_sent(10), a_gift_sent(5, room="room-2"), a_gift_sent(7, room=None))

    assert (await mira.get("/v1/operator/live/books")).status_code == 403
    async with client_of(app, an_operator_token("books:read")) as operator:
        books = await operator.get("/v1/operator/live/books")
    assert books.json() == {"rooms": 2, "gifts": 2, "coins": 15}


async def test_a_gift_is_streamed_whole_and_an_anonymous_one_without_its_giver(follow, receive):
    known = a_gift_sent(10, tier="spark", display_name="Warm Tea", message="for you")
    hidden = a_gift_sent(5, anonymous=True)

    (answer,) = await follow(EVENTS, meanwhile=receive(known, hidden))

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.startswith("retry: 2000\n\nevent: gift\nid: 1\ndata: {")
    shown, without = gifts(answer)
    assert shown.keys() == {
        *("gift", "viewer", "anonymous", "level", "first", "creator", "room", "gift_type"),
        *("name", "tier", "mode", "count", "coins", "combo", "repeat_count", "repeat_end"),
        *("combo_coins", "message", "sent_at"),
    }
    assert (shown["viewer"], shown["name"], shown["message"]) == ("mira", "Warm Tea", "for you")
    assert (without["viewer"], without["anonymous"]) == (None, True)
    assert "mira" not in json.dumps(without)


async def test_who_reconnects_is_sent_exactly_what_was_missed(follow, receive):
    await receive(*(a_gift_sent() for _ in range(4)))

    # The address is the one of the first visit: the header knows better.
    (answer,) = await follow(f"{EVENTS}&after=0&last=4", last_event_id="2")

    assert ids(answer) == ["3", "4"]


async def test_without_a_header_the_address_says_where_to_begin(follow, receive):
    await receive(*(a_gift_sent() for _ in range(4)))  # entries 5 and 6: the first gift, a level

    after, last, neither = await follow(f"{EVENTS}&after=3", f"{EVENTS}&last=4", EVENTS)

    assert (ids(after), ids(last), ids(neither)) == (["4"], ["3", "4"], [])


@pytest.mark.parametrize("absurd", ["9" * 18, "9" * 20, "9" * 5_000, "\xb2", "-1", "x"])
async def test_an_id_we_never_gave_out_means_now_and_harms_nobody(follow, hub, receive, absurd):
    await receive(a_gift_sent(1))  # the second entry says that it was the first

    async with hub.watch("room-1", after=0, last=0) as honest:
        answers = await follow(
            EVENTS,
            "/v1/rooms/elsewhere/events",
            meanwhile=receive(a_gift_sent(1), a_gift_sent(1, room="elsewhere")),
            last_event_id=absurd.encode("latin-1"),
        )
        seen = await honest.next()

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [ids(answer) for answer in answers] == [["3"], ["1"]]
    # Stopping lets the honest one go; it had been handed everything until then.
    assert honest.position == 3
    assert seen is None


async def test_a_browser_may_carry_its_token_in_the_address_of_the_stream_alone(app, follow):
    token = a_token("eve")

    (answer,) = await follow(f"{EVENTS}&access_token={token}", token="")

    assert answer.status_code == 200
    async with client_of(app) as nobody:
        elsewhere = await nobody.get(f"/v1/rooms/room-1?access_token={token}")
    assert elsewhere.status_code == 401


@pytest.fixture
def restless(monkeypatch):
    """Give signs of life all the time; named before `follow`, which begins to give them."""
    monkeypatch.setattr(watchers, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(hubs, "BEAT_EVERY_SECONDS", 0.02)


async def test_a_quiet_room_still_gives_signs_of_life(restless, follow, hub):
    (answer,) = await follow(EVENTS, meanwhile=sign_of_life(hub))

    assert ": still here\n\n" in answer.text
    assert gifts(answer) == []
