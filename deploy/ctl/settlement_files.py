"""
Settlement files of providers: what changed our balance there, line by line.

Stripe's itemized reports ("balance change from activity", "payout reconciliation") and PayPal's
settlement report (STL), as both are downloaded. A file is read as it comes, and never held whole.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

from shared.money import exponent_of, is_currency

_STRIPE_NEEDS = ("reporting_category", "currency", "gross", "fee")
_STRIPE_NAMES = ("charge_id", "payment_intent_id", "source_id")
_STRIPE_SALES = ("charge", "payment")
# Money of payments, their refunds, their reversals and chargebacks; all else is of no payment.
_PAYPAL_ABOUT_PAYMENTS = ("T00", "T11", "T12")
_PAYPAL_SALE = "T00"
_DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")


class Unreadable(ValueError):
    """The file is no settlement file that we can read; the text says why, and on which line."""


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """
    One change of our balance at a provider.

    `names` are what the provider calls the payment behind it; a change of no payment, such as a
    payout of the provider to us, has none. `gross_minor` is signed, `fee_minor` is what was kept.
    """

    number: int
    names: tuple[str, ...]
    is_sale: bool
    currency: str
    gross_minor: int
    fee_minor: int
    at: datetime
    text: str


def read_lines(file: TextIO) -> Iterator[SettlementLine]:
    """Read a file of either provider; PayPal's begins with a line that says RH."""
    is_paypal = file.read(4).lstrip('"').startswith("RH")
    file.seek(0)
    return read_paypal(file) if is_paypal else read_stripe(file)


def read_stripe(text: Iterable[str]) -> Iterator[SettlementLine]:
    """Read Stripe's CSV; amounts are decimal there."""
    rows = csv.DictReader(text)
    missing = [name for name in _STRIPE_NEEDS if name not in (rows.fieldnames or ())]
    if missing:
        raise Unreadable(f"the first line has no column {', '.join(missing)}")
    for row in rows:
        number, category = rows.line_num, row["reporting_category"]
        names = tuple(row[name] for name in _STRIPE_NAMES if row.get(name))
        is_about_payment = bool(row.get("charge_id") or row.get("payment_intent_id"))
        currency = _currency(row["currency"].upper(), number)
        yield SettlementLine(
            number,
            names if is_about_payment else (),
            category in _STRIPE_SALES,
            currency,
            _minor(row["gross"], currency, number),
            _minor(row["fee"], currency, number),
            _time(row.get("created_utc") or row.get("created") or "", number),
            f"{category} {row.get('source_id') or ''}".strip(),
        )


def read_paypal(text: Iterable[str]) -> Iterator[SettlementLine]:
    """Read PayPal's STL; amounts are in minor units there, each with its own sign."""
    columns: list[str] = []
    rows = csv.reader(text)
    for row in rows:
        match row[:1]:
            case ["CH"]:
                columns = row
            case ["SB"]:
                if not columns:
                    raise Unreadable(f"line {rows.line_num}: the names of columns are missing")
                yield _paypal_line(dict(zip(columns, row, strict=False)), rows.line_num)
    if not columns:
        raise Unreadable("no line begins with CH: this is no settlement report of PayPal")


def _paypal_line(row: Mapping[str, str], number: int) -> SettlementLine:
    try:
        code = row["Transaction Event Code"]
        currency = _currency(row["Gross Transaction Currency"], number)
        gross, fee = row["Gross Transaction Amount"], row["Fee Amount"]
        gross_sign = _sign(row["Transaction Debit or Credit"], number)
        fee_sign = -_sign(row["Fee Debit or Credit"] or "DR", number)
        at = _time(row["Transaction Completion Date"], number)
        names = (row["Transaction ID"], row["PayPal Reference ID"])
    except KeyError as error:
        raise Unreadable(f"line {number}: the column {error} is missing") from error
    return SettlementLine(
        number,
        tuple(filter(None, names)) if code.startswith(_PAYPAL_ABOUT_PAYMENTS) else (),
        code.startswith(_PAYPAL_SALE),
        currency,
        gross_sign * _whole(gross, number),
        fee_sign * _whole(fee or "0", number),
        at,
        f"{code} {names[0]}",
    )


def _currency(code: str, number: int) -> str:
    if not is_currency(code):
        raise Unreadable(f"line {number}: {code!r} is no currency")
    return code


def _minor(text: str, currency: str, number: int) -> int:
    found = _DECIMAL.fullmatch(text.strip() or "0")
    exponent = exponent_of(currency)
    decimals = (found[3] or "").rstrip("0") if found else ""
    if found is None or len(decimals) > exponent:
        raise Unreadable(f"line {number}: {text!r} is no amount in {currency}")
    minor = int(found[2] + decimals.ljust(exponent, "0"))
    return -minor if found[1] else minor


def _whole(text: str, number: int) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", text.strip()):
        raise Unreadable(f"line {number}: {text!r} is no amount")
    return int(text)


def _sign(text: str, number: int) -> int:
    if text not in ("CR", "DR"):
        raise Unreadable(f"line {number}: {text!r} is neither CR nor DR")
    return 1 if text == "CR" else -1


def _time(text: str, number: int) -> datetime:
    """Read a time; one without a zone is in UTC."""
    try:
        at = datetime.fromisoformat(_spelt(text))
    except ValueError as error:
        raise Unreadable(f"line {number}: {text!r} is no time") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _spelt(text: str) -> str:
    """Return PayPal's `2026/11/28 23:10:05 -0800` as others write it."""
    return text.replace("/", "-").replace(" -", "-").replace(" +", "+")
