"""Nobody's reading of a room's past is at the cost of anybody else's."""

import json
import math
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from deploy.gateway import callers
from services.live.api.catch_up import POSITIONS_A_ROUND
from services.live.api.feed import EventStream
from services.live.api.feed_formats import FeedFormat
from services.live.api.hub import PAST_MAX, ROUND_MAX
from services.live.api.watchers import HEARTBEAT_SECONDS
from services.live.domain.feed import FEEDS_MAX
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.live.conftest import a_gift_sent

NEWEST = PAST_MAX + 3_000
NOTHING = FeedFormat(only=frozenset({"room"}))
EVENTS = "/v1/rooms/room-1/events"


@pytest.fixture
def fill(database):
    """Let rooms have a long past."""

    async def write(*rooms, entries=NEWEST):
        async with database.transaction() as tx:
            for room in rooms:
                asked = {"room": room, "entries": entries}
                await tx.execute(
                    text("INSERT INTO rooms (room, sequence) VALUES (:room, :entries)"), asked
                )
                await tx.execute(
                    text("""
                        INSERT INTO feed (room, sequence, kind, subject, shown)
                        SELECT CAST(:room AS text), number, 'gift', gen_random_uuid(), '{}'
                        FROM generate_series(1, CAST(:entries AS bigint)) AS number
                    """),
                    asked,
                )

    return write


@pytest.fixture
async def watch(hub):
    """Open feeds that stay open until the test ends."""
    async with AsyncExitStack() as opened:

        async def follow(viewer, room="room-1", *, after=None, last=0, format_=None):
            watching = hub.watch(room, after=after, last=last, format_=format_, viewer=viewer)
            return await opened.enter_async_context(watching)

        yield follow


async def a_round(hub):
    return await hub._hand_out()  # noqa: SLF001 - time is rounds here, and not seconds


async def rounds_until(hub, watcher, position, *, meanwhile=None):
    """How many rounds it takes until a watcher has everything up to a position."""
    rounds = 0
    while watcher.position < position:
        if meanwhile is not None:
            await meanwhile()
        await a_round(hub)
        rounds += 1
        assert rounds < 200, "starved"
    return rounds


def ids(chunk):
    return [int(line[4:]) for line in chunk.decode().splitlines() if line.startswith("id: ")]


async def test_who_opens_a_room_has_its_news_in_the_next_round_whatever_one_other_reads(
    hub, fill, watch
):
    """The other asks for all of the past again and again, and is sent nothing of it."""
    await fill("room-1")

    @asynccontextmanager
    async def again():
        async with hub.watch("room-1", after=0, last=0, format_=NOTHING, viewer="mallory"):
            yield

    async with AsyncExitStack() as attack:

        async def one_more():
            if len(hub._rooms["room-1"]) < FEEDS_MAX:  # noqa: SLF001
                await attack.enter_async_context(again())

        regular = await watch("rita")
        for _ in range(20):
            await one_more()
            await a_round(hub)
        for number in range(10):
            newcomer = await watch(f"viewer-{number}", last=20)
            back = await watch(f"back-{number}", after=NEWEST - 150)
            assert await rounds_until(hub, newcomer, NEWEST, meanwhile=one_more) == 1
            assert await rounds_until(hub, back, NEWEST, meanwhile=one_more) <= 1
            assert ids(await newcomer.next()) == [*range(NEWEST - 19, NEWEST + 1)]

        assert regular.position == NEWEST


async def test_with_many_who_read_the_past_each_has_a_turn(hub, fill, watch):
    """In rooms of their own, where they share nothing with anybody."""
    others = 3 * POSITIONS_A_ROUND
    await fill("room-1", *(f"room-of-{number}" for number in range(others)))
    for number in range(others):
        for _ in range(3):
            await watch(f"other-{number}", f"room-of-{number}", after=0, format_=NOTHING)
    await a_round(hub)

    newcomer = await watch("mira", last=20)

    assert await rounds_until(hub, newcomer, NEWEST) <= math.ceil((others + 1) / POSITIONS_A_ROUND)


async def test_a_round_reads_no_more_than_so_much_of_the_past(hub, fill, watch):
    rooms = [f"room-{number}" for number in range(40)]
    await fill(*rooms)
    behind = [await watch(f"viewer-{room}", room, after=0, format_=NOTHING) for room in rooms]
    begun = [one.position for one in behind]

    assert await a_round(hub) is True

    read = [one.position - before for one, before in zip(behind, begun, strict=True)]
    assert sum(read) == POSITIONS_A_ROUND * ROUND_MAX


async def test_what_comes_now_waits_for_nobody_who_is_behind(hub, fill, watch, receive):
    await fill("room-1")
    regular = await watch("rita", format_=FeedFormat(only=frozenset({"gift"})))
    late = await watch("late", after=NEWEST - 900)
    await a_round(hub)

    await receive(a_gift_sent(7))

    assert ids(await regular.next()) == [NEWEST + 1]
    assert late.position < NEWEST
    await rounds_until(hub, late, NEWEST + 1)
    seen = []
    while len(seen) < 901:
        seen += ids(await late.next())
    assert seen[:901] == [*range(NEWEST - 899, NEWEST + 2)]


@pytest.mark.parametrize("asked", [0, 1, NEWEST - PAST_MAX - 1])
async def test_a_watcher_that_asks_for_too_long_ago_gets_a_reset(hub, fill, watch, asked):
    await fill("room-1")
    late = await watch("late", after=asked)
    await a_round(hub)

    first, rest = (await late.next()).decode().split("\n\n", 1)

    name, number, published = first.splitlines()
    assert (name, number) == ("event: reset", f"id: {NEWEST - PAST_MAX}")
    begins = {"asked_after": str(asked), "begins_after": str(NEWEST - PAST_MAX)}
    assert json.loads(published.removeprefix("data: ")) == begins
    assert ids(rest.encode())[0] == NEWEST - PAST_MAX + 1


@pytest.mark.parametrize("asked", [NEWEST - PAST_MAX, NEWEST, NEWEST + 5])
async def test_a_watcher_that_is_not_too_late_misses_nothing_and_gets_no_reset(
    hub, fill, watch, asked
):
    await fill("room-1")
    late = await watch("late", after=asked)
    await a_round(hub)

    assert late.position == min(NEWEST, asked + ROUND_MAX)
    if asked < NEWEST:
        chunk = await late.next()
        assert b"reset" not in chunk
        assert ids(chunk)[0] == asked + 1


async def test_a_sign_of_life_has_the_position_of_a_watcher_that_got_nothing_yet(hub, fill, watch):
    """A browser whose line breaks in a quiet room would begin with what comes once it is back."""
    await fill("room-1")
    quiet = await watch("mira")

    quiet.beat(quiet.moved_at + HEARTBEAT_SECONDS)

    assert await quiet.next() == f"id: {NEWEST}\n: still here\n\n".encode()


async def test_one_person_follows_so_many_feeds_under_whichever_tokens(app, watch):
    for number in range(FEEDS_MAX):
        await watch("mira", f"room-{number}")

    async with client_of(app, a_token("mira", scope="another")) as mira:
        refused = await mira.get(EVENTS)
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-feeds")
    assert refused.json()["feeds_max"] == FEEDS_MAX
    assert refused.headers["Retry-After"] == "1"
    assert not (await watch("jonas")).gone


async def test_whose_feed_has_ended_may_follow_another(hub):
    for _ in range(3 * FEEDS_MAX):
        async with hub.watch("room-1", after=None, last=0, viewer="mira"):
            pass
    assert not hub._feeds  # noqa: SLF001 - nothing is kept of who has left


def test_the_gateway_and_live_agree_how_many_feeds_one_has():
    assert callers.FEEDS_MAX == FEEDS_MAX


@pytest.mark.parametrize(
    "query",
    [
        "access_token=other&access_token={}",
        "access_token={}&access_token={}",
        "access%5Ftoken={}",
        "access_token=%65{}",
        "ACCESS_TOKEN=x&access_token={}&access_toke%6e={}",
    ],
)
async def test_a_token_in_an_address_has_one_spelling(app, query):
    """Any other would be a caller of its own to the gateway."""
    token = a_token("mira")
    query = query.replace("%65{}", f"%{ord(token[0]):x}{token[1:]}").replace("{}", token)

    async with client_of(app) as nobody:
        answer = await nobody.get(f"{EVENTS}?{query}")

    assert (answer.status_code, answer.json()["reason"]) == (401, "malformed")


async def test_a_header_in_another_spelling_is_not_helped_by_the_address(app):
    async with client_of(app) as nobody:
        answer = await nobody.get(
            f"{EVENTS}?access_token={a_token()}", headers={"Authorization": "Basic bTpt"}
        )

    assert (answer.status_code, answer.json()["reason"]) == (401, "malformed")


async def test_the_description_says_how_far_back_one_may_ask(app):
    async with client_of(app) as nobody:
        document = (await nobody.get("/openapi.json")).json()
    route = document["paths"]["/v1/rooms/{room}/events"]["get"]

    assert f"{PAST_MAX:,} entries" in route["description"]
    assert "`reset`" in route["responses"]["200"]["description"]
    assert "too-many-feeds" in route["responses"]["429"]["description"]
    assert FEEDS_MAX == 16, "the description says sixteen"


async def test_proxies_are_asked_to_pass_on_each_event_as_it_is(hub):
    caller = type("Caller", (), {"user": "mira", "accepted_until": math.inf})
    stream = EventStream(hub, "room-1", after=None, last=0, format_=FeedFormat(), caller=caller)

    assert stream.headers["cache-control"] == "no-store, no-transform"
    assert stream.headers["x-accel-buffering"] == "no"
