"""What is known of each problem: its code, its sentence, and the types of its facts."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from deploy.clients.document import Document, problems
from deploy.config.environment import ROOT

PAGE = Path(__file__).parent / "problems.toml"
TABLE = ROOT / "services" / "web" / "problems.json"


class FactKind(Enum):
    """The types that facts have; a text is also a moment or an id."""

    TEXT = "text"
    INTEGER = "integer"
    TEXTS = "texts"
    FAULTS = "faults"


@dataclass(frozen=True, slots=True)
class KnownProblem:
    """A code, its sentence, and the kind of each fact."""

    code: str
    sentence: str
    facts: Mapping[str, FactKind]

    @property
    def class_name(self) -> str:
        return "".join(part.capitalize() for part in self.code.split("-"))


def facts_of(code: str) -> list[str]:
    """Return the names of the facts of a code."""
    named = set(_table().get(code, {"facts": []})["facts"])
    return sorted(named | set(_page()["more"].get(code, "").split()))


def known_problems(document: Document) -> list[KnownProblem]:
    """Return every problem that an operation of the document may answer with."""
    kinds = {
        name: FactKind(kind) for kind, names in _page()["kinds"].items() for name in names.split()
    }
    return [
        KnownProblem(
            code,
            sentence,
            {name: kinds.get(name, FactKind.TEXT) for name in facts_of(code)},
        )
        for code, sentence in problems(document).items()
    ]


@cache
def _page() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(PAGE.read_text())


@cache
def _table() -> Mapping[str, Mapping[str, list[str]]]:
    table: Mapping[str, Mapping[str, list[str]]] = json.loads(TABLE.read_bytes())
    return table
