"""Documents as a page to read or print: it needs no script and loads nothing."""

from collections.abc import Sequence
from html import escape

from shared.documents.sheets import Lines, Sheet

# The page is complete in itself, and nobody may frame it.
SECURITY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
article { break-after: page; margin-bottom: 4rem } h1 { font-size: 1.4rem }
table { width: 100%; border-collapse: collapse; margin: 1rem 0 }
th { text-align: left; font-weight: normal; vertical-align: top; padding-right: 1rem }
td { overflow-wrap: anywhere } .amounts td { text-align: right; white-space: nowrap }
.amounts tr:last-child > * { border-top: 1px solid; font-weight: bold }
"""


def page_of(sheets: Sequence[Sheet]) -> str:
    """Return the HTML of some sheets; each prints on a page of its own."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<title>{escape(sheets[0].title)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(map(_article, sheets))}</body></html>"
    )


def _article(sheet: Sheet) -> str:
    seller = "<br>".join(map(escape, sheet.seller))
    tables = "".join(_table("amounts", rows) for rows in sheet.tables)
    notes = "".join(f"<p>{escape(note)}</p>" for note in sheet.notes)
    return (
        f"<article><h1>{escape(sheet.title)}</h1><address>{seller}</address>"
        f"{_table('about', sheet.about)}{tables}{notes}</article>"
    )


def _table(name: str, rows: Lines) -> str:
    # A name in a right-to-left script keeps to its own cell.
    cells = "".join(
        f'<tr><th scope="row">{escape(label)}</th><td><bdi>{escape(value)}</bdi></td></tr>'
        for label, value in rows
    )
    return f'<table class="{name}">{cells}</table>'
