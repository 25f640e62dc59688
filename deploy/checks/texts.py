"""Refused texts: what people read on a page is a message, never a string of its code."""

import re
from collections.abc import Iterator

from deploy.checks import Finding

_SCRIPTS = re.compile(r"services/web/static/(?!marks\.js).*\.js")
# A comment or a string. Quotes inside a comment begin no string.
_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL
)
_HOLE = re.compile(r"\$\{[^}]*\}")
# A word that begins a sentence, or the end of one after several words.
_TEXT = re.compile(r"^\W*[A-Z][a-z]+($|[ ,.!?…'’:])|[a-z]{2,} [a-z]{2,}.*[.!?…]$")  # noqa: RUF001
# What only programs read: names of keys and headers.
_OF_PROGRAMS = frozenset(("Escape", "Enter", "Home", "End", "Tab", "Bearer "))
_ERROR = re.compile(r"new (Type)?Error\($")
_ADVICE = "write a message in services/web/languages/en.json, and show it with t(…)"


def check(path: str, text: str) -> Iterator[Finding]:
    """Yield each string of a script of the pages that reads like a text for people."""
    if not _SCRIPTS.fullmatch(path):
        return
    for found in _TOKEN.finditer(text):
        if found[0].startswith("/"):
            continue
        shown = _HOLE.sub("", found[0][1:-1])
        is_error = _ERROR.search(text[: found.start()])
        if _TEXT.search(shown) and shown not in _OF_PROGRAMS and not is_error:
            line = text.count("\n", 0, found.start()) + 1
            yield Finding(path, line, "text", f"“{shown[:40]}” stands in code; {_ADVICE}")
