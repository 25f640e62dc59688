"""
Settlement files of providers matched against the books of purchase, with a list of exceptions.

For a payment whose sale is in the file, all that the file says of it has to be what the books say:
what is left of it on our balance, and which fees were kept. A file may have any length: what it
says lies in a database on disk while it is read. Our books are read in pieces, each at an instant
of its own: a payment that changes meanwhile may be an exception, and is none the next time.
"""

import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Self

from deploy.ctl.settlement_files import SettlementLine
from shared.postgres.database import Database, Rows, Transaction
from shared.postgres.statements import text

BATCH = 500


class Kind(StrEnum):
    """Why something is an exception."""

    IN_FILE_ONLY = "in-file-only"
    IN_BOOKS_ONLY = "in-books-only"
    AMOUNT_DIFFERS = "amount-differs"
    FEE_DIFFERS = "fee-differs"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """
    A payment, or a line of the file, of which file and books do not say the same.

    An amount is what is left on our balance, without fees, or for `fee-differs` the fees.
    """

    kind: Kind
    payment: str
    currency: str
    in_file_minor: int | None
    in_books_minor: int | None
    where: str


@dataclass(slots=True)
class Summary:
    """How much was compared; it is complete once all mismatches were read."""

    lines: int = 0
    of_no_payment: int = 0
    payments: int = 0
    # Payments with lines in the file whose sale is in an earlier one: they are not compared.
    of_earlier_sales: int = 0
    mismatches: int = 0


async def match(
    database: Database, provider: str, lines: Iterable[SettlementLine], summary: Summary
) -> AsyncIterator[Mismatch]:
    """Yield what file and books do not agree on: of the file's lines, then of the books."""
    with _Totals() as totals:
        waiting = iter(lines)
        while chunk := list(islice(waiting, BATCH)):
            async for mismatch in _add(database, provider, chunk, totals, summary):
                summary.mismatches += 1
                yield mismatch
        async for mismatch in _compare(database, totals, summary):
            summary.mismatches += 1
            yield mismatch
        async for mismatch in _missing(database, provider, totals):
            summary.mismatches += 1
            yield mismatch


async def _add(
    database: Database,
    provider: str,
    lines: Sequence[SettlementLine],
    totals: "_Totals",
    summary: Summary,
) -> AsyncIterator[Mismatch]:
    """Add lines to what the file says of their payments; yield those of unknown payments."""
    names = sorted({name for line in lines for name in line.names})
    async with database.reference.snapshot() as tx:
        rows = await tx.execute(_PAYMENTS, {"provider": provider, "names": names})
    known = {row.name: row.payment for row in rows}
    for line in lines:
        summary.lines += 1
        if not line.names:
            summary.of_no_payment += 1
            continue
        payment = next((known[name] for name in line.names if name in known), None)
        if payment is None:
            net_minor = line.gross_minor - line.fee_minor
            where = f"line {line.number}: {line.text}"
            yield Mismatch(Kind.IN_FILE_ONLY, line.names[0], line.currency, net_minor, None, where)
        else:
            totals.add(payment, line)


async def _compare(
    database: Database, totals: "_Totals", summary: Summary
) -> AsyncIterator[Mismatch]:
    for chunk in totals.in_batches():
        read = partial(_read_booked, payments=sorted({each.payment for each in chunk}))
        rows = chain.from_iterable(await database.read_each(read))
        booked = {(row.payment, row.currency): row for row in rows}
        for total in chunk:
            if not total.has_sale:
                summary.of_earlier_sales += 1
                continue
            summary.payments += 1
            row = booked.get((total.payment, total.currency))
            balance, fee = (row.balance_minor, row.fee_minor) if row else (None, None)
            for kind, in_file, in_books in (
                (Kind.AMOUNT_DIFFERS, total.net_minor, balance),
                (Kind.FEE_DIFFERS, total.fee_minor, fee),
            ):
                if in_file != in_books:
                    where = f"line {total.first_line}"
                    yield Mismatch(kind, total.payment, total.currency, in_file, in_books, where)


async def _read_booked(tx: Transaction, payments: Sequence[str]) -> Rows:
    return await tx.execute(_BOOKED, {"payments": payments})


async def _missing(database: Database, provider: str, totals: "_Totals") -> AsyncIterator[Mismatch]:
    """Yield payments of the file's time that the file does not have."""
    if totals.since is None:
        return
    values = {"provider": provider, "since": totals.since, "until": totals.until}
    for part in database.parts:
        async with part.snapshot() as tx:
            async for row in tx.stream(_BETWEEN, values):
                if not totals.has(row.payment):
                    where = f"purchase {row.purchase} of {row.viewer}"
                    yield Mismatch(
                        Kind.IN_BOOKS_ONLY, row.payment, row.currency, None, row.amount_minor, where
                    )


@dataclass(frozen=True, slots=True)
class _Total:
    payment: str
    currency: str
    net_minor: int
    fee_minor: int
    has_sale: bool
    first_line: int


class _Totals:
    """What the file says of each payment, added up on disk."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ovation-settlements-")
        self._db = sqlite3.connect(Path(self._folder.name) / "totals.sqlite")
        self._db.execute(_CREATE)
        # The time that the file covers: from its first sale to its last.
        self.since: datetime | None = None
        self.until: datetime | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        self._folder.cleanup()

    def add(self, payment: str, line: SettlementLine) -> None:
        net_minor = line.gross_minor - line.fee_minor
        sale = int(line.is_sale)
        values = (payment, line.currency, net_minor, line.fee_minor, sale, line.number)
        self._db.execute(_ADD, values)
        if line.is_sale:
            self.since = min(self.since or line.at, line.at)
            self.until = max(self.until or line.at, line.at)

    def has(self, payment: str) -> bool:
        return self._db.execute(_HAS, (payment,)).fetchone() is not None

    def in_batches(self) -> Iterator[list[_Total]]:
        rows = self._db.execute(_ALL)
        while found := rows.fetchmany(BATCH):
            yield [
                _Total(payment, currency, net_minor, fee_minor, bool(sale), line)
                for payment, currency, net_minor, fee_minor, sale, line in found
            ]


_CREATE = """
    CREATE TABLE totals (
        payment TEXT, currency TEXT, net INTEGER, fee INTEGER, sale INTEGER, line INTEGER,
        PRIMARY KEY (payment, currency)
    ) WITHOUT ROWID
"""
_ADD = """
    INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET net = net + excluded.net, fee = fee + excluded.fee,
                              sale = max(sale, excluded.sale)
"""
_HAS = "SELECT 1 FROM totals WHERE payment = ? LIMIT 1"
_ALL = "SELECT payment, currency, net, fee, sale, line FROM totals ORDER BY line"
_PAYMENTS = text("""
    SELECT name, payment FROM payment_names
    WHERE provider = :provider AND name = ANY(CAST(:names AS text[]))
""")
# What the provider said of a payment's balance when it was asked last, by currency; and without
# such words what the books have of it.
_BOOKED = text("""
    SELECT payment, settlement->>'currency' AS currency,
           CAST(settlement->>'balance_minor' AS bigint) AS balance_minor,
           CAST(settlement->>'fee_minor' AS bigint) AS fee_minor
    FROM provider_answers, jsonb_array_elements(settlements) AS settlement
    WHERE payment = ANY(CAST(:payments AS text[]))
    UNION ALL
    SELECT payments.payment, payments.currency,
           payments.amount_minor - coalesce(answer.fee_minor, 0) - answer.given_back_minor - (
               SELECT coalesce(sum(refunds.amount_minor), 0)::bigint FROM refunds
               WHERE refunds.viewer = payments.viewer AND refunds.purchase = payments.purchase
                 AND refunds.state = 'refunded' AND payments.allocation = 'applied'
           ),
           coalesce(answer.fee_minor, 0)
    FROM payments JOIN provider_answers AS answer USING (viewer, purchase, payment)
    WHERE payment = ANY(CAST(:payments AS text[])) AND answer.settlements = '[]'
""")
_BETWEEN = text("""
    SELECT payments.viewer, payments.purchase, payments.payment, payments.currency,
           payments.amount_minor
    FROM payments JOIN purchases
        ON purchases.viewer = payments.viewer AND purchases.id = payments.purchase
    WHERE provider = :provider AND payments.paid_at BETWEEN :since AND :until
""")
