r"""
SQL with named parameters, made once into what PostgreSQL takes: `:user` becomes `$1`.

    _LOTS = text("SELECT id FROM lots WHERE user_id = :user")

A statement is a constant of its module, so it is translated when the module is imported. A colon
begins a parameter where a name follows and neither a word nor a colon stands before it: casts
(`::text`) and slices (`parts[1:n]`) stay as they are. So do texts, quoted names, dollar quotes and
comments, as PostgreSQL reads them.

An array of numbers (`CAST(:coins AS bigint[])`) travels as text, and so does an array of texts,
ids or days that only `unnest` reads: asyncpg asks of each element whether it is an array itself,
which takes longer than all else. Elsewhere (`= ANY(...)`) PostgreSQL might read a text once a row.
https://www.postgresql.org/docs/15/sql-syntax-lexical.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.postgres.copying import array, text_array

# Each alternative begins with the character itself, so that the search runs from one to the next.
_MARK = re.compile(
    r"""
      ' (?<= [eE]') (?<! \w[eE]') (?: \\. | '' | [^'\\] )* '   # a text with escapes
    | ' (?: '' | [^'] )* '                                     # a text
    | " (?: "" | [^"] )* "                                     # a quoted name
    | \$ (?<! [\w$]\$) (?P<tag> (?: [^\W\d] \w* )? ) \$ .*? \$ (?P=tag) \$
    | -- [^\n]*
    | /\* (?P<comment>)
    | \$ (?<! [\w$]\$) (?P<position> \d+ )
    | : (?<! [\w:]: ) (?P<name> [^\W\d] \w* )
    """,
    re.VERBOSE | re.DOTALL,
)
# As it was written, or as a statement has it that became a part of this one.
_ARRAY = re.compile(r"CAST\((?:CAST\()?:(\w+)(?: AS text\))? AS (\w+)\[\]\)")
_UNNEST = re.compile(rf"\bunnest\((?:\s*{_ARRAY.pattern},?)+\s*\)")
_NUMBERS = frozenset({"bigint", "integer", "smallint"})
_READ_ONCE = frozenset({"text", "uuid", "date"})
_COMMENT_EDGE = re.compile(r"/\*|\*/")


class Statement:
    """
    A statement as it was written, and as it is sent.

    `sql` has a position where `text` has a name; `names` are the parameters in the order of their
    positions, each once. `arrays` are the names of those that are sent as text, each with the
    type of its elements.
    """

    __slots__ = ("arrays", "names", "sql", "text")

    def __init__(self, text: str) -> None:
        names: dict[str, int] = {}
        self.arrays = arrays = dict(_arrays(text))
        self.text = text = _ARRAY.sub(
            lambda found: (
                f"CAST(CAST(:{found[1]} AS text) AS {found[2]}[])"
                if found[1] in arrays
                else found[0]
            ),
            text,
        )
        self.sql = "".join(_pieces(text, names))
        self.names = tuple(names)

    def values_of(self, given: Mapping[str, Any]) -> list[Any]:
        """Return the parameters' values as they are sent, in the order of their positions."""
        arrays = self.arrays
        return [
            _written(arrays[name], given[name]) if name in arrays else given[name]
            for name in self.names
        ]


def text(source: str) -> Statement:
    """Return a statement; it has no positions (`$1`) of its own."""
    return Statement(source)


def _written(kind: str, values: Any) -> str | None:
    if values is None:
        return None
    return text_array(values) if kind == "text" else array(values)


def _arrays(source: str) -> Iterator[tuple[str, str]]:
    """Yield the names of the arrays that are sent as text, and the types of their elements."""
    for name, kind in _ARRAY.findall(source):
        if kind in _NUMBERS:
            yield name, kind
    for unnest in _UNNEST.finditer(source):
        for name, kind in _ARRAY.findall(unnest[0]):
            if kind in _READ_ONCE:
                yield name, kind


def _pieces(source: str, names: dict[str, int]) -> Iterator[str]:
    """Yield the parts of the SQL, and give each new name the next position."""
    copied = at = 0
    while found := _MARK.search(source, at):
        at = found.end()
        kind = found.lastgroup
        assert kind != "position", f"{found[0]} among named parameters: {source}"
        if kind == "comment":
            at = _comment_end(source, at)
        elif kind == "name":
            name = found["name"]
            yield source[copied : found.start()]
            yield f"${names.setdefault(name, len(names) + 1)}"
            copied = at
    yield source[copied:]


def _comment_end(source: str, at: int) -> int:
    """Return where a comment ends that began before `at`; comments may be inside comments."""
    depth = 1
    while depth and (edge := _COMMENT_EDGE.search(source, at)):
        depth += 1 if edge[0] == "/*" else -1
        at = edge.end()
    return len(source) if depth else at
