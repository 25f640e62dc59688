"""Answers with a document: as a page, or as PDF."""

from collections.abc import Sequence
from typing import Annotated

from fastapi.responses import HTMLResponse, Response

from shared.documents.pages import SECURITY, page_of
from shared.documents.sheets import Sheet
from shared.documents.writer import DocumentWriter
from shared.http.dependencies import from_state

PDF = "application/pdf"
FromWriter = Annotated[DocumentWriter, from_state("document_writer")]
# Nobody else's proxy keeps what is about one person.
PRIVATE = {"Cache-Control": "private, no-store"}


def answer_page(sheets: Sequence[Sheet]) -> Response:
    """Answer with sheets as a page that is complete in itself."""
    return HTMLResponse(page_of(sheets), headers={**PRIVATE, "Content-Security-Policy": SECURITY})


async def answer_file(sheets: Sequence[Sheet], writer: DocumentWriter, name: str) -> Response:
    """Answer with sheets as PDF, under the name of a file without its ending."""
    headers = {**PRIVATE, "Content-Disposition": f'inline; filename="{name}.pdf"'}
    return Response(await writer.write(sheets), media_type=PDF, headers=headers)
