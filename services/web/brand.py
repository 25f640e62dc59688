"""
The adopter's brand: a name, and a folder with a logo, one style sheet, and its fonts and pictures.

The folder is served under `/brand/` and the hash of what is in it. Its sheet comes after ours, so
it can set our tokens (`static/tokens.css`) anew. All of it comes from here: a sheet that would
fetch something from elsewhere stops the service at its start, and the pages' policy forbids it.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DEFAULT_NAME = "Ovation"
DEFAULT_LOGO = "/static/logo.svg"
SHEET = "brand.css"
SHEET_BYTES_MAX = 64 * 1024
# What may be in the folder, by its ending; everything else there is not served.
KINDS = {
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
# The first that is there is the logo.
LOGOS = ("logo.svg", "logo.webp", "logo.png")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_URL = re.compile(r"""url\(\s*(?P<quote>["']?)(?P<address>.*?)(?P=quote)\s*\)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Brand:
    """What pages show in place of our own name and looks."""

    name: str = DEFAULT_NAME
    logo: str = DEFAULT_LOGO
    # The address of the style sheet, if there is one.
    sheet: str = ""
    folder: Path | None = None
    version: str = ""

    def dress(self, template: str) -> str:
        """Fill in what of a template is of the brand."""
        sheet = f'<link rel="stylesheet" href="{html.escape(self.sheet)}">\n' if self.sheet else ""
        kind = KINDS[Path(self.logo).suffix]
        return (
            template.replace("{{brand}}", html.escape(self.name))
            .replace("{{logo}}", html.escape(self.logo))
            .replace("{{logo_kind}}", kind)
            .replace("{{brand_sheet}}", sheet)
        )


def read_brand(name: str, folder: Path | None, version_of: Callable[[Path], str]) -> Brand:
    """Return the brand of a folder; what cannot be used in it is an error that says what to do."""
    if folder is None:
        return Brand(name=name)
    if not folder.is_dir():
        raise ValueError(f"WEB_BRAND_FOLDER: {folder} is no folder")
    base = f"/brand/{(version := version_of(folder))}"
    logo = next((each for each in LOGOS if (folder / each).is_file()), None)
    sheet = folder / SHEET
    if sheet.is_file():
        check_sheet(sheet)
    return Brand(
        name=name,
        logo=f"{base}/{logo}" if logo else DEFAULT_LOGO,
        sheet=f"{base}/{SHEET}" if sheet.is_file() else "",
        folder=folder,
        version=version,
    )


def check_sheet(sheet: Path) -> None:
    """Refuse a style sheet that is too large, or names what would not be fetched."""
    size = sheet.stat().st_size
    if size > SHEET_BYTES_MAX:
        raise ValueError(f"{sheet} has {size:,} bytes; at most {SHEET_BYTES_MAX:,} are served")
    text = _COMMENT.sub("", sheet.read_text())
    if "@import" in text.lower():
        raise ValueError(f"{sheet} has an @import; write everything into this one file")
    for found in _URL.finditer(text):
        address = found["address"]
        if address.lower().startswith("data:"):
            continue
        path = (sheet.parent / address).resolve()
        inside = path.is_relative_to(sheet.parent.resolve())
        if not (inside and path.is_file() and path.suffix in KINDS):
            raise ValueError(
                f"{sheet} names {address}; put a file ({', '.join(KINDS)}) of that name beside it"
            )
