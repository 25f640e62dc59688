"""Bank files: creators leave an account, operators take files to the bank and bring its reports."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import ConfigDict, Field

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
from shared.contracts.base import in_unit, like
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
from shared.http.bodies import Body
from shared.http.fields import CurrencyCode, Instant, MinorUnits
from shared.http.pages import Cursor
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


FileId = Annotated[
    UUID,
    Path(
        description="The file, as its making was answered.",
        examples=["0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d120"],
    ),
]
Clerk = Annotated[Identity, operator_with(SCOPE)]


async def _wired_bank(
    bank: Annotated[BankFileProvider | None, from_state("bank")],
) -> BankFileProvider:
    if bank is None:
        raise NoBankFiles
    return bank


WiredBank = Annotated[BankFileProvider, Depends(_wired_bank)]


class BankAccountRequest(Body):
    """A bank account in the euro payments area, and whom it belongs to."""

    model_config = ConfigDict(extra="forbid")

    holder: Annotated[
        str, Field(min_length=1, max_length=70, pattern=PRINTABLE, examples=["Lea Example"])
    ]
    """Whose account it is, as the bank has the name."""
    iban: Annotated[
        str,
        Field(
            min_length=15,
            max_length=42,
            pattern=r"^[A-Za-z0-9 ]+$",
            examples=["DE89 3704 0044 0532 0130 00"],
        ),
    ]
    """The IBAN, with or without spaces; its check digits have to fit. It is stored encrypted."""


class BankAccountResponse(Body):
    """The token to name as a payee's destination; of the number only the end is shown."""

    destination: Annotated[str, like("bank_5Jk2x9")]
    """A name for the account, to be sent as `destination` of a payee."""
    iban: Annotated[str, like("************3000")]
    """The end of the IBAN; the rest is never shown again."""


class BankFileResponse(Body):
    """A file for the bank; `unreported` payments are those of which no report says anything."""

    file: Annotated[UUID, like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d120")]
    """The file, by which it can be downloaded."""
    payments: Annotated[int, in_unit("payments", 70)]
    """How many payments it orders."""
    amount_minor: Annotated[MinorUnits, like(70_000)]
    """What they come to in all."""
    currency: Annotated[CurrencyCode, like("EUR")]
    """The currency (ISO 4217) of all payments in it."""
    made_at: Instant
    """When it was made."""
    made_by: Annotated[str, like("ann")]
    """Who asked for it: the `sub` of the operator's token."""
    unreported: Annotated[int, in_unit("payments", 0)]
    """Of how many payments no report of the bank says anything yet."""

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


class BankReportResponse(Body):
    """
    What a report said: of how many payments, and how much of it cannot be.

    A contradiction names a payment or a file that we did not send so; it is in the log, and changes
    nothing. A report without `applied_at` counts once a colleague brings the same one.
    """

    model_config = ConfigDict(from_attributes=True)

    report: Annotated[
        UUID, Field(validation_alias="id"), like("0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d121")
    ]
    """The report; the same file is the same report."""
    message_id: Annotated[str, like("STATUS-2026-11-24-1")]
    """What the bank calls it (`MsgId`)."""
    kind: Annotated[str, like("pain.002", "camt.054")]
    """Which message of ISO 20022 it is."""
    statuses: Annotated[int, in_unit("payments", 70)]
    """Of how many payments it says something."""
    contradictions: Annotated[int, in_unit("payments", 0)]
    """Of how many payments it says what cannot be; those are in the log, and change nothing."""
    received_by: Annotated[str, like("ann")]
    """Who brought it first: the `sub` of the operator's token."""
    confirmed_by: Annotated[str, like("ben")] | None
    """The colleague who brought the same report; null until one did."""
    applied_at: Annotated[Instant, like("2026-11-24T09:00:00Z")] | None
    """Since when it counts; null until a colleague brought the same report."""


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
    _: Clerk, __: WiredBank, db: AllParts, cursor: Cursor = None
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
async def download_bank_file(file: FileId, _: Clerk, db: AllParts, bank: WiredBank) -> Response:
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
