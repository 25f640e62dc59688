"""Refused styles: left and right. A page that is read from the right has the other side there."""

import re
from collections.abc import Iterator

from deploy.checks import Finding

_SHEETS = "services/web/static/"
_SIDE = re.compile(
    r"(?P<name>(?<![\w.#-])((margin|padding|border|scroll-margin|scroll-padding)-)?(left|right)"
    r"(-(width|style|color))?|(?<![\w-])border-(top|bottom)-(left|right)-radius)\s*:"
)
_TOWARDS = re.compile(r"(?<![\w-])(text-align|float|clear)\s*:\s*(left|right)\b")
# Four values are top, right, bottom, left.
_FOUR = re.compile(
    r"(?<![\w-])(?P<name>margin|padding|inset|border-width|scroll-margin|scroll-padding)"
    r"\s*:\s*(?P<values>[^;{}]+)"
)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_PIECE = re.compile(r"(?:[^\s(]|\([^()]*(?:\([^()]*\)[^()]*)*\))+")


def check(path: str, text: str) -> Iterator[Finding]:
    """Yield each declaration of a style sheet of the pages that names a side."""
    if not path.startswith(_SHEETS):
        return
    text = _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    for found in sorted(_named(text)):
        line = text.count("\n", 0, found[0]) + 1
        yield Finding(path, line, "side", f"{found[1]}; {found[2]}")


def _named(text: str) -> Iterator[tuple[int, str, str]]:
    for each in _SIDE.finditer(text):
        yield each.start(), each["name"], "use inline-start, inline-end, start-start and so on"
    for each in _TOWARDS.finditer(text):
        yield each.start(), each[0], "use start or end"
    for each in _FOUR.finditer(text):
        values = _PIECE.findall(each["values"].replace("!important", ""))
        if len(values) == len("trbl") and values[1] != values[3]:
            advice = f"use {each['name']}-block and {each['name']}-inline"
            yield each.start(), f"{each['name']} with two different sides", advice
