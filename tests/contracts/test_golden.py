"""The published language changes only in the open: every schema is committed and compared."""

import json
import os
from pathlib import Path

import pytest

from shared.contracts.routes import EVENTS, QUEUES

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_the_schema_of_an_event_is_the_committed_one(event):
    """Write them anew with `make contracts`, and look at the difference."""
    schema = json.dumps(event.model_json_schema(mode="serialization"), indent=2) + "\n"
    path = GOLDEN / f"{event.name}.v{event.version}.json"
    if os.environ.get("OVATION_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(schema)

    assert path.read_text() == schema


def test_no_committed_schema_has_lost_its_event():
    assert {path.stem for path in GOLDEN.iterdir()} == {
        f"{event.name}.v{event.version}" for event in EVENTS
    }


def test_every_event_says_what_it_means_and_which_row_it_is_about():
    for event in EVENTS:
        assert event.__doc__
        fields = {event.subject_field, event.partition_field, *event.discriminator_fields}
        assert fields <= set(event.model_fields), event.name


def test_names_are_unique_and_start_with_their_owner():
    names = [event.name for event in EVENTS]

    assert len(names) == len(set(names))
    assert {event.owner() for event in EVENTS} <= {"purchase", "wallet", "gift", "payout", "live"}


def test_every_queue_belongs_to_the_service_it_is_named_after_and_hears_known_events():
    for queue, events in QUEUES.items():
        assert queue.split(".")[0] in {"purchase", "wallet", "gift", "payout", "live"}
        assert set(events) <= set(EVENTS)
