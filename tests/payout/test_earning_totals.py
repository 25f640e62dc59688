"""A creator reads what a period brought them: by stream, and by type of gift."""

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payout import consumers
from services.payout.domain.streams import Stream, merge
from shared.contracts.live import RoomClosed, RoomOpened
from tests.clients import a_token, client_of
from tests.deliveries import a_broker, a_delivery
from tests.orders import assert_all_equal, ends
from tests.payout.conftest import RULES, a_gift_sent
from tests.payout.test_maturity import reversal

PATH = "/v1/creators/me/earnings"


def ago(minutes):
    return datetime.now(UTC) - timedelta(minutes=minutes)


def opened(room="room-1", *, creator="lea", at=None, stream=None):
    return RoomOpened(
        stream=stream or uuid4(), room=room, creator=creator, opened_at=at or ago(60), revision=1
    )


def closed(begun, *, at):
    about = begun.model_dump(include={"stream", "room", "creator", "opened_at"})
    return RoomClosed(**about, closed_at=at, gifts=0, coins=0, gifters=0, revision=2)


@pytest.fixture
def at(database):
    """Let payout receive an event that happened then."""
    (consumer,) = consumers.build(database, a_broker("payout"), RULES)

    async def receive(moment, *events):
        await consumer.receive([a_delivery(event, at=moment) for event in events])

    return receive


async def by(client, what, **period):
    answer = await client.get(PATH, params={"by": what, **period})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_earnings_of_a_period_are_summed_up_by_type_of_gift(lea, at):
    foxes = [a_gift_sent(100, gift_type="g_fox", count=2) for _ in range(2)]
    tea = a_gift_sent(300, gift_type="g_tea")
    await at(ago(30), *foxes, tea)
    await at(ago(20), reversal(foxes[0], 1, 60))

    found = await by(lea, "gift")

    assert [
        (each["gift_type"], each["gifts"], each["pieces"], each["coins"], each["diamonds"])
        for each in found["items"]
    ] == [("g_tea", 1, 1, 300, 300), ("g_fox", 2, 4, 200, 140)]
    assert found["items"][1]["reversed_diamonds"] == 60
    assert (found["total"]["gifts"], found["total"]["diamonds"]) == (3, 440)


async def test_a_gift_is_earned_in_the_stream_that_was_open_when_it_was_sent(lea, at):
    first, second = opened(at=ago(60)), opened(at=ago(30))
    other = opened("attic", at=ago(60))
    await at(ago(1), second, closed(first, at=ago(40)), first, other)
    begun = second.opened_at
    inside = partial(a_gift_sent, room="room-1")
    await at(ago(59), inside(1))
    await at(ago(40), inside(10))
    await at(begun, inside(100), inside(200))
    await at(ago(50), a_gift_sent(1_000, room="attic"), a_gift_sent(5_000))

    found = await by(lea, "stream")

    assert [
        (each["stream"]["stream"], each["gifts"], each["diamonds"]) for each in found["items"]
    ] == [
        (str(second.stream), 2, 300),
        (str(other.stream), 1, 1_000),
        (str(first.stream), 1, 1),
    ]
    # What was sent between two streams, or outside of any room, is in the total alone.
    assert found["total"]["diamonds"] == 6_311
    assert found["items"][0]["stream"]["closed_at"] is None


async def test_a_stream_whose_end_is_unknown_ends_where_the_next_begins(lea, at):
    first, second = opened(at=ago(60)), opened(at=ago(30))
    await at(ago(1), first, second)
    await at(ago(50), a_gift_sent(1, room="room-1"))
    await at(ago(20), a_gift_sent(10, room="room-1"))

    assert [each["diamonds"] for each in (await by(lea, "stream"))["items"]] == [10, 1]


async def test_a_guest_sees_what_they_earned_in_the_stream_of_another(lea, at):
    await at(ago(60), opened("studio", creator="otto"))
    await at(ago(50), a_gift_sent(7, room="studio"), a_gift_sent(9, room="studio", creator="otto"))

    (only,) = (await by(lea, "stream"))["items"]

    assert (only["stream"]["creator"], only["diamonds"]) == ("otto", 7)


async def test_only_what_was_sent_in_the_period_counts(lea, at):
    stream = opened(at=ago(60))
    since, until = ago(40), ago(30)
    await at(ago(60), stream)
    for coins, moment in ((50, ago(50)), (40, since), (30, until)):
        await at(moment, a_gift_sent(coins, room="room-1"))
    period = {"from": since.isoformat(), "to": until.isoformat()}

    for what in ("stream", "gift"):
        found = await by(lea, what, **period)
        assert [each["diamonds"] for each in found["items"]] == [40]
        assert found["total"]["diamonds"] == 40


async def test_periods_that_are_too_long_or_end_before_they_begin_are_refused(lea):
    now = datetime.now(UTC)
    for period in ({"from": now, "to": now}, {"from": now - timedelta(days=367)}):
        asked = {name: moment.isoformat() for name, moment in period.items()}
        answer = await lea.get(PATH, params=asked)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad-period")
        assert answer.json()["days_max"] == 366


async def test_earnings_are_ones_own_and_only_creators_have_them(lea, at):
    await at(ago(10), a_gift_sent(5))

    async with client_of(lea.app, a_token("otto", roles=["creator"])) as otto:
        assert (await by(otto, "gift"))["items"] == []
    async with client_of(lea.app, a_token("lea", roles=["viewer"])) as viewer:
        assert (await viewer.get(PATH)).json()["code"] == "creators-only"


async def test_a_gift_in_a_list_says_what_it_is_where_and_in_which_combo(lea, at):
    combo = uuid4()
    await at(ago(10), a_gift_sent(5, room="room-1", combo=combo, count=3))

    (gift,) = (await lea.get("/v1/earnings/me/gifts")).json()["items"]

    assert (gift["gift_type"], gift["count"], gift["room"], gift["combo"]) == (
        *("g_tea", 3, "room-1", str(combo)),
    )


BY_STREAM = """
    SELECT streams.room, streams.closed_at IS NULL, gift_type, count, diamonds, reversed_diamonds
    FROM earnings LEFT JOIN streams ON streams.room = earnings.room
        AND occurred_at >= opened_at AND occurred_at < coalesce(closed_at, 'infinity')
"""


async def test_streams_and_gifts_end_the_same_in_every_order_and_however_often(database_of):
    begun = opened(at=ago(60))
    gift = a_gift_sent(100, room="room-1")
    until = datetime.now(UTC) + timedelta(hours=1)
    facts = [begun, closed(begun, at=until), gift, reversal(gift, 1, 75)]

    found = await ends(
        database_of,
        "payout",
        lambda database: consumers.build(database, a_broker("payout"), RULES),
        facts,
        (BY_STREAM,),
    )

    assert assert_all_equal(found) == [[("room-1", False, "g_tea", 1, 100, 75)]]


@given(st.data())
def test_of_what_is_told_of_a_stream_its_end_is_kept_in_any_order(data):
    streams = [Stream(uuid4(), f"room-{number}", "lea", ago(60)) for number in range(3)]
    ended = [
        Stream(
            *(getattr(each, name) for name in ("stream", "room", "creator", "opened_at")),
            closed_at=ago(number),
        )
        for number, each in enumerate(streams[:2])
    ]
    known = data.draw(st.permutations([*streams, *streams, *ended, *ended]))

    assert merge(known) == sorted([*ended, streams[2]], key=lambda each: each.stream)
