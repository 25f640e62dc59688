"""
What has been published of the contracts: a schema and a sample of every version, committed.

A version is `<major>.<minor>`: the major is the `version` of the class, the minor counts what was
added to it since. What is published never changes; a version's newest minor is the current one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
_FILE = re.compile(r"([1-9]\d*)\.(\d+)\.json")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """One published state of one event."""

    name: str
    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.name} {self.major}.{self.minor}"

    @property
    def schema_file(self) -> str:
        return f"schemas/{self.name}/{self.major}.{self.minor}.json"

    @property
    def sample_file(self) -> str:
        return f"samples/{self.name}/{self.major}.{self.minor}.json"


def published(folder: Path = HERE) -> Sequence[Version]:
    """Return every version with a schema, in order."""
    paths = ((path, _FILE.fullmatch(path.name)) for path in folder.glob("schemas/*/*.json"))
    return sorted(
        Version(path.parent.name, int(match[1]), int(match[2])) for path, match in paths if match
    )


@cache
def newest() -> Mapping[tuple[str, int], Version]:
    """Return the current version of each event, by its name and major."""
    return {(version.name, version.major): version for version in published()}


@cache
def schema_path(name: str, major: int) -> str:
    """Return where the current schema is served, below the installation's public URL."""
    current = newest().get((name, major), Version(name, major, 0))
    return f"/{current.schema_file}"


def forget() -> None:
    """Look again: a version was published since."""
    newest.cache_clear()
    schema_path.cache_clear()
