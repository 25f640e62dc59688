"""
What may change within a version of an event: a new optional field may come, and nothing else.

We write events that others read, and read events that were written long ago, so a change has to
be harmless in both directions. Six rules:

1. no field is removed or renamed;
2. no new field is required: what was written before does not have it;
3. what was always there stays always there, and what could be missing may still be missing;
4. no type, format, unit, default or set of known values changes (a value more breaks readers
   that know them all);
5. no bound changes: narrower refuses what was written before, wider does not fit where others
   keep it;
6. unknown fields stay allowed, and what makes two facts one (subject, partition key,
   discriminator) stays what it is: ids never change.

Pure: compares schemas, which say all of this.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from .published import Version
from .schema import DISCRIMINATOR, PARTITION_KEY, SUBJECT

Schema: TypeAlias = Mapping[str, Any]

SEE = "publish version {next} beside version {major} (see CONTRIBUTING.md, Changing an event)"
# Prose may change at any time.
_WORDS = frozenset({"title", "description", "examples", "$id", "$schema", "$defs"})
# Compared on their own.
_STRUCTURE = frozenset({"properties", "required", "items", "anyOf", "enum", "additionalProperties"})
_BOUNDS = frozenset(
    {
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        *("minLength", "maxLength", "minItems", "maxItems", "pattern"),
    }
)
_IDENTITY = {
    SUBJECT: "the row it is about",
    PARTITION_KEY: "whose it is",
    DISCRIMINATOR: "what tells two facts apart",
}


def breaks(version: Version, old: Schema, new: Schema) -> list[str]:
    """Return what must not change but would, as sentences that say what to do instead."""
    instead = SEE.format(next=version.major + 1, major=version.major)
    found = [_IDENTITY_CHANGED.format(key=key, what=_IDENTITY[key]) for key in _moved(old, new)]
    found += _Comparison(old, new).differences()
    return [f"{version}: {text.replace(INSTEAD, instead)}" for text in found]


def added(old: Schema, new: Schema) -> list[str]:
    """Return the fields that are new."""
    return sorted(set(_fields(new, new)) - set(_fields(old, old)))


def is_same(old: Schema, new: Schema) -> bool:
    """Whether two schemas accept the same; words may differ."""
    return bool(_bare(old, old) == _bare(new, new))


INSTEAD = "<instead>"
_IDENTITY_CHANGED = (
    f"`{{key}}` ({{what}}) is another one. Ids and order follow from it, and receivers remember "
    f"ids for ever. Keep it; or {INSTEAD}."
)
_GONE = (
    f"`{{field}}` is gone. Other teams read it. Keep it and add the new field beside it as an "
    f"optional one; or {INSTEAD}."
)
_NEW_REQUIRED = (
    "`{field}` is new and required. What was published before does not have it and could not be "
    "read any more. Make it optional (`| None = None`, or another default)."
)
_NOW_REQUIRED = (
    "`{field}` was optional and is required now. What was published without it could not be read "
    "any more. Keep its default."
)
_NOW_OPTIONAL = (
    f"`{{field}}` was always there and may be missing now. Other teams rely on it. Keep it "
    f"required; or {INSTEAD}."
)
_CHANGED = (
    f"`{{field}}` changes its {{what}} from {{old}} to {{new}}. Other teams read it as it was, and "
    f"what was published before stays as it was. Keep it and add a new optional field beside it; "
    f"or {INSTEAD}."
)
_VALUES = (
    f"`{{field}}` {{what}}. Readers that know all its values would be wrong. Keep them as they are "
    f"and add a new optional field beside it; or {INSTEAD}."
)
_CLOSED = "`{field}` no longer allows unknown fields, so that no field could ever be added. Do."


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old
        self._new = new

    def differences(self) -> list[str]:
        # A part that several fields hold says the same of each: once is enough.
        return list(dict.fromkeys(self._object(self._old, self._new, "")))

    def _object(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        here = f"{path}." if path else ""
        known, fields = old.get("properties", {}), new.get("properties", {})
        for name in known:
            if name not in fields:
                yield _GONE.format(field=here + name)
        yield from _requirements(old, new, here)
        for name in known.keys() & fields.keys():
            yield from self._value(known[name], fields[name], here + name)
        if new.get("additionalProperties", True) is not True:
            yield _CLOSED.format(field=path or "the event")

    def _value(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        kinds = _kinds(old, self._old), _kinds(new, self._new)
        if kinds[0] != kinds[1]:
            # Everything else about it differs for this reason.
            yield _CHANGED.format(field=path, what="type", old=kinds[0], new=kinds[1])
            return
        yield from _keywords(old, new, path)
        yield from _values(old, new, path)
        if "properties" in old or "properties" in new:
            yield from self._object(old, new, path)
        else:
            yield from self._held(old, new, "additionalProperties", f"{path}{{}}")
        yield from self._held(old, new, "items", f"{path}[]")
        for before, now in zip(old.get("anyOf", ()), new.get("anyOf", ()), strict=True):
            yield from self._value(before, now, path)

    def _held(self, old: Schema, new: Schema, keyword: str, path: str) -> Iterator[str]:
        """Compare what a list or a map holds."""
        before, now = old.get(keyword), new.get(keyword)
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            yield from self._value(before, now, path)
        elif before != now:
            yield _CHANGED.format(field=path, what=keyword, old=before, new=now)


def _requirements(old: Schema, new: Schema, here: str) -> Iterator[str]:
    known, fields = old.get("properties", {}), new.get("properties", {})
    was, now = set(old.get("required", ())), set(new.get("required", ()))
    for name in fields:
        if name in now and name not in known:
            yield _NEW_REQUIRED.format(field=here + name)
        elif name in now and name not in was:
            yield _NOW_REQUIRED.format(field=here + name)
        elif name in was and name not in now:
            yield _NOW_OPTIONAL.format(field=here + name)


def _keywords(old: Schema, new: Schema, path: str) -> Iterator[str]:
    """Compare all plain values, also those of keywords that no rule names."""
    for keyword in sorted((old.keys() | new.keys()) - _WORDS - _STRUCTURE):
        before, now = old.get(keyword, "none"), new.get(keyword, "none")
        if keyword == "default" and not (keyword in old and keyword in new):
            continue  # reported already: it became required, or optional
        if before != now or type(before) is not type(now):
            what = f"bound ({keyword})" if keyword in _BOUNDS else keyword.removeprefix("x-")
            yield _CHANGED.format(field=path, what=what, old=before, new=now)


def _values(old: Schema, new: Schema, path: str) -> Iterator[str]:
    before, now = old.get("enum", []), new.get("enum", [])
    if gone := [value for value in before if value not in now]:
        yield _VALUES.format(field=path, what=f"no longer knows {', '.join(map(str, gone))}")
    if new_ones := [value for value in now if value not in before]:
        yield _VALUES.format(field=path, what=f"gains {', '.join(map(str, new_ones))}")


def _moved(old: Schema, new: Schema) -> list[str]:
    return [key for key in _IDENTITY if old.get(key) != new.get(key)]


def _resolved(node: Schema, whole: Schema) -> Schema:
    """Return what a reference points to; words beside the reference count before those there."""
    if "$ref" not in node:
        return node
    target: Schema = whole["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return {**target, **{key: value for key, value in node.items() if key != "$ref"}}


def _kinds(node: Schema, whole: Schema) -> str:
    """Name the type of a value as a person would."""
    kinds: Sequence[Schema] = node.get("anyOf", [node])
    return " or ".join(str(_resolved(kind, whole).get("type", "?")) for kind in kinds)


def _bare(node: Any, whole: Schema) -> Any:
    """Return a schema with its references resolved and without its words."""
    if isinstance(node, list):
        return [_bare(each, whole) for each in node]
    if not isinstance(node, Mapping):
        return node
    bare: dict[str, Any] = {}
    for key, value in _resolved(node, whole).items():
        if key == "properties":
            bare[key] = {name: _bare(each, whole) for name, each in value.items()}
        elif key == "required":
            bare[key] = sorted(value)
        elif key not in _WORDS:
            bare[key] = _bare(value, whole)
    return bare


def _fields(node: Schema, whole: Schema, path: str = "") -> Iterator[str]:
    """Yield the path of every field of a schema and of what it holds."""
    node = _resolved(node, whole)
    for name, each in node.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here
        yield from _fields(each, whole, here)
    for each in (*node.get("anyOf", ()), *([node["items"]] if "items" in node else ())):
        yield from _fields(each, whole, path)
