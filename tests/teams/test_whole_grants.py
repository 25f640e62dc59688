"""A service's name in a grant stands for what names no giver of an anonymous gift."""

import pytest

from shared.contracts.base import UserId
from shared.contracts.routes import EVENTS
from shared.messaging.teams import GIVEN_WHOLE, NotGranted, Team

WHOLE = Team.granted("charts", reads=["gift", "live"]).reads
# They name a viewer, and follow from open gifts alone: tests/live/test_open_levels.py.
OF_OPEN_GIFTS = {"live.first_gift", "live.perk_unlocked", "live.perk_withdrawn"}
# Whoever has one of these fields of an event knows, or can look up, who gave.
NAMING = {"viewer", "lot", "purchase", "slices", "age_verified", "message", "given_coins"}


def named(event):
    users = {
        name
        for name, field in event.model_fields.items()
        # The type of viewers; that of creators is another, and so are their examples.
        if field.annotation is str and field.examples == ["mira", "jonas", "aiko"]
    }
    return users | (NAMING & event.model_fields.keys())


def test_the_walk_sees_viewers_where_they_are():
    found = {event.name for event in EVENTS if "viewer" in named(event)}

    assert {"gift.sent", "gift.requested", "wallet.gift_paid", "live.level_reached"} <= found
    assert UserId is not str


@pytest.mark.parametrize(
    "event", [event for event in EVENTS if event.name in WHOLE], ids=lambda event: event.type()
)
def test_no_event_that_is_given_whole_names_who_may_have_given_anonymously(event):
    if event.name in OF_OPEN_GIFTS:
        assert named(event) == {"viewer"}
    else:
        assert named(event) == set()
        assert event.partition_field != "viewer"
        assert event.subject_field not in ("viewer", "gift")


@pytest.mark.parametrize(
    "name",
    [
        *("gift.requested", "gift.sent", "gift.refused", "gift.combo_ended"),
        *("gift.reversed", "gift.restored", "live.level_reached", "live.gifter_thanked"),
        *("gift.message_held", "gift.message_shown", "gift.message_removed"),
    ],
)
def test_who_gave_anonymously_is_granted_by_name_only(name):
    assert name not in WHOLE
    with pytest.raises(NotGranted, match="name it there"):
        Team.granted("charts", reads=["gift", "live"], hears=[name])

    assert Team.granted("charts", reads=[name]).hears == (name,)


def test_each_event_of_a_gift_that_names_its_giver_says_whether_it_is_anonymous():
    """A team that was granted one has to know whether it may show the name."""
    for event in EVENTS:
        if event.owner() == "gift" and "viewer" in event.model_fields:
            assert "anonymous" in event.model_fields, event.name


def test_a_new_event_is_granted_by_name_until_it_is_listed():
    assert {event.name for events in GIVEN_WHOLE.values() for event in events} == set(WHOLE)
