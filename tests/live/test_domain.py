"""How gifts add up in a room."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.live.domain import Room, RoomGift, tally

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
