"""Documents as PDF."""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

from shared.documents.sheets import Lines, Sheet

_FONT = "documents"
_RIGHT = 2
_LABELS = 45 * mm
_VALUES = 120 * mm


class DocumentFont:
    """The letters of PDF documents, from one TrueType file."""

    def __init__(self, path: Path) -> None:
        font = TTFont(_FONT, str(path))
        pdfmetrics.registerFont(font)
        self._known = font.face.charToGlyph

    def legible(self, text: str) -> str:
        """Return a text with a question mark for a sign that is unseen or not in the font."""
        return "".join([sign if self._is_legible(sign) else "?" for sign in text])

    def _is_legible(self, sign: str) -> bool:
        return ord(sign) in self._known and not unicodedata.category(sign).startswith("C")


@cache
def _read_font(path: Path) -> DocumentFont:
    return DocumentFont(path)


def file_of(sheets: Sequence[Sheet], font_file: Path) -> bytes:
    """Return the PDF of some sheets, each on a page of its own, in the font of a file."""
    font = _read_font(font_file)
    out = BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        title=font.legible(sheets[0].title),
        author=font.legible(sheets[0].seller[0]),
        lang="en",
        invariant=1,
    )
    story = [part for sheet in sheets for part in (*_parts(sheet, font), PageBreak())]
    document.build(story[:-1])
    return out.getvalue()


def _parts(sheet: Sheet, font: DocumentFont) -> Iterator[Any]:
    def written(text: str, *, size: int = 10, alignment: int = 0) -> Paragraph:
        style = ParagraphStyle(
            "document", fontName=_FONT, fontSize=size, leading=size * 1.4, alignment=alignment
        )
        return Paragraph(escape(font.legible(text)), style)

    def table(rows: Lines, alignment: int) -> Table:
        cells = [[written(label), written(value, alignment=alignment)] for label, value in rows]
        return Table(
            cells, colWidths=[_LABELS, _VALUES], style=[("VALIGN", (0, 0), (-1, -1), "TOP")]
        )

    yield written(sheet.title, size=16)
    yield Spacer(0, 6 * mm)
    for line in sheet.seller:
        yield written(line)
    yield Spacer(0, 6 * mm)
    yield table(sheet.about, 0)
    yield Spacer(0, 6 * mm)
    for rows in sheet.tables:
        yield table(rows, _RIGHT)
        yield Spacer(0, 6 * mm)
    for note in sheet.notes:
        yield written(note, size=9)
