"""Which people an event names, wherever in it: their erasure finds it by them."""

from collections.abc import Iterator, Mapping
from typing import Any

# Fields of events whose value is a user's id; a test compares them with the contracts.
PERSON_FIELDS = frozenset(
    (
        *("approved_by", "changed_by", "creator", "guest", "guests"),
        *("requested_by", "shared_by", "user", "viewer"),
    )
)


def people_in(event: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the people that the data of an event names, each once."""
    return tuple(sorted(set(_people(event))))


def _people(value: object, field: str = "") -> Iterator[str]:
    match value:
        case dict():
            for name, each in value.items():
                yield from _people(each, name)
        case list() | tuple():
            for each in value:
                yield from _people(each, field)
        case str() if field in PERSON_FIELDS:
            yield value
