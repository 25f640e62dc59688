"""What stands on statements and certificates, for every form they are written in."""

from collections.abc import Iterator

from services.payout.commands.certificates import Certificate
from services.payout.domain.provenance import CertificateLine, Source
from services.payout.domain.rates import DIAMONDS
from services.payout.domain.statements import Balance, Line, Statement
from shared.documents.seller import Seller
from shared.documents.sheets import Sheet
from shared.money import amount_text

LINES = {
    Line.GIFTS: "Gifts",
    Line.BONUSES: "Bonuses",
    Line.CLAWBACKS: "Gifts taken back",
    Line.RESTORATIONS: "Gifts that came back",
    Line.RECOVERIES: "Earlier losses covered",
    Line.ADJUSTMENTS: "Corrections",
    Line.OTHERS: "Others",
    Line.PAYOUTS: "Payouts",
    Line.FEES: "Fees",
    Line.WITHHELD: "Tax withheld",
    Line.EXCHANGE: "Changed into another currency",
    Line.REVALUATIONS: "New rates and rounding",
}
SOURCES = {
    Source.GIFT: "Gifts",
    Source.BONUS: "Bonuses",
    Source.ADJUSTMENT: "Corrections",
    Source.OTHER: "Others",
}
NOT_FINAL = "This period is not over: the figures can still change."
SELF_BILLED = "Self-billing: issued by the operator on behalf of the creator."
BY_RECORD = (
    "Each entry stands in the month in which it was recorded. What is taken back later stands in a"
    " later month, so a closed month never changes."
)
IN_ORDER = (
    "Diamonds are paid out in the order in which they became available. Gifts are voluntary:"
    " nothing is owed for them in return."
)


def number_of(seller: Seller, year: int, number: int) -> str:
    """Write the number of a self-bill: EX-SB-2026-03."""
    return f"{seller.prefix}SB-{year}-{number:02d}"


def statement_sheet(statement: Statement, seller: Seller, zone: str) -> Sheet:
    """Write a statement as one document."""
    balances = (statement.diamonds, *statement.money)
    return Sheet(
        title=f"Statement {statement.period.name}",
        seller=seller.lines,
        about=tuple(_about(statement, seller, zone)),
        tables=tuple(tuple(_table(balance)) for balance in balances),
        notes=tuple(_notes(statement)),
    )


def certificate_sheet(certificate: Certificate, seller: Seller) -> Sheet:
    """Write what a payout was of as one document."""
    payout = certificate.payout
    amount = amount_text(payout.money_minor, payout.currency)
    return Sheet(
        title="Certificate of a payout",
        seller=seller.lines,
        about=(
            ("Creator", payout.creator),
            ("Payout", str(payout.id)),
            ("Requested on", seller.day_of(payout.requested_at)),
            ("State", payout.state.value),
        ),
        tables=(
            (
                *(_source_row(line, payout.currency) for line in certificate.lines),
                ("Total", f"{payout.diamonds:,} diamonds, {amount}"),
            ),
            (
                ("Fee", amount_text(payout.fee_minor, payout.currency)),
                ("Paid out", amount_text(payout.amount_minor, payout.currency)),
            ),
        ),
        notes=(IN_ORDER,),
    )


def _about(statement: Statement, seller: Seller, zone: str) -> Iterator[tuple[str, str]]:
    yield "Creator", statement.creator
    yield "From", statement.period.start.isoformat()
    yield "To", statement.period.last_day.isoformat()
    yield "Time zone", zone
    numbers = [number_of(seller, month.year, number) for month, number in statement.numbers]
    if numbers:
        yield "Self-billing", ", ".join(numbers)
    if statement.closed_at is not None:
        yield "Closed on", seller.day_of(statement.closed_at)


def _notes(statement: Statement) -> Iterator[str]:
    if not statement.is_closed:
        yield NOT_FINAL
    if statement.numbers:
        yield SELF_BILLED
    yield BY_RECORD


def _table(balance: Balance) -> Iterator[tuple[str, str]]:
    def written(amount: int) -> str:
        if balance.asset == DIAMONDS:
            return f"{amount:,} diamonds"
        return amount_text(amount, balance.asset)

    yield "Opening balance", written(balance.opening)
    for change in balance.changes:
        count = f" ({change.entries:,})" if change.line is Line.GIFTS else ""
        yield f"{LINES[change.line]}{count}", written(change.amount)
    yield "Closing balance", written(balance.closing)


def _source_row(line: CertificateLine, currency: str) -> tuple[str, str]:
    label = SOURCES[line.source]
    if line.lot_kind is not None:
        label = f"{label} ({line.gifts:,}), by {line.lot_kind} coins"
    if line.voluntary:
        label = f"{label}, voluntary"
    return label, f"{line.diamonds:,} diamonds, {amount_text(line.gross_minor, currency)}"
