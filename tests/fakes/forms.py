"""Bodies in forms: `a[b][0][c]=1` as nested objects with the types of the contract."""

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from tests.fakes.schemas import Json, Schema

Resolve: TypeAlias = Callable[[Schema], Schema]

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class MalformedForm(ValueError):
    """The names of a form contradict each other, or are not of the form `a[b]`."""


def decode_form(pairs: Iterable[tuple[str, str]]) -> dict[str, Json]:
    """Nest what is named `a[b]`; a list is still an object by index, as the form has it."""
    decoded: dict[str, Json] = {}
    for name, value in pairs:
        found = _NAME.fullmatch(name)
        if found is None:
            raise MalformedForm(f"{name}: not a name of the form a[b]")
        path = [found[1], *re.findall(r"\[([^\[\]]*)\]", found[2])]
        at = decoded
        for part in path[:-1]:
            at = at.setdefault(part or str(len(at)), {})
            if not isinstance(at, dict):
                raise MalformedForm(f"{name}: both a value and an object")
        last = path[-1] or str(len(at))
        if last in at:
            raise MalformedForm(f"{name}: given twice")
        at[last] = value
    return decoded


def typed(value: Json, schema: Schema, resolve: Resolve) -> Json:
    """
    Give the text of a form the type that the contract wants.

    What fits no type stays text, so that the judge names it.
    """
    schema = resolve(schema)
    alternatives = [
        each for key in ("anyOf", "oneOf") for each in schema.get(key, ()) if key in schema
    ]
    if alternatives:
        made = [typed(value, each, resolve) for each in alternatives]
        for each, alternative in zip(made, alternatives, strict=True):
            if _fits(each, resolve(alternative)):
                return each
        return made[0]
    if isinstance(value, dict):
        return _typed_object(value, schema, resolve)
    return _typed_text(value, schema)


def _typed_object(value: dict[str, Json], schema: Schema, resolve: Resolve) -> Json:
    if schema.get("type") == "array":
        indexes = [str(index) for index in range(len(value))]
        if sorted(value) != sorted(indexes):
            return value
        return [typed(value[index], schema["items"], resolve) for index in indexes]
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties")
    rest: Schema = others if isinstance(others, dict) else {}
    return {name: typed(each, properties.get(name, rest), resolve) for name, each in value.items()}


def _typed_text(value: Any, schema: Schema) -> Json:
    match schema.get("type"):
        case "integer" if _WHOLE.fullmatch(value):
            return int(value)
        case "number" if _DECIMAL.fullmatch(value):
            return float(value)
        case "boolean" if value in ("true", "false"):
            return value == "true"
        case _:
            return value


def _fits(value: Json, schema: Schema) -> bool:
    """Say whether a value has the type of an alternative; the judge looks at the rest."""
    if "enum" in schema and value not in schema["enum"]:
        return False
    kinds: dict[str, type | tuple[type, ...]] = {
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "object": dict,
        "array": list,
        "string": str,
    }
    wanted = kinds.get(schema.get("type", ""))
    return wanted is None or isinstance(value, wanted)
