"""Writes documents as PDF while other requests are answered."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

from shared.documents.sheets import Sheet

# How a TrueType file begins: https://learn.microsoft.com/typography/opentype/spec/otff
_TRUETYPE = (b"\x00\x01\x00\x00", b"true")


class DocumentWriter:
    """Writes PDF in the letters of one TrueType file; a missing or other file stops the service."""

    def __init__(self, font: Path) -> None:
        assert font.read_bytes()[:4] in _TRUETYPE, f"{font} is no TrueType font"
        self._font = font
        # One thread: while reportlab reads letters from the file it keeps its place in the font
        # itself. Two documents at once would fail, or have each other's letters.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="documents")

    async def write(self, sheets: Sequence[Sheet]) -> bytes:
        """Return the PDF of some sheets."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._write, sheets)

    def _write(self, sheets: Sequence[Sheet]) -> bytes:
        # It takes 20 MB, which only a process has to have that has written a document.
        written: bytes = import_module("shared.documents.files").file_of(sheets, self._font)
        return written
