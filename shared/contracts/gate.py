"""
Whether the contracts may be as they are: compared with everything that was ever published.

Every class is compared with all committed minors of its version, and every sample ever committed
must still be read as the same fact. `published.json` names every file and its hash, so that none
is lost or edited in silence.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from .base import Event
from .compatibility import added, breaks, is_same
from .envelope import PUBLIC_URL, Envelope
from .published import HERE, Version, published
from .routes import BY_TYPE, EVENTS
from .samples import envelope, sample
from .schema import ENVELOPE, data_schema, envelope_schema

Contract: TypeAlias = type[Event]
Document: TypeAlias = dict[str, Any]

MANIFEST = "published.json"
EDITED = "What is published never changes: take it back from git."


@dataclass(frozen=True, slots=True)
class Review:
    """What must not be as it is, and what is new and may be published."""

    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def review(contracts: Sequence[Contract] = EVENTS, *, folder: Path = HERE) -> Review:
    """Compare the contracts with what is published in a folder."""
    found = Review()
    found.faults.extend(_lost_or_edited(folder))
    schemas = {version: _read(folder / version.schema_file) for version in published(folder)}
    for definition in _definitions(contracts):
        known = [version for version in schemas if (version.name, version.major) == definition.key]
        faults = [
            text for each in known for text in breaks(each, schemas[each], definition.schema(0))
        ]
        if known and not faults:
            faults += _unexplained(known[-1], schemas[known[-1]], definition.schema(0))
        found.faults.extend(_once(faults))
        if not faults and (note := _news(definition, schemas[known[-1]] if known else None, known)):
            found.notes.append(note)
        if not faults:
            found.faults.extend(_unreadable(definition, known, folder))
    found.faults.extend(_abandoned(contracts, schemas))
    return found


def publish(contracts: Sequence[Contract] = EVENTS, *, folder: Path = HERE) -> list[Version]:
    """Write the schema and a sample of everything that is new; what is published stays."""
    current = {(version.name, version.major): version for version in published(folder)}
    written = []
    for definition in _definitions(contracts):
        newest = current.get(definition.key)
        if newest and is_same(_read(folder / newest.schema_file), definition.schema(0)):
            continue
        version = Version(*definition.key, newest.minor + 1 if newest else 0)
        _write(folder / version.schema_file, definition.schema(version.minor))
        _write(folder / version.sample_file, definition.sample(version))
        written.append(version)
    if written:
        hashes = {name: _hash(folder / name) for version in written for name in _files(version)}
        _write(folder / MANIFEST, dict(sorted({**_manifest(folder), **hashes}.items())))
    return written


@dataclass(frozen=True, slots=True)
class _Definition:
    """What has a published schema: an event, or (without a contract) the envelope."""

    key: tuple[str, int]
    contract: Contract | None

    def schema(self, minor: int) -> Document:
        return data_schema(self.contract, minor) if self.contract else envelope_schema(minor)

    def sample(self, version: Version) -> Document:
        document: Document = json.loads(envelope(sample(self.contract or EVENTS[0])))
        if self.contract:
            document["dataschema"] = f"{PUBLIC_URL}/{version.schema_file}"
        return document


def _definitions(contracts: Sequence[Contract]) -> Iterator[_Definition]:
    yield _Definition((ENVELOPE, 1), None)
    yield from (_Definition((each.name, each.version), each) for each in contracts)


def _unexplained(version: Version, old: Document, new: Document) -> list[str]:
    """A change that breaks no rule and adds no field is one that no rule looks at."""
    if is_same(old, new) or added(old, new):
        return []
    return [f"{version}: it changed in a way that no rule knows. Take it back, or add the rule."]


def _news(definition: _Definition, old: Document | None, known: Sequence[Version]) -> str | None:
    name, major = definition.key
    if old is None:
        return f"{name} is new: `make contracts` publishes it as {major}.0."
    if is_same(old, definition.schema(0)):
        return None
    fields = ", ".join(f"`{each}`" for each in added(old, definition.schema(0)))
    return (
        f"{name} gained {fields}: `make contracts` publishes it as {major}.{known[-1].minor + 1}."
    )


def _unreadable(definition: _Definition, known: Sequence[Version], folder: Path) -> Iterator[str]:
    """Yield the samples that today's class cannot read, or reads as another fact."""
    for version in known:
        path = folder / version.sample_file
        if not path.exists():
            continue  # reported already
        document = _read(path)
        try:
            event = (definition.contract or BY_TYPE[document["type"]]).model_validate(
                document["data"]
            )
            Envelope[Any].model_validate({**document, "data": {}})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(step) for step in first["loc"])
            yield f"{version}: its sample cannot be read any more: `{where}`: {first['msg']}."
            continue
        for attribute, now in (
            ("id", str(event.id)),
            ("subject", event.subject),
            ("partitionkey", event.partition_key),
        ):
            if document[attribute] != now:
                yield (
                    f"{version}: the {attribute} of its sample would be {now}, and was "
                    f"{document[attribute]}. Receivers would take old facts for new ones."
                )


def _abandoned(contracts: Sequence[Contract], schemas: Mapping[Version, Document]) -> Iterator[str]:
    keys = {definition.key for definition in _definitions(contracts)}
    for name, major in dict.fromkeys((each.name, each.major) for each in schemas):
        if (name, major) not in keys:
            yield (
                f"{name} {major}: no class publishes it any more. Other teams receive it. Keep the "
                f"class, in EVENTS too (see CONTRIBUTING.md, Changing an event)."
            )


def _lost_or_edited(folder: Path) -> Iterator[str]:
    manifest = _manifest(folder)
    for name, known in manifest.items():
        if not (folder / name).exists():
            yield f"{name} is gone. {EDITED}"
        elif _hash(folder / name) != known:
            yield f"{name} was edited. {EDITED}"
    for version in published(folder):
        for name in _files(version):
            if name not in manifest:
                yield f"{name} is not in {MANIFEST}: `make contracts` writes both; edit neither."


def _files(version: Version) -> tuple[str, str]:
    return version.schema_file, version.sample_file


def _manifest(folder: Path) -> Document:
    path = folder / MANIFEST
    return _read(path) if path.exists() else {}


def _once(faults: Sequence[str]) -> list[str]:
    """Keep each fault once: of several minors that say the same, the oldest."""
    seen: dict[str, str] = {}
    for text in faults:
        seen.setdefault(text.partition(": ")[2], text)
    return list(seen.values())


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(path: Path) -> Document:
    document: Document = json.loads(path.read_text())
    return document


def _write(path: Path, document: Document) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
