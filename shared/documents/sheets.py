"""One document as text, whatever form it is written in."""

from dataclasses import dataclass
from typing import TypeAlias

# Labelled values, one below the other.
Lines: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A document: its title, the issuer's lines, labelled lines, tables of amounts, and notes."""

    title: str
    seller: tuple[str, ...]
    about: Lines
    # The last line of each table is its total.
    tables: tuple[Lines, ...]
    notes: tuple[str, ...] = ()
