"""Routes and events can name every person who has a token."""

import json
from pathlib import Path

import pytest

from shared.contracts.base import USER_ID_CHARACTERS_MAX
from shared.contracts.routes import EVENTS
from shared.contracts.schema import data_schema
from shared.http.people import PERSON_FIELDS
from shared.identity.claims import SUBJECT_CHARACTERS_MAX, read_subject

OPENAPI = json.loads(Path("deploy/gateway/openapi.json").read_text())
# What people are called besides, in events and by Tencent.
OTHERS = {"guests", "requested_by", "changed_by", "approved_by", "From_Account", "To_Account"}
PEOPLE = PERSON_FIELDS | OTHERS


def named(node):
    """Every named schema: the fields of bodies and events, and the parameters of routes."""
    if isinstance(node, list):
        for each in node:
            yield from named(each)
    elif isinstance(node, dict):
        yield from node.get("properties", {}).items()
        if "in" in node and "schema" in node:
            yield node["name"], node["schema"]
        for each in node.values():
            yield from named(each)


def bounds(schema):
    """How long a text may be, wherever a schema says so."""
    if isinstance(schema, list):
        return {bound for each in schema for bound in bounds(each)}
    if not isinstance(schema, dict):
        return set()
    own = {schema["maxLength"]} if "maxLength" in schema else set()
    return own | {bound for each in schema.values() for bound in bounds(each)}


def test_a_subject_is_as_long_as_openid_connect_allows():
    assert SUBJECT_CHARACTERS_MAX == USER_ID_CHARACTERS_MAX == 255
    assert read_subject("m" * 255) == "m" * 255


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type())
def test_an_event_has_room_for_every_person_it_names(event):
    people = {name: bounds(schema) for name, schema in named(data_schema(event)) if name in PEOPLE}

    assert all(each == {255} for each in people.values()), people


def test_every_route_takes_the_longest_subject_where_it_takes_a_person():
    people = [(name, bounds(schema)) for name, schema in named(OPENAPI) if name in PEOPLE]

    # Answers bound nothing.
    assert {255} in [each for _, each in people]
    assert [(name, each) for name, each in people if each not in ({255}, set())] == []
