"""The same fact carries the same id, whoever announces it; another fact never does."""

import json
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID, uuid4, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause, Envelope, encode
from shared.contracts.gift import GiftRequested
from shared.contracts.purchase import PurchaseCompleted, PurchaseDisputed
from shared.contracts.spending_controls import LimitReached

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def a_gift_requested(**about):
    known = {
        "gift": uuid4(),
        "viewer": "mira",
        "creator": "lea",
        "gift_type": "g_tea",
        "count": 2,
        "coins": 10,
        "price_coins": 5,
        "expires_at": NOON,
    }
    return GiftRequested(**{**known, **about})


def test_a_repeated_question_is_a_fact_of_its_own():
    asked = a_gift_requested()
    again = asked.model_copy(update={"attempt": 2})

    assert a_gift_requested(gift=asked.gift, viewer="someone else").id == asked.id
    assert GiftRequested(**again.model_dump()).id != asked.id


def test_each_revision_of_a_dispute_is_a_fact_of_its_own():
    purchase = uuid4()
    ids = {
        PurchaseDisputed(
            purchase=purchase,
            viewer="mira",
            dispute="dp_1",
            revision=revision,
            amount_minor=99,
            currency="USD",
            reason="fraudulent",
        ).id
        for revision in (1, 2, 1)
    }

    assert len(ids) == 2


def a_limit_reached(starts_at):
    return LimitReached(
        viewer="mira",
        period="day",
        unit="coins",
        set_by="user",
        starts_on="2026-11-23",
        starts_at=starts_at,
        percent=100,
        limit=100,
        spent=100,
    )


def test_each_window_of_a_limit_is_a_fact_of_its_own_also_within_one_day():
    first, next_hour = a_limit_reached(NOON), a_limit_reached(NOON + timedelta(hours=1))

    assert first.id != next_hour.id
    assert LimitReached.model_validate_json(first.model_dump_json()).id == first.id


def test_facts_of_different_names_about_one_subject_differ():
    subject = uuid4()
    completed = PurchaseCompleted(purchase=subject, viewer="mira", coins=100)

    assert completed.id != a_gift_requested(gift=subject).id


def test_the_next_version_of_a_fact_is_a_message_of_its_own():
    """Both are announced for a while; the outbox and inboxes know messages by their ids."""
    asked = a_gift_requested()
    next_version = type("GiftRequested2", (GiftRequested,), {"version": 2})

    assert next_version(**asked.model_dump()).id != asked.id


def test_ids_never_change():
    """Receivers remember them for ever: a change here would repeat every event ever sent."""
    fixed = UUID("00000000-0000-0000-0000-000000000001")

    assert str(a_gift_requested(gift=fixed).id) == "615b5b5f-eb09-5f58-895a-c434d480641a"


@given(count=st.integers(1, 999), sequence=st.integers(0, 10**12))
def test_what_is_written_is_what_is_read(count, sequence):
    asked = a_gift_requested(count=count, coins=5 * count)

    body = encode(asked, sequence=sequence, occurred_at=NOON, cause=Cause("story", "step"))
    envelope = Envelope[GiftRequested].model_validate_json(body)

    assert envelope.data == asked
    assert int(envelope.sequence) == sequence
    assert (envelope.partitionkey, envelope.subject) == ("mira", str(asked.gift))
    assert envelope.cause == Cause("story", str(asked.id))


def test_an_unknown_field_is_ignored_so_that_fields_can_be_added():
    body = json.loads(encode(a_gift_requested(), sequence=1, occurred_at=NOON, cause=Cause("s")))
    body["data"]["mood"] = "sunny"
    body["newattribute"] = 1

    assert Envelope[GiftRequested].model_validate(body).data.count == 2


@pytest.mark.parametrize(
    "wrong",
    [{"coins": 10.5}, {"coins": "10"}, {"coins": 0}, {"count": -1}, {"viewer": "nul\x00"}],
    ids=str,
)
def test_a_value_that_is_not_exactly_right_is_refused(wrong):
    with pytest.raises(ValidationError):
        a_gift_requested(**wrong)


@pytest.mark.parametrize("number", range(50))
def test_an_id_is_the_uuid5_of_its_parts(number):
    gift = UUID(int=number)
    event = a_gift_requested(gift=gift)
    expected = uuid5(NAMESPACE, f"gift.requested|{gift}|{event.attempt}")

    assert (event.id, event.id.version, event.id.variant) == (expected, 5, RFC_4122)
    assert event.has_attributes(expected, str(gift), "mira")
    assert not event.has_attributes(gift, str(gift), "mira")
    assert not event.has_attributes(expected, str(expected), "mira")
    assert not event.has_attributes(expected, str(gift), "lea")
    assert event.id == expected


_PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


@given(
    viewer=_PRINTABLE,
    story=st.text(st.characters(exclude_categories=["Cs"])),
    step=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    at=st.datetimes(timezones=st.just(UTC)),
)
def test_any_text_in_an_event_is_written_as_json(viewer, story, step, at):
    event = a_gift_requested(viewer=viewer)

    body = encode(event, sequence=7, occurred_at=at, cause=Cause(story, step, step))

    document = json.loads(body)
    assert (document["partitionkey"], document["correlationid"]) == (viewer, story)
    assert document.get("causationid") == document.get("traceparent") == step
    assert datetime.fromisoformat(document["time"]) == at
    assert document["data"] == json.loads(event.model_dump_json())
    assert document["type"] == "dev.ovation.gift.requested.v1"
