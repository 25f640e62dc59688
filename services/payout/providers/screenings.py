"""Sanctions screening: what the service asks of a list, and lists in files, as published."""

import asyncio
import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import structlog

from services.payout.domain.screenings import ListedName, SanctionsList, ScreeningResult

log = structlog.get_logger()

# A download that was cut off would clear everybody whose name it lost.
KEPT_PERCENT_MIN = 50
NULL = "-0-"
_OFAC_NAME, _OFAC_ALIAS = 1, 3


class BadList(Exception):
    """There is no list in the folder, or a file of it is none that can be read."""


class Screening(Protocol):
    """
    A list of names, or a vendor that has one.

    A vendor's calls raise `ProviderUnavailable` if there is no usable answer: nobody is cleared.
    """

    @property
    def list_version(self) -> str:
        """Which list it is now: every payee is screened again with a new one."""

    @property
    def lists(self) -> Mapping[str, datetime]:
        """When each list in use was written, by its name; a vendor's own have no age."""

    async def refresh(self) -> None:
        """Look for a newer list."""

    async def screen(self, name: str, country: str | None) -> ScreeningResult:
        """Return the entries that the name of a person in a country may be of."""


class ListFiles:
    """
    The lists in a folder, each a CSV file as its publisher offers it.

    Of OFAC: sdn.csv and alt.csv, cons_prim.csv and cons_alt.csv. Of the European Union: the
    consolidated list (FSF). And the simple CSV of targets of opensanctions.org.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = _stamp(folder)
        self._list = read_lists(folder)

    @property
    def list_version(self) -> str:
        return self._list.version

    @property
    def lists(self) -> Mapping[str, datetime]:
        # Of the files that were read last: one that could not be is as old as the one before it.
        return {name: datetime.fromtimestamp(at / 1e9, UTC) for name, at, _ in self._seen}

    async def refresh(self) -> None:
        """Read the files again if any has changed; what cannot be believed is not used."""
        seen = await asyncio.to_thread(_stamp, self._folder)
        if seen == self._seen:
            return
        try:
            read = await asyncio.to_thread(read_lists, self._folder)
        except BadList:
            log.exception("sanctions.unreadable", folder=str(self._folder))
            return
        if len(read) * 100 < len(self._list) * KEPT_PERCENT_MIN:
            log.error("sanctions.shrunk", names=len(read), before=len(self._list))
            return
        self._seen, self._list = seen, read
        log.info("sanctions.loaded", version=read.version, names=len(read))

    async def screen(self, name: str, country: str | None) -> ScreeningResult:  # noqa: ARG002
        # Lists name nationalities and places of birth: none of them says where somebody lives.
        return self._list.screen(name)


def read_lists(folder: Path) -> SanctionsList:
    """Read all lists of a folder; raises `BadList`."""
    digest = hashlib.sha256()
    names: list[ListedName] = []
    for file in _files(folder):
        try:
            content = file.read_bytes()
            found = list(_names_in(file.stem.lower(), content.decode("utf-8-sig")))
        except (OSError, ValueError, csv.Error) as error:
            raise BadList(f"{file.name} cannot be read: {error!r}"[:200]) from error
        if not found:
            raise BadList(f"{file.name} has no names, or is no list that is known")
        digest.update(file.name.encode() + b"\n" + hashlib.sha256(content).digest())
        names += found
    if not names:
        raise BadList(f"{folder} has no list (*.csv)")
    return SanctionsList(digest.hexdigest()[:16], names)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.csv"))


def _stamp(folder: Path) -> list[tuple[str, int, int]]:
    return [(file.name, (stat := file.stat()).st_mtime_ns, stat.st_size) for file in _files(folder)]


def _names_in(file: str, content: str) -> Iterator[ListedName]:
    """Yield the names of a file, known by its header; OFAC's files have none, but known names."""
    lines = content.splitlines()
    header = lines[0] if lines else ""
    if "Entity_LogicalId" in header:
        for row in csv.DictReader(lines, delimiter=";"):
            yield from _listed(f"eu:{row['Entity_LogicalId']}", [row["NameAlias_WholeName"]])
    elif header.replace('"', "").startswith("id,schema,name,aliases"):
        for row in csv.DictReader(lines):
            yield from _listed(row["id"], [row["name"], *row["aliases"].split(";")])
    elif file in ("sdn", "cons_prim", "alt", "cons_alt"):
        column = _OFAC_ALIAS if file.endswith("alt") else _OFAC_NAME
        # One list has its main names in one file and its aliases in another.
        list_name = "ofac" if file in ("sdn", "alt") else "ofac-cons"
        for cells in csv.reader(lines):
            if len(cells) > column:
                yield from _listed(f"{list_name}:{cells[0].strip()}", [cells[column]])


def _listed(entry: str, names: Sequence[str | None]) -> Iterator[ListedName]:
    for name in names:
        if name and name.strip() not in ("", NULL):
            yield ListedName(entry[:128], name.strip()[:200])
