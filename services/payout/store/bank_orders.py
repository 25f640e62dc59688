"""The waiting list of payments by bank file, and what reports say of each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.payout import columns as tables
from services.payout.domain.bank_accounts import StoredAccount
from services.payout.domain.bank_files import BankOrder, FiledOrder, ReportedStatus
from services.payout.domain.payouts import SENDABLE
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, update_rows
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """An order that may be written into a file now; its row is locked."""

    creator: str
    attempt: UUID
    amount_minor: int
    currency: str


_order = RowMapper(BankOrder)
_filed = RowMapper(FiledOrder)
_waiting = RowMapper(WaitingOrder, tables.BankOrder)
_account = RowMapper(StoredAccount)
# An attempt names its creator: nobody is paid into the account of another one's token.
_ADD = text("""
    INSERT INTO bank_orders (creator, attempt, account, amount_minor, currency)
    SELECT attempts.creator, attempts.id, bank_accounts.token, :amount_minor, :currency
    FROM attempts JOIN bank_accounts
        ON bank_accounts.creator = attempts.creator AND bank_accounts.token = :account
    WHERE attempts.id = :attempt
    ON CONFLICT DO NOTHING
""")
_FIND = text("""
    SELECT creator, attempt, amount_minor, currency, state,
           ARRAY(SELECT code FROM bank_statuses AS reported
                 WHERE reported.creator = bank_orders.creator
                   AND reported.attempt = bank_orders.attempt
                 ORDER BY report, code) AS codes,
           ARRAY(SELECT reason FROM bank_statuses AS reported
                 WHERE reported.creator = bank_orders.creator
                   AND reported.attempt = bank_orders.attempt
                 ORDER BY report, code) AS reasons
    FROM bank_orders WHERE attempt = :attempt
""")
_DROP_ERASED = text("""
    UPDATE bank_orders SET state = 'dropped'
    FROM (
        SELECT creator, attempt FROM bank_orders AS waiting
        WHERE state = 'waiting' AND NOT EXISTS (
            SELECT FROM bank_accounts
            WHERE bank_accounts.creator = waiting.creator AND token = waiting.account
        )
        ORDER BY ordered_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) AS erased
    WHERE bank_orders.creator = erased.creator AND bank_orders.attempt = erased.attempt
    RETURNING bank_orders.attempt
""")
# Another process may write the same batch at this moment: the second one waits for its orders.
_CLAIM = text(f"""
    SELECT {_waiting.columns}, token, key_id, encrypted, added_at
    FROM bank_orders
    JOIN attempts ON attempts.creator = bank_orders.creator AND attempts.id = bank_orders.attempt
    JOIN payouts ON payouts.creator = attempts.creator AND payouts.id = attempts.payout
    JOIN bank_accounts
        ON bank_accounts.creator = bank_orders.creator AND token = bank_orders.account
    WHERE bank_orders.state = 'waiting'
      AND ordered_at BETWEEN '-infinity' AND CAST(:before AS timestamptz)
      AND NOT attempts.closed AND payouts.state = ANY(CAST(:sendable AS text[]))
    ORDER BY ordered_at, bank_orders.creator, bank_orders.attempt LIMIT :limit
    FOR UPDATE OF bank_orders
""")  # noqa: S608 - our own text only
_ADD_PAYMENTS = insert_rows(tables.BankPayment, "creator", "attempt", "file")
_MARK_FILED = update_rows(tables.BankOrder, ("creator", "attempt"), (), also="state = 'filed'")
_FILED = """
    SELECT bank_orders.creator, bank_orders.attempt, amount_minor, currency, file
    FROM bank_orders LEFT JOIN bank_payments
        ON bank_payments.creator = bank_orders.creator
        AND bank_payments.attempt = bank_orders.attempt
"""
_OF_ATTEMPTS = text(f"{_FILED} WHERE bank_orders.attempt = ANY(CAST(:attempts AS uuid[]))")
_OF_FILES = text("""
    SELECT bank_orders.creator, bank_orders.attempt, amount_minor, currency, file
    FROM bank_payments JOIN bank_orders
        ON bank_orders.creator = bank_payments.creator
        AND bank_orders.attempt = bank_payments.attempt
    WHERE file = ANY(CAST(:files AS uuid[]))
""")
_UNREPORTED = text("""
    SELECT file, count(*) AS payments FROM bank_payments
    WHERE file = ANY(CAST(:files AS uuid[])) AND NOT EXISTS (
        SELECT FROM bank_statuses
        WHERE bank_statuses.creator = bank_payments.creator
          AND bank_statuses.attempt = bank_payments.attempt
    )
    GROUP BY file
""")
_ADD_STATUSES = insert_rows(
    tables.BankStatus,
    *("creator", "attempt", "report", "code", "reason"),
    then="ON CONFLICT DO NOTHING",
)
_CODES = text("""
    SELECT reported.creator, reported.attempt, array_agg(DISTINCT reported.code) AS codes
    FROM bank_statuses AS reported
    JOIN (SELECT * FROM unnest(CAST(:creator AS text[]), CAST(:attempt AS uuid[]))
          AS given (creator, attempt) LIMIT cardinality(CAST(:creator AS text[]))) AS given
        ON reported.creator = given.creator AND reported.attempt = given.attempt
    GROUP BY reported.creator, reported.attempt
""")
_OLDEST_WAITING = text("""
    SELECT coalesce(extract(epoch FROM now() - min(ordered_at)), 0)::float8 AS seconds
    FROM bank_orders WHERE state = 'waiting'
""")


async def add(
    tx: Transaction, attempt: UUID, *, amount_minor: int, currency: str, account: str
) -> None:
    """Order a payment once; nothing, if the attempt's creator has no such account."""
    values = {
        "attempt": attempt,
        "amount_minor": amount_minor,
        "currency": currency,
        "account": account,
    }
    await tx.execute(_ADD, values)


async def find(tx: Transaction, attempt: UUID) -> BankOrder | None:
    row = (await tx.execute(_FIND, {"attempt": attempt})).first()
    return _order(row) if row else None


async def drop_erased(tx: Transaction, limit: int) -> list[UUID]:
    """End orders whose account was erased before they were in a file; return their attempts."""
    return [row.attempt for row in await tx.execute(_DROP_ERASED, {"limit": limit})]


async def claim_waiting(
    tx: Transaction, *, before: datetime, limit: int
) -> list[tuple[WaitingOrder, StoredAccount]]:
    """Lock and return orders of payouts that may still be sent, with their accounts."""
    values = {
        "before": before,
        "limit": limit,
        "sendable": [state.value for state in SENDABLE],
    }
    return [(_waiting(row), _account(row)) for row in await tx.execute(_CLAIM, values)]


async def mark_filed(tx: Transaction, orders: Sequence[WaitingOrder], file: UUID) -> None:
    """Write orders into a file; the database refuses a second file of one attempt."""
    rows = arrays(orders, "creator", "attempt")
    await tx.execute(_ADD_PAYMENTS, {**rows, "file": [file] * len(orders)})
    await tx.execute(_MARK_FILED, rows)


async def of_report(
    tx: Transaction, *, attempts: Collection[UUID], files: Collection[UUID]
) -> list[FiledOrder]:
    """Return the orders of these attempts, and all of these files."""
    named = await tx.execute(_OF_ATTEMPTS, {"attempts": list(attempts)})
    filed = await tx.execute(_OF_FILES, {"files": list(files)})
    found = {(row.creator, row.attempt): _filed(row) for row in [*named, *filed]}
    return list(found.values())


async def count_unreported(tx: Transaction, files: Sequence[UUID]) -> dict[UUID, int]:
    """Return of how many payments of these files no report says anything, if of any."""
    rows = await tx.execute(_UNREPORTED, {"files": list(files)})
    return {row.file: row.payments for row in rows}


async def add_statuses(tx: Transaction, report: UUID, statuses: Sequence[ReportedStatus]) -> None:
    ordered = sorted(statuses, key=lambda each: (each.creator, each.attempt, each.code))
    rows = arrays(ordered, "creator", "attempt", "code", "reason")
    await tx.execute(_ADD_STATUSES, {**rows, "report": [report] * len(ordered)})


async def codes_of(
    tx: Transaction, statuses: Sequence[ReportedStatus]
) -> dict[tuple[str, UUID], list[str]]:
    """Return all codes that were ever given to the orders of these statuses."""
    rows = await tx.execute(_CODES, arrays(statuses, "creator", "attempt"))
    return {(row.creator, row.attempt): row.codes for row in rows}


async def oldest_waiting_seconds(tx: Transaction) -> float:
    """Return how long the oldest order has waited for a file, 0 if none waits."""
    return float((await tx.execute(_OLDEST_WAITING)).scalar_one())
