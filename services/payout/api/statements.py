"""Statements of months and years, and certificates of payouts: for creators and accountants."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import ConfigDict

from services.payout.api.listed_statements import ListedStatements, listed_statement
from services.payout.api.payouts import WiredRules
from services.payout.api.statement_sheets import certificate_sheet, number_of, statement_sheet
from services.payout.commands import statements
from services.payout.commands.certificates import Certificate, read_certificate
from services.payout.domain.payouts import NoSuchPayout, State
from services.payout.domain.provenance import Source
from services.payout.domain.rates import Rules
from services.payout.domain.statements import Balance, Line, NoStatement, Statement, parse_period
from shared.backoffice.trial_balance import FinanceReader
from shared.contracts.base import in_unit, like
from shared.documents.seller import Seller
from shared.documents.writer import DocumentWriter
from shared.http import Db, OwnCreator, from_state, refusals
from shared.http.auth import Caller, ScopeMissing
from shared.http.bodies import Body
from shared.http.csv import csv_of
from shared.http.documents import PDF, PRIVATE, FromWriter, answer_file, answer_page
from shared.http.fields import (
    CreatorId,
    CreatorName,
    CurrencyCode,
    Day,
    Diamonds,
    Instant,
    MinorUnits,
    PayoutId,
)
from shared.identity.people import NotYours
from shared.identity.tokens import Unauthenticated
from shared.postgres.database import Part

router = APIRouter()

Responses: TypeAlias = dict[int | str, dict[str, Any]]
WiredSeller = Annotated[Seller, from_state("seller")]
StatementName = Annotated[
    str,
    Path(
        pattern=r"^[0-9]{4}(-[0-9]{2})?$",
        description="A month, 2026-11, or a year, 2026.",
        examples=["2026-10"],
    ),
]
Form = Literal["json", "csv", "html", "pdf"]
_FORM = "JSON, CSV for a spreadsheet, or a page of HTML or PDF."
AsForm = Annotated[Form, Query(alias="format", description=_FORM, examples=["json"])]
CertificateForm = Annotated[
    Literal["json", "html", "pdf"],
    Query(alias="format", description="JSON, or a page of HTML or PDF.", examples=["json"]),
]
_TEXT = {"schema": {"type": "string"}}
_SHEETS: Responses = {200: {"content": {"text/csv": _TEXT, "text/html": _TEXT, PDF: {}}}}
_PAGES: Responses = {200: {"content": {"text/html": _TEXT, PDF: {}}}}


class StatementLine(Body):
    """What changed, positive is more for the creator; `entries` say how many made it up."""

    model_config = ConfigDict(from_attributes=True)

    line: Annotated[Line, like("gifts")]
    """What changed the balance."""
    amount: Annotated[int, like(4_200)]
    """By how much in all, in the unit of its balance; positive is more for the creator."""
    entries: Annotated[int, in_unit("entries", 21)]
    """How many entries of the ledger made it up."""


class StatementBalance(Body):
    """A statement in diamonds, or in minor units of a currency: opening + lines = closing."""

    unit: Annotated[str, like("diamonds", "USD")]
    """What is counted: `diamonds`, or the minor units of a currency (ISO 4217)."""
    opening: Annotated[int, like(0)]
    """What stood at the beginning."""
    lines: list[StatementLine]
    """What changed, in a fixed order; a line of nothing is left out."""
    closing: Annotated[int, like(4_200)]
    """What stands at the end: `opening` and all lines."""


class StatementResponse(Body):
    """
    A statement of a month or a year.

    It goes by the time at which entries were recorded, in `time_zone`. While `is_closed` is false
    its figures can still change, and afterwards never. Its money is what the operator owes.
    """

    creator: CreatorName
    period: Annotated[str, like("2026-10", "2026")]
    """The month, or the year."""
    first_day: Annotated[Day, like("2026-10-01")]
    """Its first day, in `time_zone`."""
    last_day: Annotated[Day, like("2026-10-31")]
    """Its last day, in `time_zone`."""
    time_zone: Annotated[str, like("Europe/Dublin")]
    """Whose midnight ends a day and a month (IANA)."""
    is_closed: Annotated[bool, like(True)]
    """Whether it is final: its figures never change any more."""
    closed_at: Annotated[Instant, like("2026-11-02T00:00:00Z")] | None
    """Since when it is final; null while it can still change."""
    numbers: Annotated[list[str], like(["EX-SB-2026-000001"])]
    """
    The numbers of its self-billing documents, one for each month with earnings; empty until then.
    """
    diamonds: StatementBalance
    """What the creator had in diamonds, and what changed."""
    money: Annotated[
        list[StatementBalance],
        like(
            [
                {
                    "unit": "USD",
                    "opening": 0,
                    "lines": [{"line": "gifts", "amount": 2_100, "entries": 21}],
                    "closing": 2_100,
                }
            ]
        ),
    ]
    """What the operator owed the creator for them, one for each currency."""


class StatementRow(Body):
    """A line of a statement in a spreadsheet."""

    period: Annotated[str, like("2026-10")]
    """The month or the year."""
    unit: Annotated[str, like("diamonds")]
    """What is counted."""
    line: Annotated[str, like("gifts")]
    """What changed the balance, `opening` or `closing`."""
    entries: Annotated[int, like(21)] | None
    """How many entries made it up; empty for `opening` and `closing`."""
    amount: Annotated[int, like(4_200)]
    """By how much; positive is more for the creator."""


class CertificateLineResponse(Body):
    """
    What of a payout one source brought; of gifts, by the kind of coins that paid for them.

    `net_minor` arrived, `fee_minor` was kept, and `gross_minor` is both. A gift is `voluntary`:
    nothing was owed for it. What the operator owes, a bonus or a correction, is not.
    """

    model_config = ConfigDict(from_attributes=True)

    source: Annotated[Source, like("gift")]
    """What brought the diamonds: a `gift`, a `bonus`, an `adjustment`, or something `other`."""
    voluntary: Annotated[bool, like(True)]
    """Whether nothing was owed for it, as for a gift."""
    lot_kind: Annotated[str, like("paid")] | None
    """Which coins paid for the gifts: `paid`, `bonus` or `promo`; null for what is no gift."""
    gifts: Annotated[int, in_unit("gifts", 10)]
    """How many gifts that is; 0 for what is no gift."""
    diamonds: Annotated[Diamonds, like(2_000)]
    """How many of the payout's diamonds they brought."""
    gross_minor: Annotated[MinorUnits, like(1_000)]
    """`net_minor` and `fee_minor` together."""
    fee_minor: Annotated[MinorUnits, like(0)]
    """How much of it was kept as a fee."""
    net_minor: Annotated[MinorUnits, like(1_000)]
    """How much of it arrived."""


class CertificateResponse(Body):
    """Of what a payout was: the lines' diamonds and money are exactly the payout's."""

    payout: PayoutId
    creator: CreatorName
    state: Annotated[State, like("paid")]
    """How far the payout has come."""
    requested_at: Instant
    """When it was requested."""
    diamonds: Annotated[Diamonds, like(2_000)]
    """How many diamonds it takes: the sum of the lines."""
    currency: CurrencyCode
    gross_minor: Annotated[MinorUnits, like(1_000)]
    """`net_minor` and `fee_minor` together."""
    fee_minor: Annotated[MinorUnits, like(0)]
    """What was kept as a fee."""
    net_minor: Annotated[MinorUnits, like(1_000)]
    """What arrived, or is to arrive."""
    lines: list[CertificateLineResponse]
    """What the payout was of, by source and kind of coins."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose statement is asked for, of which period, and in which form."""

    creator: str
    period: str
    form: Form


@router.get(
    "/earnings/{creator:person}/statements",
    tags=["earnings"],
    responses=refusals(Unauthenticated, NotYours),
)
async def list_statements(
    creator: OwnCreator, db: Db, rules: WiredRules, seller: WiredSeller
) -> ListedStatements:
    """List the months and years that one has statements of."""
    return await _list(db, creator, rules, seller)


@router.get(
    "/earnings/{creator:person}/statements/{statement}",
    tags=["earnings"],
    response_model=StatementResponse,
    responses=_SHEETS | refusals(Unauthenticated, NotYours, NoStatement),
)
async def read_statement(
    creator: OwnCreator,
    statement: StatementName,
    db: Db,
    rules: WiredRules,
    seller: WiredSeller,
    writer: FromWriter,
    form: AsForm = "json",
) -> StatementResponse | Response:
    """Read one's own statement of a month or a year."""
    return await _read(db, Asked(creator, statement, form), rules, seller, writer)


@router.get(
    "/operator/creators/{creator:person}/statements",
    tags=["finance"],
    responses=refusals(Unauthenticated, ScopeMissing),
)
async def list_statements_of_creator(
    creator: CreatorId, _: FinanceReader, db: Db, rules: WiredRules, seller: WiredSeller
) -> ListedStatements:
    """List the months and years that a creator has statements of."""
    return await _list(db, creator, rules, seller)


@router.get(
    "/operator/creators/{creator:person}/statements/{statement}",
    tags=["finance"],
    response_model=StatementResponse,
    responses=_SHEETS | refusals(Unauthenticated, ScopeMissing, NoStatement),
)
async def read_statement_of_creator(
    creator: CreatorId,
    statement: StatementName,
    _: FinanceReader,
    db: Db,
    rules: WiredRules,
    seller: WiredSeller,
    writer: FromWriter,
    form: AsForm = "json",
) -> StatementResponse | Response:
    """Read a creator's statement of a month or a year."""
    return await _read(db, Asked(creator, statement, form), rules, seller, writer)


@router.get(
    "/payouts/{payout}/certificate",
    tags=["payouts"],
    response_model=CertificateResponse,
    responses=_PAGES | refusals(Unauthenticated, NoSuchPayout),
)
async def read_payout_certificate(
    payout: PayoutId,
    caller: Caller,
    db: Db,
    seller: WiredSeller,
    writer: FromWriter,
    form: CertificateForm = "json",
) -> CertificateResponse | Response:
    """Read of what one of one's own payouts was: gifts, bonuses, corrections."""
    async with db.transaction() as tx:
        found = await read_certificate(tx, caller.user, payout)
    if form == "json":
        return _certificate(found)
    sheets = [certificate_sheet(found, seller)]
    if form == "html":
        return answer_page(sheets)
    return await answer_file(sheets, writer, f"certificate-{payout}")


async def _list(db: Part, creator: str, rules: Rules, seller: Seller) -> ListedStatements:
    async with db.transaction() as tx:
        found = await statements.list_statements(tx, creator, rules.time_zone)
    return ListedStatements(items=[listed_statement(each, seller) for each in found])


async def _read(
    db: Part, asked: Asked, rules: Rules, seller: Seller, writer: DocumentWriter
) -> StatementResponse | Response:
    period, zone = parse_period(asked.period), rules.time_zone
    async with db.transaction() as tx:
        found = await statements.read_statement(
            tx, asked.creator, period, zone=zone, now=datetime.now(UTC)
        )
    if asked.form == "json":
        return _statement(found, seller, zone)
    if asked.form == "csv":
        answer = csv_of(list(_rows(found)), StatementRow)
        answer.headers.update(PRIVATE)
        return answer
    sheets = [statement_sheet(found, seller, zone)]
    if asked.form == "html":
        return answer_page(sheets)
    return await answer_file(sheets, writer, f"statement-{period.name}")


def _statement(found: Statement, seller: Seller, zone: str) -> StatementResponse:
    return StatementResponse(
        creator=found.creator,
        period=found.period.name,
        first_day=found.period.start,
        last_day=found.period.last_day,
        time_zone=zone,
        is_closed=found.is_closed,
        closed_at=found.closed_at,
        numbers=[number_of(seller, month.year, number) for month, number in found.numbers],
        diamonds=_balance(found.diamonds),
        money=[_balance(balance) for balance in found.money],
    )


def _balance(balance: Balance) -> StatementBalance:
    return StatementBalance(
        unit=balance.asset,
        opening=balance.opening,
        lines=[StatementLine.model_validate(change) for change in balance.changes],
        closing=balance.closing,
    )


def _rows(found: Statement) -> Iterator[StatementRow]:
    for balance in (found.diamonds, *found.money):
        about = {"period": found.period.name, "unit": balance.asset}
        yield StatementRow(**about, line="opening", entries=None, amount=balance.opening)
        for change in balance.changes:
            yield StatementRow(
                **about, line=change.line.value, entries=change.entries, amount=change.amount
            )
        yield StatementRow(**about, line="closing", entries=None, amount=balance.closing)


def _certificate(found: Certificate) -> CertificateResponse:
    payout = found.payout
    return CertificateResponse(
        payout=payout.id,
        creator=payout.creator,
        state=payout.state,
        requested_at=payout.requested_at,
        diamonds=payout.diamonds,
        currency=payout.currency,
        gross_minor=payout.money_minor,
        fee_minor=payout.fee_minor,
        net_minor=payout.amount_minor,
        lines=[CertificateLineResponse.model_validate(line) for line in found.lines],
    )
