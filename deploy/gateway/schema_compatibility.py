"""
Whether each value of one JSON Schema is one of another, and what differs if not.

What clients send goes from the old schema to the new one, what they read from the new one to the
old one: so one comparison serves both. Beside that, no field is lost in either direction.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]
Schema: TypeAlias = Mapping[str, Any]
# The bounds that only shrink what is accepted, and whether a greater one accepts more.
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
EXACT = ("pattern", "multipleOf", "uniqueItems")


class Direction(Enum):
    """Which way the values go."""

    SENT = "sent"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether what `small` describes fits into what `big` describes, each in its document."""

    small: Document
    big: Document
    direction: Direction
    # Pairs of schemas that are being compared: a schema may hold itself.
    _open: set[tuple[int, int]] = field(default_factory=set)

    def differences(self, small: Schema, big: Schema, where: str) -> Iterator[str]:
        """Yield what does not fit, as sentences about what changed from old to new."""
        pair = id(small), id(big)
        if pair in self._open:
            return
        self._open.add(pair)
        others = _alternatives(big, self.big)
        for one in _alternatives(small, self.small):
            yield from self._best(one, others, where)
        self._open.discard(pair)

    def _best(self, one: Schema, others: Sequence[Schema], where: str) -> Iterator[str]:
        """Yield the differences to the alternative that is nearest."""
        fitting = [other for other in others if _is_of_type(one, other)]
        if not fitting:
            kind, known = _kind(one), " or ".join(_kind(other) for other in others)
            yield (
                f"{where} was {kind} too and is only {known}. Clients send it. Keep the type."
                if self.direction is Direction.SENT
                else f"{where} was {known} and may be {kind}. Clients do not expect it."
                " Keep the type."
            )
            return
        found = [list(self._single(one, other, where)) for other in fitting]
        yield from min(found, key=len)

    def _single(self, small: Schema, big: Schema, where: str) -> Iterator[str]:
        yield from self._values(small, big, where)
        yield from self._form(small, big, where)
        if self.direction is Direction.SENT:
            yield from _bounds(small, big, where)
            if small.get("default", None) != big.get("default", None) and "default" in small:
                yield f"{where} has another default. What is not sent would mean something else."
        yield from self._fields(small, big, where)
        for keyword, place in (("items", f"{where}[]"), ("additionalProperties", f"{where}{{}}")):
            one, other = small.get(keyword), big.get(keyword)
            if isinstance(one, Mapping) and isinstance(other, Mapping):
                yield from self.differences(one, other, place)
        closed = big.get("additionalProperties") is False
        was_closed = small.get("additionalProperties") is False
        if self.direction is Direction.SENT and closed and not was_closed:
            yield f"{where} takes no unknown fields any more. Clients may send some. Take them."

    def _values(self, small: Schema, big: Schema, where: str) -> Iterator[str]:
        known = _known_values(big)
        if known is None:
            return
        given = _known_values(small)
        more = ["any"] if given is None else [value for value in given if value not in known]
        for value in more:
            yield (
                f"{where} no longer takes the value {value}. Clients send it. Keep it."
                if self.direction is Direction.SENT
                else f"{where} may have the new value {value}. Clients that know all values would"
                " be wrong. Add a field beside it."
            )

    def _form(self, small: Schema, big: Schema, where: str) -> Iterator[str]:
        if "format" in big and big["format"] != small.get("format"):
            old, new = small.get("format"), big["format"]
            if self.direction is Direction.READ:
                old, new = new, old
            yield f"{where} had the format {old} and has {new}. Keep it."

    def _fields(self, small: Schema, big: Schema, where: str) -> Iterator[str]:
        """Compare the fields of objects."""
        old, new = (small, big) if self.direction is Direction.SENT else (big, small)
        before, now = old.get("properties", {}), new.get("properties", {})
        for name in before.keys() - now.keys():
            yield f"{where}: the field `{name}` is gone. Keep it, and add the new one beside it."
        for name in sorted(before.keys() & now.keys()):
            one, other = small["properties"][name], big["properties"][name]
            yield from self.differences(one, other, f"{where}.{name}")
        was, needed = set(old.get("required", ())), set(new.get("required", ()))
        if self.direction is Direction.SENT:
            for name in sorted(needed - was):
                yield (
                    f"{where}: the field `{name}` is required now. Clients do not send it."
                    " Give it a default."
                )
        else:
            for name in sorted((was - needed) & now.keys()):
                yield (
                    f"{where}: the field `{name}` was always there and may be missing. Clients rely"
                    " on it. Keep it required."
                )


def _bounds(small: Schema, big: Schema, where: str) -> Iterator[str]:
    for keyword in (*UPPER, *LOWER, *EXACT):
        if (now := big.get(keyword)) is None:
            continue
        before = small.get(keyword)
        is_kept = before is not None and (
            (keyword in UPPER and now >= before)
            or (keyword in LOWER and now <= before)
            or now == before
        )
        if not is_kept:
            was = "free" if before is None else before
            yield f"{where} is narrower: its {keyword} was {was} and is {now}. Clients send more."


def _alternatives(schema: Schema, document: Document) -> list[Schema]:
    """Return the schemas of which a value has to fit one, with references followed."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        found: Schema = document["components"]["schemas"][name]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _alternatives({**found, **beside}, document)
    for keyword in ("anyOf", "oneOf", "allOf"):
        parts = schema.get(keyword)
        # Of all of several the first says the type; ours have never more than one.
        if parts and (keyword != "allOf" or len(parts) == 1):
            beside = {key: value for key, value in schema.items() if key != keyword}
            found_in = [each for part in parts for each in _alternatives(part, document)]
            return [{**beside, **each} for each in found_in]
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return [{**schema, "type": kind} for kind in kinds]
    return [schema]


def _known_values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] | None = schema.get("enum")
    return values


def _is_of_type(small: Schema, big: Schema) -> bool:
    one, other = small.get("type"), big.get("type")
    return other is None or one == other or (one == "integer" and other == "number")


def _kind(schema: Schema) -> str:
    return str(schema.get("type", "any value"))
