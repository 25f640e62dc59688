"""Bank files: creators leave an account, operators take files to the bank and bring its reports."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from services.payout.api.payouts import Creator
from services.payout.commands.bank_accounts import store_account
from services.payout.commands.bank_files import list_files, read_file, request_file
from services.payout.commands.bank_reports import apply_report, open_report
from services.payout.domain.bank_accounts import HolderInvalid, IbanInvalid, NoBankFiles
from services.payout.domain.bank_files import (
    BankFile,
    KeyMissing,
    NoSuchFile,
    NothingWaits,
    ReportUnreadable,
)
from services.payout.domain.payouts import CreatorsOnly
from services.payout.providers.bank_file import BankFileProvider
from services.payout.store.bank_files import FileLine
from shared.backoffice.routes import Why
from shared.http import (
    PRINTABLE,
    AllParts,
    BadCursor,
    Db,
    Page,
    from_state,
    moment_in,
    page,
    refusals,
)
from shared.http.auth import ScopeMissing, operator_with
from shared.identity.people import OwnMoney
from shared.identity.tokens import Identity, Unauthenticated
from shared.quotas.rules import TooOften

router = APIRouter()

SCOPE = "bank-files:write"
FILES_SHOWN_MAX = 20
SHOWN_CHARACTERS = 4
XML = "application/xml"
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {XML: {}}, "description": "The file (pain.001.001.09)."}
}
_REPORT = {
    "requestBody": {
        "required": True,
        "content": {
            XML: {"schema": {"type": "string"}},
            "application/gzip": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
_REFUSED = (Unauthenticated, ScopeMissing, NoBankFiles)


Clerk = Annotated[Identity, operator_with(SCOPE)]


async def _wired_bank(
    bank: Annotated[BankFileProvider | None, from_state("bank")],
) -> BankFileProvider:
    if bank is None:
        raise NoBankFiles
    return bank


WiredBank = Annotated[BankFileProvider, Depends(_wired_bank)]


class BankAccountRequest(BaseModel):
    """A bank account in the euro payments area, and whom it belongs to."""

    model_config = ConfigDict(extra="forbid")

    holder: Annotated[str, Field(min_length=1, max_length=70, pattern=PRINTABLE)]
    iban: Annotated[str, Field(min_length=15, max_length=42, pattern=r"^[A-Za-z0-9 ]+$")]


class BankAccountResponse(BaseModel):
    """The token to name as a payee's destination; of the number only the end is shown."""

    destination: str
    iban: str


class BankFileResponse(BaseModel):
    """A file for the bank; `unreported` payments are those of which no report says anything."""

    file: UUID
    payments: int
    amount_minor: int
    currency: str
    made_at: datetime
    made_by: str
    unreported: int

    @classmethod
    def of(cls, file: BankFile | FileLine, *, unreported: int) -> Self:
        return cls(
            file=file.id,
            payments=file.payments,
            amount_minor=file.amount_minor,
            currency=file.currency,
            made_at=file.made_at,
            made_by=file.made_by,
            unreported=unreported,
        )


class BankReportResponse(BaseModel):
    """
    What a report said: of how many payments, and how much of it cannot be.

    A contradiction names a payment or a file that we did not send so; it is in the log, and changes
    nothing. A report without `applied_at` counts once a colleague brings the same one.
    """

    model_config = ConfigDict(from_attributes=True)

    report: Annotated[UUID, Field(validation_alias="id")]
    message_id: str
    kind: str
    statuses: int
    contradictions: int
    received_by: str
    confirmed_by: str | None
    applied_at: datetime | None


@router.put(
    "/payouts/bank-account",
    tags=["payees"],
    responses=refusals(
        *(Unauthenticated, CreatorsOnly, NoBankFiles, IbanInvalid, HolderInvalid, TooOften)
    ),
)
async def store_bank_account(
    account: BankAccountRequest, caller: Creator, db: Db, bank: WiredBank
) -> BankAccountResponse:
    """Leave one's bank account, for payouts by bank file; its token is a payee's destination."""
    async with db.transaction() as tx:
        token, stored = await store_account(
            tx, caller.user, holder=account.holder, iban=account.iban, bank=bank
        )
    shown = stored.iban[-SHOWN_CHARACTERS:]
    masked = "*" * (len(stored.iban) - SHOWN_CHARACTERS) + shown
    return BankAccountResponse(destination=token, iban=masked)


@router.post(
    "/operator/bank-files",
    tags=["operator-bank-files"],
    status_code=201,
    responses=refusals(*_REFUSED, NothingWaits, KeyMissing),
)
async def make_bank_file(
    why: Why, caller: Clerk, db: AllParts, bank: WiredBank
) -> BankFileResponse:
    """Make a file of the payments that wait, without waiting for the day's."""
    made = await request_file(db, bank, operator=caller.user, reason=why.reason)
    return BankFileResponse.of(made, unreported=made.payments)


@router.get(
    "/operator/bank-files", tags=["operator-bank-files"], responses=refusals(*_REFUSED, BadCursor)
)
async def list_bank_files(
    _: Clerk, __: WiredBank, db: AllParts, cursor: str | None = None
) -> Page[BankFileResponse]:
    """Read which files were made, the newest first."""
    found = await list_files(db, FILES_SHOWN_MAX, before=moment_in(cursor))
    lines = [BankFileResponse.of(file, unreported=count) for file, count in found]
    return page(lines, FILES_SHOWN_MAX, lambda line: [line.made_at.isoformat(), str(line.file)])


@router.get(
    "/operator/bank-files/{file}",
    tags=["operator-bank-files"],
    response_class=Response,
    responses=_FILE | refusals(*_REFUSED, NoSuchFile, KeyMissing),
)
async def download_bank_file(file: UUID, _: Clerk, db: AllParts, bank: WiredBank) -> Response:
    """Download a file for the bank, as it was made."""
    xml = await read_file(db, bank, file)
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{file.hex}.xml"',
    }
    return Response(xml, media_type=XML, headers=headers)


@router.post(
    "/operator/bank-reports",
    tags=["operator-bank-files"],
    openapi_extra=_REPORT,
    responses=refusals(*_REFUSED, ReportUnreadable, OwnMoney),
)
async def upload_bank_report(
    request: Request, caller: Clerk, db: AllParts, bank: WiredBank
) -> BankReportResponse:
    """
    Bring a report of the bank (pain.002, camt.053 or camt.054), as XML or compressed with gzip.

    The same report twice changes nothing, and the order of reports does not matter. One that ends a
    large payment has to be brought by two people, each as the bank gave it to them.
    """
    incoming = await open_report(await request.body())
    report = await apply_report(db, bank, incoming, operator=caller.user)
    return BankReportResponse.model_validate(report)
