"""The page that lists every event for people, in Markdown."""

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from shared.contracts.base import NAMESPACE, UNIT, Event
from shared.contracts.published import schema_path
from shared.contracts.routes import ALWAYS_BOUND, EVENTS, SERVICES
from shared.contracts.samples import envelope, sample
from shared.contracts.schema import data_schema, envelope_schema

Schema: TypeAlias = dict[str, Any]

INTRODUCTION = f"""\
<!-- Written by deploy/events/page.py from the classes here: run `make contracts`, do not edit. -->

# Events

Everything that Ovation's services tell each other, and everybody who asks. One topic exchange for
each owner, `ovation.events.gift`; the routing key is the event's name. Each message is a
[CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) document in
structured JSON; `data` is what the tables below describe.

* **At least once, and the same fact has the same id**: remember ids, and nothing happens twice. An
  id is `uuid5({NAMESPACE}, "name|subject|discriminator")`, several
  discriminators joined by `|`; from version 2 on the name is followed by `.v2`.
* **In order for each subject** as published; `sequence` counts its facts. Do not rely on order
  between subjects, or on a delivery that comes again.
* **Within a version only optional fields are added**: ignore fields you do not know. A field that
  is always there stays so; an optional one may be absent, or `null`.
* **An anonymous gift has its giver's name in it**: where `anonymous` is true, do not show
  `viewer`. Operators grant such events by name only. In a grant, `gift` and `live` stand for the
  events that name no giver of an anonymous gift and cannot be linked to one.
* Amounts are whole numbers. Money is in minor units of the currency beside it.
* The id of a person (viewer, creator, guest, operator) is the `sub` of their token: at most 255
  characters, and up to four bytes of UTF-8 each. A column of 64 characters is too short for it.

The same for programs: `/asyncapi.json`, and a JSON Schema for each version at the event's
`dataschema`. To make events up for tests: `ovationctl events sample`, or
`samples()` of this package."""


def events_page() -> str:
    """Return the whole page."""
    blocks = [INTRODUCTION, *_contents(), *_envelope()]
    for service in SERVICES:
        events = _of(service)
        if events:
            blocks.append(f"## {service}")
        for event in events:
            blocks += _event(event)
    return "\n\n".join(blocks) + "\n"


def _of(service: str) -> list[type[Event]]:
    return [event for event in EVENTS if event.owner() == service]


def _contents() -> Iterator[str]:
    yield "## Contents"
    lines = ["| event | what happened |", "|---|---|"]
    for service in SERVICES:
        for event in _of(service):
            title, text = _title(event), _first_sentence(data_schema(event)["description"])
            lines.append(f"| [`{title}`](#{_anchor(title)}) | {text} |")
    yield "\n".join(lines)


def _envelope() -> Iterator[str]:
    yield "## The envelope"
    schema = envelope_schema()
    yield str(schema["description"])
    yield _fields(schema, schema)


def _event(event: type[Event]) -> Iterator[str]:
    schema = data_schema(event)
    title = _title(event)
    yield f"### {title}"
    yield str(schema["description"])
    yield _facts(event)
    yield _fields(schema, schema)
    for name in _parts(schema):
        yield f"**{name}**: {schema['$defs'][name]['description']}"
        yield _fields(schema["$defs"][name], schema)
    document = json.dumps(json.loads(envelope(sample(event))), indent=2, ensure_ascii=False)
    yield f"```json\n{document}\n```"


def _facts(event: type[Event]) -> str:
    ids = [f"`{field}`" for field in event.discriminator_fields]
    told_apart = f"of one {event.subject_field}, told apart by {' and '.join(ids)}" if ids else ""
    queues = [f"`{queue}`" for queue, events in ALWAYS_BOUND.items() if event in events]
    path = schema_path(event.name, event.version)
    return "\n".join(
        [
            f"* type `{event.type()}`, published by {event.owner()} alone",
            f"* subject: `{event.subject_field}`; partition key: `{event.partition_field}`",
            f"* facts: {told_apart or f'at most one for each {event.subject_field}'}",
            f"* consumed by: {', '.join(queues) or 'none of our services'}",
            f"* schema: [`{path}`]({path.removeprefix('/')})",
        ]
    )


def _fields(part: Schema, whole: Schema) -> str:
    lines = ["| field | type | unit | | meaning |", "|---|---|---|---|---|"]
    required = part.get("required", ())
    for name, value in part["properties"].items():
        kind, unit = _kind(value, whole)
        always = "always" if name in required else _absent(value)
        meaning = value.get("description", "").replace("\n", " ").replace("|", "\\|")
        lines.append(f"| `{name}` | {kind} | {unit} | {always} | {meaning} |")
    return "\n".join(lines)


def _absent(value: Schema) -> str:
    default = value.get("default")
    return "optional" if default is None else f"optional, else {json.dumps(default)}"


def _kind(value: Schema, whole: Schema) -> tuple[str, str]:
    """Return the type of a field in words, and its unit."""
    value = next((each for each in value.get("anyOf", ()) if each.get("type") != "null"), value)
    if "$ref" in value:
        name = value["$ref"].removeprefix("#/$defs/")
        target = whole["$defs"][name]
        values = [f"`{each}`" for each in target.get("enum", ())]
        return " · ".join(values) or name, ""
    if "items" in value:
        return f"list of {_kind(value['items'], whole)[0]}", ""
    if "const" in value:
        return f"`{value['const']}`", ""
    return str(value.get("format", value["type"])), str(value.get(UNIT, ""))


def _parts(schema: Schema) -> list[str]:
    return [name for name, part in schema.get("$defs", {}).items() if "properties" in part]


def _title(event: type[Event]) -> str:
    return event.name if event.version == 1 else f"{event.name} v{event.version}"


def _anchor(title: str) -> str:
    return title.replace(".", "").replace(" ", "-")


def _first_sentence(text: str) -> str:
    return text.split("\n", maxsplit=1)[0]
