"""A creator reads what a period brought them: by stream, and by type of gift."""

from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payout import consumers
from services.payout.domain.streams import Stream, merge
from shared.contracts.gift import GiftRestored, GiftReversed
from shared.contracts.live import RoomClosed, RoomOpened
from shared.contracts.wallet import LotKind, Slice
from tests.clients import a_token, client_of
from tests.deliveries import a_broker, a_delivery
from tests.orders import assert_all_equal, ends
from tests.payout.conftest import RULES, a_gift_sent
from tests.payout.test_maturity import balances, reversal

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


@pytest.mark.parametrize(
    ("period", "status"),
    [
        ({"from": "9999-12-30T00:00:00Z", "to": "9999-12-31T00:00:00Z"}, 200),
        ({"to": "0001-01-02T00:00:00Z"}, 200),
        ({"to": "0001-01-01T00:00:00Z"}, 422),
        ({"from": "0001-01-01T00:00:00Z"}, 422),
        ({"from": "9999-12-31T23:59:59Z"}, 422),
    ],
)
async def test_a_period_may_be_at_either_end_of_time(lea, period, status):
    for what in ("stream", "gift"):
        answer = await lea.get(PATH, params={"by": what, **period})
        assert answer.status_code == status, answer.text


def a_gift_of_lots(chance, **about):
    """Make a gift that several lots paid, each with its own rate."""
    pieces = [
        Slice(
            lot=uuid4(),
            kind=LotKind.PAID,
            coins=chance.randint(1, 99),
            diamond_rate_bp=chance.choice((10_000, 5_000, 3_333)),
        )
        for _ in range(chance.randint(1, 3))
    ]
    return a_gift_sent(sum(each.coins for each in pieces), slices=tuple(pieces), **about)


def disputes_of(chance, gift):
    """Take some of a gift back, and perhaps return some of that."""
    lot, coins = gift.slices[0].lot, gift.slices[0].coins
    about = gift.model_dump(include={"gift", "viewer", "creator", "gift_type", "count", "coins"})
    back = chance.randint(1, coins)
    yield GiftReversed(**about, lot=lot, revision=1, reversed_coins=back)
    if chance.random() < 0.5:
        kept = chance.randint(0, back - 1)
        yield GiftRestored(**about, lot=lot, revision=2, reversed_coins=kept)


@pytest.mark.parametrize("seed", range(3))
async def test_streams_gifts_and_the_total_are_what_the_books_have(lea, at, seed):
    chance = Random(seed)
    streams = [opened(f"room-{n % 2}", at=ago(600 - 10 * n)) for n in range(8)]
    ends = {each.stream: closed(each, at=each.opened_at + timedelta(minutes=9)) for each in streams}
    told = [(ago(1), each) for each in (*streams, *list(ends.values())[::2])]
    gifts = []
    for _ in range(40):
        minutes = chance.randint(500, 600) + 0.5
        about = {"room": chance.choice(("room-0", "room-1", "attic", None)), "count": 2}
        gift = a_gift_of_lots(chance, gift_type=chance.choice(("g_fox", "g_tea")), **about)
        gifts.append((ago(minutes), gift))
        if chance.random() < 0.5:
            told += [(ago(400), each) for each in disputes_of(chance, gift)]
    told += gifts
    chance.shuffle(told)
    for moment, event in told:
        await at(moment, event)

    of_gifts, of_streams = await by(lea, "gift"), await by(lea, "stream")

    total = of_gifts["total"]
    assert total == of_streams["total"]
    assert sum(await balances(lea)) == total["diamonds"]
    names = ("gifts", "pieces", "coins", "diamonds", "reversed_diamonds")
    assert {name: sum(each[name] for each in of_gifts["items"]) for name in names} == total
    assert (total["gifts"], total["pieces"]) == (40, 80)
    assert total["coins"] == sum(gift.coins for _, gift in gifts)
    # Each stream by hand: until its end, or else until the next one of its room.
    counted = {}
    for stream, after in zip(streams, [*streams[2:], None, None], strict=True):
        is_known = stream in streams[::2]
        last = ends[stream.stream].closed_at if is_known else after and after.opened_at
        coins = [
            gift.coins
            for moment, gift in gifts
            if gift.room == stream.room
            and stream.opened_at <= moment
            and (last is None or moment < last)
        ]
        if coins:
            counted[str(stream.stream)] = (len(coins), sum(coins))
    assert counted == {
        each["stream"]["stream"]: (each["gifts"], each["coins"]) for each in of_streams["items"]
    }


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
