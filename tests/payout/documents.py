"""What people read in a document, be it a page or a PDF."""

import io
import re

from pypdf import PdfReader


def words(answer):
    if answer.headers["content-type"] == "application/pdf":
        pages = PdfReader(io.BytesIO(answer.content)).pages
        return " ".join(" ".join(page.extract_text() for page in pages).split())
    return " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())
