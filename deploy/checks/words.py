"""The retired words: read from the table in docs/glossary.md, refused in names."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePath

from deploy.checks import ROOT, Finding
from deploy.checks.names import Name, parts

GLOSSARY = ROOT / "docs" / "glossary.md"
_TITLE = "## Retired words"
# Nouns that end as a gerund does.
NOUNS = frozenset({"pricing", "rating"})


@dataclass(frozen=True, slots=True)
class Retired:
    """A word, or several in a row, that a name may not contain."""

    words: tuple[str, ...]
    instead: str
    only_in: tuple[str, ...]
    allowed: tuple[str, ...]

    def refuses(self, path: str, name: str) -> bool:
        """Say whether the name, in this file, uses the word where it is not allowed."""
        if not self._is_in(parts(name)) or (self.only_in and not _any(path, self.only_in)):
            return False
        return not any(_any(text, self.allowed) for text in (path, name, "_".join(parts(name))))

    def _is_in(self, name: Sequence[str]) -> bool:
        size = len(self.words)
        *start, last = self.words
        return any(
            [*name[at : at + size - 1]] == start and name[at + size - 1] in (last, last + "s")
            for at in range(len(name) - size + 1)
        )


def retired_words(glossary: str) -> list[Retired]:
    """Read the table; a row may name several forms of one word."""
    _, title, rest = glossary.partition(_TITLE)
    if not title:
        raise ValueError(f"docs/glossary.md has no {_TITLE!r}.")
    found = []
    for row in re.findall(r"^\| *`.*\|$", rest.partition("\n## ")[0], re.MULTILINE):
        words, instead, only_in, allowed = (cell.strip() for cell in row.strip("|").split("|"))
        places, names = _quoted(only_in), _quoted(allowed)
        found += [
            Retired(tuple(word.split()), instead.replace("`", ""), places, names)
            for word in _quoted(words)
        ]
    return found


def check(path: str, names: Iterable[Name], retired: Sequence[Retired]) -> Iterator[Finding]:
    """Yield each name of a file that has a retired word, once."""
    lines: dict[str, int] = {}
    for line, name in names:
        lines.setdefault(name, line)
    for name, line in lines.items():
        broken = next((each for each in retired if each.refuses(path, name)), None)
        if broken is not None:
            text = f"{name}: '{' '.join(broken.words)}' is retired; say {broken.instead}"
            yield Finding(path, line, "retired word", text)


def check_file_name(path: str) -> Iterator[Finding]:
    """Yield a module of a service whose name says what it does and not to what."""
    stem = PurePath(path).stem
    if re.match(r"services/\w+/\w+/.*\.py$", path) and stem.endswith("ing") and stem not in NOUNS:
        text = f"{stem} is a gerund; name the file by its object, in the plural"
        yield Finding(path, 1, "file name", text)


def _quoted(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


def _any(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)
