"""How gifts add up in a room."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.live.domain import Room, RoomGift, RoomReversal, take_back, tally

LOT = uuid4()
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)

some_gifts = st.lists(
    st.builds(
        RoomGift,
        room=st.sampled_from(["a", "b"]),
        gift=st.builds(uuid4),
        viewer=st.sampled_from(["mira", "jonas"]),
        anonymous=st.booleans(),
        coins=st.integers(1, 30_000),
        sent_at=st.integers(0, 9).map(lambda seconds: BEGAN + timedelta(seconds=seconds)),
        shown=st.just({}),
    )
)


def rooms_so_far():
    return {"a": Room("a", sequence=7, gifts=7, coins=70), "b": Room("b")}


@given(some_gifts)
def test_a_room_gains_exactly_what_was_given_in_it(gifts):
    rooms = rooms_so_far()

    tally(rooms, gifts)

    for name, before in rooms_so_far().items():
        given_here = [gift for gift in gifts if gift.room == name]
        assert rooms[name].gifts == before.gifts + len(given_here)
        assert rooms[name].coins == before.coins + sum(gift.coins for gift in given_here)


@given(some_gifts)
def test_a_rooms_gifts_are_numbered_on_without_gaps(gifts):
    added = tally(rooms_so_far(), gifts)

    for name, before in rooms_so_far().items():
        numbers = [number for gift, number in added.entries if gift.room == name]
        assert numbers == list(range(before.sequence + 1, before.sequence + 1 + len(numbers)))
    assert [gift for gift, _ in added.entries] == gifts


@given(some_gifts)
def test_scores_hold_what_was_given_openly_and_since_when(gifts):
    scores = tally(rooms_so_far(), gifts).scores

    openly = [gift for gift in gifts if not gift.anonymous]
    assert scores.keys() == {(gift.room, gift.viewer) for gift in openly}
    for key, score in scores.items():
        theirs = [gift for gift in openly if (gift.room, gift.viewer) == key]
        assert (score.gifts, score.coins) == (len(theirs), sum(gift.coins for gift in theirs))
        assert score.first_at == min(gift.sent_at for gift in theirs)


def a_reversal(gift, revision, coins):
    return RoomReversal(
        room=gift.room,
        gift=gift.gift,
        lot=LOT,
        viewer=gift.viewer,
        anonymous=gift.anonymous,
        revision=revision,
        reversed_coins=min(coins, gift.coins),
    )


@given(some_gifts, st.data())
def test_rooms_come_to_the_same_whatever_order_reversals_are_heard_in(gifts, data):
    told = [
        a_reversal(gift, revision, data.draw(st.integers(0, 30_000)))
        for gift in gifts
        for revision in (1, 2)
    ]
    newest = {reversal.key: reversal.reversed_coins for reversal in told}
    order = data.draw(st.permutations([*gifts, *told]))
    rooms, scores, counted, known = rooms_so_far(), {}, set(), {}

    for heard in order:
        if isinstance(heard, RoomGift):
            already = sum(coins for (_, gift, _), (_, coins) in known.items() if gift == heard.gift)
            added = tally(rooms, [replace(heard, reversed_coins=already)])
            counted.add((heard.room, heard.gift))
            changes = {key: score.coins for key, score in added.scores.items()}
        else:
            changes = take_back(rooms, [heard], counted=counted, known=known)
        for key, change in changes.items():
            scores[key] = scores.get(key, 0) + change

    for name, before in rooms_so_far().items():
        here = [gift for gift in gifts if gift.room == name]
        worth = sum(gift.coins - newest[name, gift.gift, LOT] for gift in here)
        assert rooms[name].coins == before.coins + worth
        openly = sum(c for (room, _), c in scores.items() if room == name)
        assert openly == sum(
            gift.coins - newest[name, gift.gift, LOT] for gift in here if not gift.anonymous
        )
    assert all(coins >= 0 for coins in scores.values())
