"""Every event explains itself: what it means, what each field counts, and how it looks."""

import jsonschema
import pytest

from shared.contracts.base import UNIT
from shared.contracts.routes import EVENTS, QUEUES, SERVICES
from shared.contracts.schema import data_schema, envelope_schema

# What a description has to speak of itself, for those who read only that.
AMOUNTS = ("coins", "diamonds", "minor units", "UTC")


def described_fields():
    """Every field of every event, of what it holds, and of the envelope."""
    schemas = {event.name: data_schema(event) for event in EVENTS} | {"envelope": envelope_schema()}
    for name, schema in schemas.items():
        for holder, part in {name: schema, **schema.get("$defs", {})}.items():
            for field, value in part.get("properties", {}).items():
                yield pytest.param(schema, value, id=f"{name}:{holder}.{field}")


def leaf(schema, value):
    """What a field holds: behind `| None`, a reference, a list."""
    value = next((each for each in value.get("anyOf", ()) if each.get("type") != "null"), value)
    value = dict(value)
    if "$ref" in value:
        name = value.pop("$ref").removeprefix("#/$defs/")
        return {**schema["$defs"][name], **value}
    return leaf(schema, value["items"]) if "items" in value else value


@pytest.mark.parametrize(("schema", "value"), list(described_fields()))
def test_every_field_says_what_it_means_in_which_unit_and_shows_an_example(schema, value):
    text = value["description"]
    holds = leaf(schema, value)

    assert text[0].isupper()
    assert text.endswith(".")
    if holds.get("type") == "integer" or holds.get("format") == "date-time":
        assert holds[UNIT]
        about = [word for word in AMOUNTS if word in holds[UNIT]]
        assert not about or "same unit" in text or any(word in text for word in about), text
    if "properties" not in holds and holds.get("type") != "object":
        assert holds["examples"]
        judge = jsonschema.Draft202012Validator(holds, format_checker=jsonschema.FormatChecker())
        assert all(judge.is_valid(example) for example in holds["examples"])


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_event_part_and_enum_says_what_it_is(event):
    schema = data_schema(event)

    # A docstring that is only inherited says nothing about this one.
    assert event.__dict__["__doc__"]
    for part in (schema, *schema.get("$defs", {}).values()):
        assert part["description"].endswith(".")


def test_every_event_names_the_row_it_is_about_by_fields_it_has():
    for event in EVENTS:
        fields = {event.subject_field, event.partition_field, *event.discriminator_fields}
        assert fields <= set(event.model_fields), event.name


def test_types_are_unique_and_names_start_with_their_owner():
    types = [event.type() for event in EVENTS]

    assert len(types) == len(set(types))
    assert {event.owner() for event in EVENTS} <= set(SERVICES)


def test_every_queue_belongs_to_the_service_it_is_named_after_and_hears_known_events():
    for queue, events in QUEUES.items():
        assert queue.split(".")[0] in SERVICES
        assert set(events) <= set(EVENTS)
