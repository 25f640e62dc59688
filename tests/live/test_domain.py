"""How gifts add up in rooms, for viewers and for creators."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.live.domain.gift_totals import (
    ALL,
    Gift,
    Reversal,
    RoomTotals,
    apply_reversals,
    count_gifts,
    day_of,
    periods_of,
    week_of,
)
from services.live.domain.levels import LEVEL_MAX, THRESHOLDS, coins_of_next, level_at

LOT = uuid4()
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)

some_gifts = st.lists(
    st.builds(
        Gift,
        gift=st.builds(uuid4),
        room=st.sampled_from(["a", "b", None]),
        viewer=st.sampled_from(["mira", "jonas"]),
        creator=st.sampled_from(["lea", "otto"]),
        anonymous=st.booleans(),
        coins=st.integers(1, 30_000),
        sent_at=st.integers(0, 9).map(lambda days: BEGAN + timedelta(days=days)),
    )
)


def rooms_so_far():
    return {"a": RoomTotals("a", sequence=7, gifts=7, coins=70), "b": RoomTotals("b")}


@given(some_gifts)
def test_a_room_gains_exactly_what_was_given_in_it(gifts):
    rooms = rooms_so_far()

    count_gifts(rooms, gifts, known={})

    for name, before in rooms_so_far().items():
        given_here = [gift for gift in gifts if gift.room == name]
        assert rooms[name].gifts == before.gifts + len(given_here)
        assert rooms[name].coins == before.coins + sum(gift.coins for gift in given_here)


@given(some_gifts)
def test_scores_hold_what_was_given_openly_in_each_period_and_since_when(gifts):
    scores = count_gifts(rooms_so_far(), gifts, known={}).scores

    openly = [gift for gift in gifts if not gift.anonymous and gift.room]
    assert scores.keys() == {
        (gift.room, period, gift.viewer) for gift in openly for period in periods_of(gift)
    }
    for (room, period, viewer), score in scores.items():
        theirs = [
            gift
            for gift in openly
            if (gift.room, gift.viewer) == (room, viewer) and period in periods_of(gift)
        ]
        assert (score.gifts, score.coins) == (len(theirs), sum(gift.coins for gift in theirs))
        assert score.first_at == min(gift.sent_at for gift in theirs)


@given(some_gifts)
def test_an_anonymous_gift_makes_its_giver_known_to_nobody(gifts):
    changes = count_gifts(rooms_so_far(), gifts, known={})

    openly = {(gift.creator, gift.viewer) for gift in gifts if not gift.anonymous}
    assert changes.supporters.keys() == openly
    assert sum(added.coins for added in changes.gifters.values()) == sum(g.coins for g in gifts)


def a_reversal(gift, revision, coins):
    return Reversal(gift.gift, LOT, gift.room, revision, min(coins, gift.coins))


@given(some_gifts, st.data())
def test_everything_comes_to_the_same_in_every_order_of_reversals(gifts, data):
    published = [
        a_reversal(gift, revision, data.draw(st.integers(0, 30_000)))
        for gift in gifts
        for revision in (1, 2)
    ]
    newest = {one.gift: one.reversed_coins for one in published if one.revision == 2}
    rooms, counted, known, sums = rooms_so_far(), {}, {}, {}

    for received in data.draw(st.permutations([*gifts, *published])):
        if isinstance(received, Gift):
            mine = {key: value for key, value in known.items() if key[0] == received.gift}
            changes = count_gifts(rooms, [received], known=mine)
            counted[received.gift] = received
        else:
            changes = count_gifts(rooms, [], known={})
            apply_reversals(rooms, changes, [received], counted=counted, known=known)
        collect(sums, changes)

    expected = {}
    at_once = [replace(gift, coins=gift.coins - newest[gift.gift]) for gift in gifts]
    collect(expected, count_gifts(rooms_so_far(), at_once, known={}))
    assert {key: coins for key, coins in sums.items() if coins} == {
        key: coins for key, coins in expected.items() if coins
    }
    for name, before in rooms_so_far().items():
        here = [gift.coins for gift in at_once if gift.room == name]
        assert rooms[name].coins == before.coins + sum(here)


def collect(sums, changes):
    for group in ("scores", "totals", "supporters", "gifters"):
        for key, added in getattr(changes, group).items():
            sums[group, key] = sums.get((group, key), 0) + added.coins
    for key, coins in changes.reversed_scores.items():
        sums["scores", key] = sums.get(("scores", key), 0) + coins


def test_days_and_weeks_are_those_of_utc_and_of_iso():
    night = datetime.fromisoformat("2026-01-01T00:30:00+02:00")

    assert (day_of(night), week_of(night)) == ("day:2025-12-31", "week:2026-W01")
    gift = Gift(uuid4(), "a", "mira", "lea", 1, False, BEGAN, stream=LOT)
    assert periods_of(gift) == [ALL, "day:2026-01-01", "week:2026-W01", f"stream:{LOT}"]


def test_levels_follow_their_curve_and_end_at_fifty():
    assert THRESHOLDS[0] == 10
    for level, coins in enumerate(THRESHOLDS, start=1):
        # The largest integer that is not above 10 x n^2.6, without a float in between.
        assert coins**5 <= 10**5 * level**13 < (coins + 1) ** 5
        assert (level_at(coins - 1), level_at(coins)) == (level - 1, level)
    assert level_at(10**12) == LEVEL_MAX == len(THRESHOLDS)
    assert (coins_of_next(0), coins_of_next(LEVEL_MAX)) == (10, None)
    # As the field's own numbers have it: about 4k, 24k, 69k, 146k, 261k.
    tenths = [round(THRESHOLDS[n - 1] / 1000) for n in (10, 20, 30, 40, 50)]
    assert tenths == [4, 24, 69, 146, 261]
