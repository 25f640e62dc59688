"""Receipts and credit notes: read by the buyer, and by accountants."""

from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Header
from fastapi.responses import HTMLResponse, Response

from services.purchase.api.receipt_lines import sheets_of
from services.purchase.commands.receipts import Receipts, read_receipts
from services.purchase.domain.purchases import NoSuchPurchase
from services.purchase.domain.receipts import NoReceipt
from shared.backoffice.trial_balance import FinanceReader
from shared.documents.writer import DocumentWriter
from shared.http import Db, refusals
from shared.http.auth import Caller, ScopeMissing
from shared.http.documents import PDF, FromWriter, answer_file, answer_page
from shared.http.fields import PurchaseId, ViewerId
from shared.identity.tokens import Unauthenticated

Responses: TypeAlias = dict[int | str, dict[str, Any]]
Accept = Annotated[
    str,
    Header(
        max_length=1_000,
        description="`application/pdf` asks for a PDF; everything else for HTML.",
        examples=["text/html"],
    ),
]
_BOTH: Responses = {200: {"content": {"text/html": {}, PDF: {}}, "description": "The receipt."}}
_FILE: Responses = {200: {"content": {PDF: {}}, "description": "The receipt as PDF."}}
_REFUSED = (Unauthenticated, NoSuchPurchase, NoReceipt)

router = APIRouter()


@router.get(
    "/purchases/{purchase}/receipt",
    tags=["purchases"],
    response_class=HTMLResponse,
    responses=_BOTH | refusals(*_REFUSED),
)
async def read_receipt(
    purchase: PurchaseId, caller: Caller, db: Db, writer: FromWriter, accept: Accept = ""
) -> Response:
    """Read the receipt of one of one's own purchases, and its credit notes, as HTML or PDF."""
    async with db.transaction() as tx:
        found = await read_receipts(tx, caller.user, purchase)
    return await _written(found, writer, as_file=_wants_file(accept))


@router.get(
    "/purchases/{purchase}/receipt.pdf",
    tags=["purchases"],
    response_class=Response,
    responses=_FILE | refusals(*_REFUSED),
)
async def download_receipt(
    purchase: PurchaseId, caller: Caller, db: Db, writer: FromWriter
) -> Response:
    """Read the receipt of one of one's own purchases as PDF."""
    async with db.transaction() as tx:
        found = await read_receipts(tx, caller.user, purchase)
    return await _written(found, writer, as_file=True)


@router.get(
    "/operator/purchases/{viewer:person}/{purchase}/receipt",
    tags=["operator-purchases"],
    response_class=HTMLResponse,
    responses=_BOTH | refusals(*_REFUSED, ScopeMissing),
)
async def read_receipt_of_viewer(
    viewer: ViewerId,
    purchase: PurchaseId,
    _: FinanceReader,
    db: Db,
    writer: FromWriter,
    accept: Accept = "",
) -> Response:
    """Read the receipt of a viewer's purchase, and its credit notes, as HTML or PDF."""
    async with db.transaction() as tx:
        found = await read_receipts(tx, viewer, purchase)
    return await _written(found, writer, as_file=_wants_file(accept))


def _wants_file(accept: str) -> bool:
    """Whether PDF is asked for, and HTML is not."""
    return PDF in accept and "text/html" not in accept


async def _written(receipts: Receipts, writer: DocumentWriter, *, as_file: bool) -> Response:
    sheets = list(sheets_of(receipts))
    if not as_file:
        return answer_page(sheets)
    return await answer_file(sheets, writer, receipts.documents[0].name)
