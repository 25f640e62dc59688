"""JSON Schemas of the contracts: what validates an event's data, and what an envelope is."""

from typing import Any, TypeAlias

from .base import Event
from .envelope import Envelope
from .published import Version

Schema: TypeAlias = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE = "envelope"
# What makes two facts one or two. Written into the schemas, so that a change of it is noticed.
SUBJECT = "x-ovation-subject"
PARTITION_KEY = "x-ovation-partition-key"
DISCRIMINATOR = "x-ovation-discriminator"


def data_schema(contract: type[Event], minor: int = 0) -> Schema:
    """Return the schema of an event's `data`."""
    return {
        **_head(Version(contract.name, contract.version, minor)),
        "x-ovation-type": contract.type(),
        SUBJECT: contract.subject_field,
        PARTITION_KEY: contract.partition_field,
        DISCRIMINATOR: list(contract.discriminator_fields),
        **contract.model_json_schema(mode="serialization"),
    }


def envelope_schema(minor: int = 0) -> Schema:
    """Return the schema of what surrounds every event; `data` has one of its own."""
    schema = Envelope.model_json_schema(mode="serialization")
    schema.pop("$defs", None)
    described = schema["properties"]["data"].get("description")
    schema["properties"]["data"] = {"type": "object", "title": "Data", "description": described}
    return {**_head(Version(ENVELOPE, 1, minor)), **schema, "title": "Envelope"}


def _head(version: Version) -> Schema:
    return {"$schema": DIALECT, "$id": f"/{version.schema_file}"}
