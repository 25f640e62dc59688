"""
Payments that a bank gets as a file, and what its reports say of them.

A payment is ordered once, is written into one file for ever, and its status follows from all that
the bank ever said of it, in whichever order the reports came.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from services.payout.domain.bank_accounts import Debtor
from services.payout.domain.payouts import ProviderStatus
from shared.errors import Kind, Refusal

REPORTS = UUID("0b0f1e3a-8f57-5c0e-8a53-5d3c9a0c6d11")
# Why a payment failed whose account was erased before it was in a file.
ACCOUNT_ERASED = "account-erased"
# Of a bank's statement: the money came back.
RETURN = "RTRN"
# https://www.iso20022.org/catalogue-messages/additional-content-messages/external-code-sets:
# ExternalPaymentTransactionStatus1Code. All others say that the payment is still on its way.
_MEANINGS = {
    "ACSC": ProviderStatus.PAID,
    "ACCC": ProviderStatus.PAID,
    "RJCT": ProviderStatus.FAILED,
    "CANC": ProviderStatus.FAILED,
    RETURN: ProviderStatus.RETURNED,
}
# Of several, the one that takes the money furthest: a bank that says both "paid" and "rejected"
# contradicts itself, and money that may be gone is not given a second time.
_FURTHEST = (
    ProviderStatus.RETURNED,
    ProviderStatus.PAID,
    ProviderStatus.FAILED,
    ProviderStatus.SUBMITTED,
)


class NothingWaits(Refusal):
    """No payment waits to be written into a bank file."""

    kind = Kind.CONFLICT


class NoSuchFile(Refusal):
    """There is no such bank file."""

    kind = Kind.NOT_FOUND


class KeyMissing(Refusal):
    """None of the keys of this installation opens the file."""

    kind = Kind.CONFLICT


class ReportUnreadable(Refusal):
    """This is no status report (pain.002) or statement (camt.053, camt.054) of a bank."""

    kind = Kind.INVALID


class OrderState(StrEnum):
    """Where an order stands with us; what the bank made of it is in its statuses."""

    WAITING = "waiting"
    FILED = "filed"
    # Its account was erased before a file was made.
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class BankRules:
    """Who pays, what payees read on their statement, and when a file is made."""

    debtor: Debtor
    description: str
    payments_per_file_max: int
    # The time of day at which everything ordered before is written into files.
    file_at: time
    time_zone: str
    # A report that ends a payment of more than this has to be brought by two people.
    confirm_above_minor: int

    def __post_init__(self) -> None:
        assert self.confirm_above_minor >= 0
        assert 0 < self.payments_per_file_max <= 10_000
        assert self.description.strip()
        ZoneInfo(self.time_zone)

    def newest_due(self, now: datetime) -> datetime:
        """Return the newest time at which files were to be made."""
        here = self.local_time(now)
        due = datetime.combine(here.date(), self.file_at, here.tzinfo)
        return (due if due <= here else due - timedelta(days=1)).astimezone(UTC)

    def local_time(self, now: datetime) -> datetime:
        return now.astimezone(ZoneInfo(self.time_zone))


@dataclass(frozen=True, slots=True)
class BankPayment:
    """One payment of a file; `attempt` is all that the bank repeats of it."""

    creator: str
    attempt: UUID
    amount_minor: int
    holder: str
    iban: str


@dataclass(frozen=True, slots=True)
class BankFile:
    """A file as it was made, encrypted: it has names and accounts of people."""

    id: UUID
    payments: int
    amount_minor: int
    currency: str
    made_at: datetime
    made_by: str
    key_id: str
    encrypted: bytes


@dataclass(frozen=True, slots=True)
class StoredReport:
    """
    A report as it came, encrypted, and what we made of it.

    It counts from `applied_at` on. Until then it waits for a colleague who brings it as well
    (`confirmed_by`).
    """

    id: UUID
    message_id: str
    kind: str
    statuses: int
    contradictions: int
    received_by: str
    key_id: str
    encrypted: bytes
    confirmed_by: str | None = None
    applied_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BankStatus:
    """
    What a report says of one payment, or of all payments of a file (`attempt` is None).

    `file` is the file that the report is about, None if it does not say. `attempt` is the text
    that the bank repeats as our reference. Amount and currency are None if they are not repeated.
    """

    code: str
    attempt: str | None
    file: str | None
    reason: str | None = None
    amount_minor: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class BankReport:
    """A report of a bank: its own id, its kind (pain.002, camt.053, camt.054), what it says."""

    message_id: str
    kind: str
    statuses: Sequence[BankStatus]


@dataclass(frozen=True, slots=True)
class FiledOrder:
    """An order that a report can be about, and the file that it is in."""

    creator: str
    attempt: UUID
    amount_minor: int
    currency: str
    file: UUID | None


@dataclass(frozen=True, slots=True)
class ReportedStatus:
    """What a report says of an order that we know."""

    creator: str
    attempt: UUID
    amount_minor: int
    code: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class BankOrder:
    """An order, and all that was ever said of it: status codes with their reasons."""

    creator: str
    attempt: UUID
    amount_minor: int
    currency: str
    state: OrderState
    codes: Sequence[str]
    reasons: Sequence[str | None]

    @property
    def status(self) -> ProviderStatus:
        if self.state is OrderState.DROPPED:
            return ProviderStatus.FAILED
        return status_of(self.codes)

    @property
    def reason(self) -> str | None:
        """Why it came to this; of several reasons the first by alphabet, whatever came first."""
        if self.state is OrderState.DROPPED:
            return ACCOUNT_ERASED
        status = self.status
        reported = zip(self.codes, self.reasons, strict=True)
        reasons = [reason for code, reason in reported if reason and meaning_of(code) is status]
        return min(reasons, default=None)


def needs_colleague(reported: Iterable[ReportedStatus], rules: BankRules) -> bool:
    """
    Whether a second person has to bring a report: it ends a payment of more than one may say alone.

    Payments are looked at one by one, so that a report in several parts says no more.
    """
    return any(
        each.amount_minor > rules.confirm_above_minor
        and meaning_of(each.code) is not ProviderStatus.SUBMITTED
        for each in reported
    )


def meaning_of(code: str) -> ProviderStatus:
    """Return what a status code of ISO 20022 says of the money."""
    return _MEANINGS.get(code, ProviderStatus.SUBMITTED)


def status_of(codes: Collection[str]) -> ProviderStatus:
    """Return the status that follows from all codes a bank ever gave; their order is no matter."""
    reported = {meaning_of(code) for code in codes}
    return next((status for status in _FURTHEST if status in reported), ProviderStatus.SUBMITTED)


def is_self_contradiction(codes: Collection[str]) -> bool:
    """Whether a bank says of one payment both that it was made and that it never was."""
    reported = {meaning_of(code) for code in codes}
    return ProviderStatus.FAILED in reported and bool(
        reported & {ProviderStatus.PAID, ProviderStatus.RETURNED}
    )


def report_of(content_hash: bytes) -> UUID:
    """Return the id of a report: the same bytes, the same report."""
    return uuid5(REPORTS, content_hash.hex())


def match_report(
    report: BankReport, orders: Sequence[FiledOrder]
) -> tuple[list[ReportedStatus], list[str]]:
    """
    Return what a report says of which orders, and what of it cannot be, in words.

    `orders` are those that the report names, and all of the files that it names. What is said of a
    single payment counts before what is said of its whole file.
    """
    by_attempt = {order.attempt.hex: order for order in orders}
    reported: list[ReportedStatus] = []
    wrong: list[str] = []
    named: set[str] = set()
    for status in report.statuses:
        if status.attempt is None:
            continue
        order = by_attempt.get(status.attempt.replace("-", "").lower())
        contradiction = _contradiction(status, order)
        if contradiction is not None or order is None:
            wrong.append(contradiction or status.attempt)
            continue
        named.add(order.attempt.hex)
        reported.append(_reported(order, status))
    for status in report.statuses:
        if status.attempt is None:
            in_file = [each for each in orders if each.file and each.file.hex == status.file]
            if not in_file:
                wrong.append(f"{status.code} of the file {status.file}, which we never made")
            reported += [
                _reported(each, status) for each in in_file if each.attempt.hex not in named
            ]
    return reported, wrong


def _reported(order: FiledOrder, status: BankStatus) -> ReportedStatus:
    return ReportedStatus(
        order.creator, order.attempt, order.amount_minor, status.code, status.reason
    )


def _contradiction(status: BankStatus, order: FiledOrder | None) -> str | None:
    """Return why a status cannot be about this order, or None if it can."""
    if order is None:
        return f"{status.code} of {status.attempt}, which we never ordered"
    if order.file is None:
        return f"{status.code} of {order.attempt}, which is in no file"
    if status.file is not None and status.file != order.file.hex:
        return f"{status.code} of {order.attempt}, which is not in the file {status.file}"
    stated = (status.amount_minor, status.currency)
    ordered = (order.amount_minor, order.currency)
    if any(value not in (None, ours) for value, ours in zip(stated, ordered, strict=True)):
        return f"{status.code} of {order.attempt} with another amount: {stated}"
    return None
